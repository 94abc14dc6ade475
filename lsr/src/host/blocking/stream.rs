//! An open file, pipe or device of a script: read and written without holding up its thread, and without C streams.
//!
//! C streams would do worse than wait: `popen` of the C library flushes every stream of the process and waits for a read in
//! any other script.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout},
};

/// Buffered in both directions, as C streams are.
#[derive(Debug)]
pub(super) struct Stream {
    kind: Kind,
    /// Read ahead; the first `taken` bytes are used up.
    ahead: Vec<u8>,
    taken: usize,
    /// Not written yet.
    behind: Vec<u8>,
    buffering: Buffering,
    failed: Option<io::Error>,
}

/// What is behind a stream.
#[derive(Debug)]
pub(super) enum Kind {
    File(Arc<fs::File>),
    /// The output of a process.
    Output(Child, ChildStdout),
    /// The input of a process; none after it was closed.
    Input(Child, Option<ChildStdin>),
    StandardOutput,
    StandardError,
    /// Standard input belongs to the console of the process: scripts find it at its end.
    StandardInput,
}

/// When what is written goes out (`setvbuf`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffering {
    No,
    Line,
    Full,
}

/// One format of `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Line,
    All,
    Number,
    Bytes(usize),
}

/// What a format has found; nothing at the end of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Text(Vec<u8>),
    Number(f64),
    Nothing,
}

impl Stream {
    pub(super) fn new(kind: Kind) -> Self {
        let buffering = match kind {
            Kind::StandardOutput | Kind::StandardError => Buffering::No,
            _ => Buffering::Full,
        };
        Self { kind, ahead: Vec::new(), taken: 0, behind: Vec::new(), buffering, failed: None }
    }

    pub(super) fn buffer(&mut self, buffering: Buffering) {
        self.buffering = buffering;
    }

    pub(super) async fn read(&mut self, format: Format) -> io::Result<Found> {
        self.flush().await?;
        match format {
            Format::Line => self.line().await,
            Format::All => self.all().await.map(Found::Text),
            Format::Bytes(count) => self.bytes(count).await,
            Format::Number => self.number().await,
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.forget_ahead().await?;
        self.behind.extend_from_slice(bytes);
        let due = match self.buffering {
            Buffering::No => true,
            Buffering::Line => bytes.contains(&b'\n'),
            Buffering::Full => false,
        };
        if due || self.behind.len() >= BUFFER { self.flush().await } else { Ok(()) }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.behind.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.behind);
        match &mut self.kind {
            Kind::File(file) => {
                let file = Arc::clone(file);
                aside(move || (&*file).write_all(&bytes)).await
            }
            Kind::Input(_, Some(pipe)) => pipe.write_all(&bytes).await,
            Kind::StandardOutput => io::stdout().lock().write_all(&bytes),
            Kind::StandardError => io::stderr().lock().write_all(&bytes),
            Kind::Output(..) | Kind::Input(_, None) | Kind::StandardInput => Err(bad_descriptor()),
        }
    }

