//! HTTP/1.1 with the bare hands: one request a connection, read to its end, so that a second answer would be seen.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Shown to a platform.
    pub(crate) app_key: Option<&'a str>,
    pub(crate) body: &'a str,
}

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Bytes behind its declared end.
    pub(crate) surplus: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Nobody took the connection, or it ended before the answer was whole.
    #[error("the connection ended")]
    Ended,
    /// It stands, and nothing comes.
    #[error("no answer in {0:?}")]
    Late(Duration),
}

/// What arrived at our own server.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

impl Request<'_> {
    /// Sends it and reads the answer.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`].
    pub(crate) async fn send(self, to: SocketAddr, wait: Duration) -> Result<Answer, NoAnswer> {
        match timeout(wait, self.exchange(to)).await {
            Ok(Ok(bytes)) => parse(&bytes).ok_or(NoAnswer::Ended),
            Ok(Err(_)) => Err(NoAnswer::Ended),
            Err(_) => Err(NoAnswer::Late(wait)),
        }
    }

    async fn exchange(self, to: SocketAddr) -> io::Result<Vec<u8>> {
        let Self { method, path, app_key, body } = self;
        let key = app_key.map(|key| format!("appKey: {key}\r\n")).unwrap_or_default();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Type: application/json\r\n{key}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        stream.write_all(text.as_bytes()).await?;
        let mut bytes = Vec::new();
        // A reset behind a whole answer takes nothing from it.
        let ended = (&mut stream).take(LONGEST).read_to_end(&mut bytes).await;
        if bytes.is_empty() { ended.map(|_| bytes) } else { Ok(bytes) }
    }
}

/// Reads one request from a connection that stays open; `None` at its end.
///
/// # Errors
///
/// As the socket says.
pub(crate) async fn read_request(stream: &mut TcpStream, rest: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    loop {
        if let Some(asked) = take_request(rest) {
            return Ok(Some(asked));
        }
        if stream.read_buf(rest).await? == 0 {
            return Ok(None);
        }
        if u64::try_from(rest.len()).unwrap_or(u64::MAX) > LONGEST {
            return Err(io::Error::other("a request of more than 4 MiB"));
        }
    }
}

/// Writes an answer of JSON.
///
/// # Errors
///
/// As the socket says.
pub(crate) async fn write_answer(stream: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    let text = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

/// Cuts a whole answer out of everything that came; `None` if it is not whole.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let (head, body) = split(bytes)?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = length(head).unwrap_or(body.len());
    let (whole, surplus) = body.split_at_checked(length)?;
    Some(Answer { status, body: whole.to_vec(), surplus: surplus.len() })
}

fn take_request(bytes: &mut Vec<u8>) -> Option<Asked> {
    let (head, rest) = split(bytes)?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let length = length(head).unwrap_or_default();
    let body = rest.get(..length)?.to_vec();
    let used = bytes.len() - rest.len() + length;
    bytes.drain(..used);
    Some(Asked { method, path, body })
}

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    Some((head, bytes.get(end + 4..)?))
}

fn length(head: &str) -> Option<usize> {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(value)
}

/// Longest request or answer.
const LONGEST: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_none_and_what_follows_is_seen() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1";
        let answer = parse(text).expect("an answer");
        assert_eq!((answer.status, answer.body.as_slice(), answer.surplus), (202, &b"{}"[..], 8));
        assert!(parse(&text[..text.len() - 9]).is_none(), "its body is cut off");
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_none());
    }

    #[test]
    fn requests_on_one_connection_are_told_apart() {
        let mut bytes = b"PUT /a HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\nGE".to_vec();
        let first = take_request(&mut bytes).expect("the first");
        assert_eq!(
            (first.method.as_str(), first.path.as_str(), first.body.as_slice()),
            ("PUT", "/a", &b"abc"[..])
        );
        let second = take_request(&mut bytes).expect("the second");
        assert_eq!((second.method.as_str(), second.path.as_str(), second.body.len()), ("GET", "/b", 0));
        assert!(take_request(&mut bytes).is_none());
        assert_eq!(bytes, b"GE");
    }
}
