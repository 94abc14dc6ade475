//! Asks a running gateway or script resource by the admin socket in its state directory.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args as ClapArgs;
use edgebind_config::{Config, Sources, load};
use serde_json::Value;

use crate::{admin, state_dir};

/// Which process is asked.
#[derive(Debug, ClapArgs)]
pub(super) struct Which {
    /// Asks the script resource of this machine instead of the gateway.
    #[arg(long)]
    lsr: bool,
    /// Configuration file of the gateway, which may name its state directory.
    #[arg(long, value_name = "FILE", default_value = "etc/config.json", global = true)]
    cfg: PathBuf,
    /// State directory of the process that is asked.
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum InquiryError {
    #[error("{0}")]
    StateDir(#[from] state_dir::StateDirError),
    #[error(
        "no {program} runs with the state directory {}: {source}; {advice}",
        folder.display()
    )]
    NotRunning { program: &'static str, folder: PathBuf, source: io::Error, advice: &'static str },
    #[error("the answer broke off: {0}")]
    Broken(io::Error),
    #[error("the answer cannot be read")]
    Unreadable,
    #[error("{0}")]
    Refused(String),
}

impl Which {
    /// Asks for `path` below `/edgebind/v1/`.
    ///
    /// # Errors
    ///
    /// [`InquiryError`]
    pub(super) fn ask(&self, path: &str) -> Result<Value, InquiryError> {
        exchange(self.connect(PATIENCE)?, "GET", path, "")
    }

    /// Tells the gateway to do something, as [`Which::ask`]; that may take minutes.
    ///
    /// # Errors
    ///
    /// [`InquiryError`]
    pub(super) fn tell(&self, path: &str, what: &Value) -> Result<Value, InquiryError> {
        exchange(self.connect(LONG_PATIENCE)?, "POST", path, &what.to_string())
    }

    /// Whether a gateway can be asked.
    ///
    /// # Errors
    ///
    /// [`InquiryError::StateDir`]
    pub(super) fn answers(&self) -> Result<bool, InquiryError> {
        match self.connect(PATIENCE) {
            Ok(_) => Ok(true),
            Err(InquiryError::NotRunning { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The configuration file.
    pub(super) fn file(&self) -> &Path {
        &self.cfg
    }

    /// What the command line says about the state directory.
    pub(super) fn given_state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// Where the process has its own files.
    ///
    /// # Errors
    ///
    /// [`InquiryError::StateDir`]
    pub(super) fn folder(&self) -> Result<PathBuf, InquiryError> {
        if self.lsr {
            return Ok(state_dir::of_script_resource(self.state_dir.as_deref())?);
        }
        Ok(state_dir::resolve(self.state_dir.as_deref(), &self.config())?)
    }

    /// The gateway's configuration; one that is missing or broken says nothing.
    pub(super) fn config(&self) -> Config {
        let config = load(&Sources::path(&self.cfg).environment(state_dir::environment()));
        config.map(|loaded| loaded.config).unwrap_or_default()
    }

    fn connect(&self, patience: Duration) -> Result<Stream, InquiryError> {
        let folder = self.folder()?;
        connect(&folder.join(admin::SOCKET), patience).map_err(|source| self.not_running(folder, source))
    }

    fn not_running(&self, folder: PathBuf, source: io::Error) -> InquiryError {
        let (program, advice) = if self.lsr {
            ("script resource", "name the script resource's by --state-dir")
        } else {
            (
                "gateway",
                "name the gateway's by --state-dir, or its configuration by -cfg; --lsr asks a script resource",
            )
        };
        InquiryError::NotRunning { program, folder, source, advice }
    }
}

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
type Stream = std::net::TcpStream;

#[cfg(unix)]
fn connect(path: &Path, patience: Duration) -> io::Result<Stream> {
    let stream = Stream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

#[cfg(not(unix))]
fn connect(_: &Path, _: Duration) -> io::Result<Stream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets"))
}

/// One request and its answer, which is read until the gateway closes.
fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    body: &str,
) -> Result<Value, InquiryError> {
    let length = body.len();
    let request = format!(
        "{method} /edgebind/v1/{path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).map_err(InquiryError::Broken)?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer).map_err(InquiryError::Broken)?;
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or(InquiryError::Unreadable)?;
    let (head, body) = answer.split_at(head_end + 4);
    let fine = head.get(9..12) == Some(b"200");
    let body: Value = serde_json::from_slice(body).map_err(|_| InquiryError::Unreadable)?;
    if fine {
        return Ok(body);
    }
    let reason = body.get("error").and_then(Value::as_str).unwrap_or("refused without a reason");
    Err(InquiryError::Refused(reason.to_owned()))
}

/// A gateway with 100,000 things needs a moment to tell of them all.
const PATIENCE: Duration = Duration::from_secs(15);
/// To rescue a large file, or to move a million records.
const LONG_PATIENCE: Duration = Duration::from_secs(600);
const LARGEST: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that swallows the request and gives a recorded answer.
    struct Recorded(io::Cursor<Vec<u8>>);

    impl Read for Recorded {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Recorded {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(answer: &str) -> Result<Value, InquiryError> {
        exchange(Recorded(io::Cursor::new(answer.as_bytes().to_vec())), "GET", "status", "")
    }

    #[test]
    fn an_answer_is_read_and_a_refusal_tells_its_reason() {
        assert_eq!(ask("HTTP/1.0 200 OK\r\na: b\r\n\r\n{\"a\":1}").unwrap()["a"], 1);
        let refused = ask("HTTP/1.0 404 Not Found\r\n\r\n{\"error\":\"no such thing\"}").unwrap_err();
        assert_eq!(refused.to_string(), "no such thing");
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for broken in ["", "HTTP/1.0 200 OK\r\n", "HTTP/1.0 200 OK\r\n\r\nhello", "\r\n\r\n"] {
            assert!(matches!(ask(broken), Err(InquiryError::Unreadable)), "{broken:?}");
        }
    }
}
