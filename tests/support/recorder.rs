//! Stands for the gateway: answers as the test says, and keeps what was asked.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use super::{free_port, wait::wait_for};

/// One request to the recorder.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) json: Value,
}

type Answers = dyn Fn(&Seen) -> (u16, String) + Send + Sync;

/// An HTTP server on a port of this machine, which may be closed and opened again.
pub(crate) struct Recorder {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Recorder {
    /// One that answers what `answers` says: status and body.
    pub(crate) fn start(answers: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        let port = free_port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let (answers, log): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                // Whoever is gone does not want an answer.
                thread::spawn(move || serve(stream, &*answers, &log).ok());
            }
        });
        Self { port, seen }
    }

    /// Everything so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics with it in hand").clone()
    }

    /// Waits until as many requests as `count` have a path that contains `part`, and answers them.
    pub(crate) fn until(&self, part: &str, count: usize) -> Vec<Seen> {
        let matching = || self.seen().into_iter().filter(|seen| seen.path.contains(part)).collect::<Vec<_>>();
        wait_for(&format!("{count} times {part}"), matching, |seen| seen.len() >= count)
    }

    /// The rows of all pushes of `thing` that were answered, in their order: name and value.
    pub(crate) fn rows(&self, thing: &str) -> Vec<(String, Value)> {
        let path = format!("/Thingworx/Things/{thing}/Services/UpdateSubscribedPropertyValues");
        let pushes = self.seen().into_iter().filter(|seen| seen.path == path);
        pushes.flat_map(|seen| rows_of(&seen)).collect()
    }
}

/// The rows of a push: name and value.
pub(crate) fn rows_of(push: &Seen) -> Vec<(String, Value)> {
    let rows = push.json["rows"][0]["values"]["rows"].as_array().cloned().unwrap_or_default();
    let pair =
        |row: &Value| (row["name"].as_str().unwrap_or_default().to_owned(), row["value"]["value"].clone());
    rows.iter().map(pair).collect()
}

fn serve(stream: TcpStream, answers: &Answers, log: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header == "\r\n" {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let seen = Seen { method, path, json: serde_json::from_slice(&body).unwrap_or(Value::Null) };
    let (status, text) = answers(&seen);
    log.lock().expect("nobody panics with it in hand").push(seen);
    write!(
        &stream,
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}
