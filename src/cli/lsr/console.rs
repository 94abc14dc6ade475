//! The console: a line `q` stops the process (script resource notes, 1.2).

use std::io::{self, BufRead};

use tokio::sync::mpsc;

/// Ends with a line `q` on standard input; never after its end, nor without `listening`.
pub(super) async fn quit(listening: bool) {
    let (sender, mut receiver) = mpsc::channel(1);
    if listening {
        let reading = move || {
            if reads_quit(io::stdin().lock()) {
                // Nobody waits when the process is stopping already.
                let _ = sender.blocking_send(());
            }
        };
        // Nobody can interrupt the read: the thread ends with the process.
        if let Err(error) = std::thread::Builder::new().name("console".to_owned()).spawn(reading) {
            tracing::warn!(%error, "Standard input is not read; stop the process by SIGTERM.");
        }
    }
    if receiver.recv().await.is_none() {
        std::future::pending().await
    }
}

/// Reads until a line `q` (true) or the end (false). Only the front of a line counts, so that no line fills the memory.
fn reads_quit(mut input: impl BufRead) -> bool {
    let mut line = Vec::with_capacity(LONGEST);
    loop {
        let Ok(buffer) = input.fill_buf() else { return false };
        if buffer.is_empty() {
            return false;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = end.and_then(|end| buffer.get(..end)).unwrap_or(buffer);
        line.extend(part.iter().take(LONGEST.saturating_sub(line.len())));
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            if line.trim_ascii().eq_ignore_ascii_case(b"q") {
                return true;
            }
            line.clear();
        }
    }
}

/// Longer than any line that means something.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_q_alone_stops() {
        for (input, wanted) in [
            ("q\n", true),
            ("\r\nhello\n q \r\n", true),
            ("quit\n", false),
            ("q", false),
            ("", false),
            ("xq\nqq\n", false),
        ] {
            assert_eq!(reads_quit(input.as_bytes()), wanted, "{input:?}");
        }
        let long = format!("{}\nq\n", "x".repeat(100_000));
        assert!(reads_quit(io::BufReader::with_capacity(7, long.as_bytes())));
        assert!(!reads_quit(format!("{}q\n", " ".repeat(LONGEST)).as_bytes()));
    }
}