    pub(super) async fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.flush().await?;
        self.forget_ahead().await?;
        let Kind::File(file) = &self.kind else { return Err(illegal_seek()) };
        let file = Arc::clone(file);
        aside(move || (&*file).seek(to)).await
    }

    /// Writes what is left; a process is waited for, as `pclose` does.
    pub(super) async fn close(mut self) -> io::Result<()> {
        let flushed = self.flush().await;
        match &mut self.kind {
            Kind::Output(child, _) => drop(child.wait().await?),
            Kind::Input(child, pipe) => {
                // End of file for the process.
                *pipe = None;
                drop(child.wait().await?);
            }
            _ => {}
        }
        flushed
    }

    /// Reads more; false at the end of the file.
    async fn fill(&mut self) -> io::Result<bool> {
        self.ahead.drain(..self.taken);
        self.taken = 0;
        let more = match &mut self.kind {
            Kind::File(file) => {
                let file = Arc::clone(file);
                aside(move || {
                    let mut more = vec![0; BUFFER];
                    let count = (&*file).read(&mut more)?;
                    more.truncate(count);
                    Ok(more)
                })
                .await?
            }
            Kind::Output(_, pipe) => {
                let mut more = Vec::with_capacity(BUFFER);
                pipe.read_buf(&mut more).await?;
                more
            }
            Kind::StandardInput => Vec::new(),
            Kind::Input(..) | Kind::StandardOutput | Kind::StandardError => return Err(bad_descriptor()),
        };
        self.ahead.extend_from_slice(&more);
        Ok(!more.is_empty())
    }

    fn rest(&self) -> &[u8] {
        self.ahead.get(self.taken..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.rest().get(..count).unwrap_or(self.rest()).to_vec();
        self.taken += taken.len();
        taken
    }

    async fn line(&mut self) -> io::Result<Found> {
        let mut searched = 0;
        loop {
            let rest = self.rest();
            if let Some(end) = rest.iter().skip(searched).position(|byte| *byte == b'\n') {
                let mut line = self.take(searched + end + 1);
                line.pop();
                return Ok(Found::Text(line));
            }
            searched = rest.len();
            if !self.fill().await? {
                let line = self.take(usize::MAX);
                return Ok(if line.is_empty() { Found::Nothing } else { Found::Text(line) });
            }
        }
    }

    async fn all(&mut self) -> io::Result<Vec<u8>> {
        while self.fill().await? {}
        Ok(self.take(usize::MAX))
    }

    async fn bytes(&mut self, count: usize) -> io::Result<Found> {
        // Zero bytes are asked for to learn whether there are more.
        while self.rest().len() < count.max(1) && self.fill().await? {}
        if self.rest().is_empty() {
            return Ok(Found::Nothing);
        }
        Ok(Found::Text(self.take(count)))
    }

    async fn number(&mut self) -> io::Result<Found> {
        loop {
            let blank = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.taken += blank;
            let digits = self.rest().iter().take_while(|byte| is_numeric(**byte)).count();
            if digits < self.rest().len() || !self.fill().await? {
                break;
            }
        }
        // The longest beginning that is a number, as `scanf` takes it.
        let numeric = self.rest().iter().take(MAX_DIGITS).take_while(|byte| is_numeric(**byte)).count();
        for length in (1..=numeric).rev() {
            let text = self.rest().get(..length).and_then(|digits| std::str::from_utf8(digits).ok());
            if let Some(number) = text.and_then(|text| text.parse().ok()) {
                self.taken += length;
                return Ok(Found::Number(number));
            }
        }
        Ok(Found::Nothing)
    }

    /// Before something is written: the place in the file is where the script believes it is.
    async fn forget_ahead(&mut self) -> io::Result<()> {
        let unread = i64::try_from(self.rest().len()).unwrap_or(0);
        self.ahead.clear();
        self.taken = 0;
        if let (Kind::File(file), true) = (&self.kind, unread > 0) {
            let file = Arc::clone(file);
            aside(move || (&*file).seek(SeekFrom::Current(-unread))).await?;
        }
        Ok(())
    }
}

impl Drop for Stream {
    /// One that was not closed still writes what is left, if that is possible at once.
    fn drop(&mut self) {
        if let Kind::File(file) = &self.kind
            && !self.behind.is_empty()
        {
            // Nobody is there to be told.
            let _ = (&**file).write_all(&self.behind);
        }
    }
}

/// Runs a call that may block on a thread for such calls.
async fn aside<T: Send + 'static>(call: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(call).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

const fn is_numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
}

/// What reading from a file opened for writing gives.
fn bad_descriptor() -> io::Error {
    io::Error::from_raw_os_error(9)
}

fn illegal_seek() -> io::Error {
    io::Error::from_raw_os_error(29)
}

const BUFFER: usize = 4096;
const MAX_DIGITS: usize = 200;
