//! A small HTTP/1.1 client: one connection a request, answers read to their declared end and no further.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use serde_json::Value;

use super::wait::SOON;

/// A request to be sent as it is written here.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: None }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it to `address`, `host:port`.
    pub(crate) fn send(&self, address: &str) -> io::Result<Answer> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        exchange(address, &bytes)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `Null` if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A column of the first row of an infotable; `Null` if there is none.
    pub(crate) fn cell(&self, column: &str) -> Value {
        self.json()["rows"][0][column].clone()
    }

    /// Whether the body is a sentence for people: some words, no markup, no data.
    pub(crate) fn is_sentence(&self) -> bool {
        let text = self.text();
        text.trim().contains(' ') && !text.starts_with(['{', '<'])
    }

    fn parse(bytes: &[u8], mut more: impl FnMut(&mut Vec<u8>) -> io::Result<bool>) -> io::Result<Self> {
        let mut bytes = bytes.to_vec();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !more(&mut bytes)? {
                let problem =
                    format!("closed after {} bytes, before the head of an answer ended", bytes.len());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP answer: {head:?}")))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: bytes.split_off(end + 4) };
        let length: Option<usize> = answer.header("content-length").and_then(|text| text.parse().ok());
        while length.is_none_or(|length| answer.body.len() < length) && more(&mut answer.body)? {}
        if length.is_some_and(|length| answer.body.len() != length) {
            let problem = format!("{} bytes of body, {length:?} announced", answer.body.len());
            return Err(io::Error::other(problem));
        }
        Ok(answer)
    }
}

/// Sends `bytes`, whatever they are, and reads one answer.
pub(crate) fn exchange(address: &str, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.set_write_timeout(Some(SOON))?;
    // A server may answer and close before it has read everything; then its answer counts.
    let written = stream.write_all(bytes);
    let answer = Answer::parse(&[], |into| {
        let mut buffer = [0; 16 * 1024];
        let count = stream.read(&mut buffer)?;
        into.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    });
    // Gone already is as good.
    let _ = stream.shutdown(Shutdown::Both);
    match (answer, written) {
        (Ok(answer), _) => Ok(answer),
        (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
    }
}
