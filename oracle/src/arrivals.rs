//! Reading the arrival log of the development platform (docs/reference/platform.md).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::update::Kind;

/// One value or event that the platform took, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Connection on which it came; the process of the platform and its number there.
    pub connection: (String, u64),
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What carried it.
    pub kind: Kind,
    /// Thing of the platform.
    pub thing: String,
    /// Property or event.
    pub name: String,
    /// The value; `None` if it is no number of ours.
    pub number: Option<u64>,
    /// Time that came with a pushed value.
    pub time_ms: Option<i64>,
}

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrivalError {
    /// The file.
    #[error("cannot read the arrival log {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More lines are cut off than platforms were killed.
    #[error("{broken} lines of the arrival log are broken, {runs} runs explain at most as many")]
    Broken {
        /// Lines that are no arrivals.
        broken: usize,
        /// Processes that wrote.
        runs: usize,
    },
}

/// Reads everything that arrived; a file that is not there yet is empty.
///
/// # Errors
///
/// [`ArrivalError`] when the file cannot be read, or when more of it is broken than kills explain.
pub fn read_arrivals(path: &Path) -> Result<Vec<Arrival>, ArrivalError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ArrivalError::Read { path: path.to_owned(), source }),
    };
    let mut arrivals = Vec::new();
    let mut runs: Vec<String> = Vec::new();
    let mut broken = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<Line>(line).ok().and_then(Line::arrival) {
            Some(arrival) => {
                if runs.last() != Some(&arrival.connection.0) {
                    runs.push(arrival.connection.0.clone());
                }
                arrivals.push(arrival);
            }
            None => broken += 1,
        }
    }
    // The last line of each run may be cut off by the kill: it was not confirmed.
    if broken > runs.len() + 1 {
        return Err(ArrivalError::Broken { broken, runs: runs.len() });
    }
    Ok(arrivals)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    run: String,
    connection: u64,
    at_ms: i64,
    request: String,
    thing: String,
    property: Option<String>,
    value: Option<Value>,
    time: Option<i64>,
    event: Option<String>,
    data: Option<Value>,
}

impl Line {
    fn arrival(self) -> Option<Arrival> {
        let kind = Kind::from_name(&self.request)?;
        let (name, value) = match (self.property, self.event) {
            (Some(property), None) => (property, self.value),
            (None, Some(event)) => (event, self.data.and_then(|data| data.get("number").cloned())),
            _ => return None,
        };
        Some(Arrival {
            connection: (self.run, self.connection),
            at_ms: self.at_ms,
            kind,
            thing: self.thing,
            name,
            number: value.as_ref().and_then(whole),
            time_ms: (kind == Kind::Push).then_some(self.time).flatten(),
        })
    }
}

/// A number without a fraction; the wire knows only floating ones.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
        format!("{number:.0}").parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_arrivals_and_a_cut_one_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        assert!(read_arrivals(&path).expect("nothing yet").is_empty());
        let text = concat!(
            r#"{"run":"1","connection":3,"atMs":7,"request":"push","thing":"A","property":"p","value":5.0,"time":42}"#,
            "\n{\"run\":\"1\",\"conn\n",
            r#"{"run":"2","connection":1,"atMs":8,"request":"event","thing":"A","event":"e","data":{"number":6}}"#,
            "\n",
        );
        fs::write(&path, text).expect("written");
        let arrivals = read_arrivals(&path).expect("readable");
        let seen: Vec<_> =
            arrivals.iter().map(|one| (one.kind, one.name.as_str(), one.number, one.time_ms)).collect();
        assert_eq!(seen, [(Kind::Push, "p", Some(5), Some(42)), (Kind::Event, "e", Some(6), None)]);
        assert_eq!(arrivals[1].connection, ("2".to_owned(), 1));
    }

    #[test]
    fn a_log_that_is_broken_beyond_kills_is_no_evidence() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        fs::write(&path, "x\ny\nz\n").expect("written");
        assert!(matches!(read_arrivals(&path), Err(ArrivalError::Broken { broken: 3, runs: 0 })));
    }
}
