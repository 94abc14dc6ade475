//! What goes into a callback and what comes out of it (script resource notes, 2.4), without Lua and without HTTP.

use thiserror::Error;

/// A request to what a script has registered. Texts are bytes where they are decoded from a URL or a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackRequest {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Segments behind the script's name, percent-decoded; an empty one behind a trailing or doubled slash is left out
    /// by the server, and kept when a script calls another (`executeCallback`).
    pub path: Vec<Vec<u8>>,
    /// Names in lower case, without those that the notes exclude.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Decoded names and values.
    pub query: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the body holds.
    pub data: CallbackData,
}

/// The fifth argument of a callback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallbackData {
    /// No body: `{}`.
    #[default]
    Empty,
    /// JSON or XML: `{content = ...}`.
    Content(Vec<u8>),
    /// The decoded fields of a form.
    Fields(Vec<(Vec<u8>, Vec<u8>)>),
}

/// What a callback answers, by the table of 2.4 of the notes: an error of the script is an answer too (500 and
/// `Error: ...`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// Status code.
    pub code: u16,
    /// As the script returned them, names as it spelt them; the default content type is the server's affair.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The text.
    pub body: Vec<u8>,
}

/// Why no callback was called, or none answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such script: 404 `Script not found`.
    #[error("Script not found")]
    NoScript,
    /// Nothing is registered under that path: 404 `/scripts/<script>/<path>/ not found`.
    #[error("{0} not found")]
    NoCallback(String),
    /// What is registered is not a function: 500.
    #[error("Call back not a function")]
    NotAFunction,
    /// The script serves as many requests as it may: 503.
    #[error("script {0} is busy")]
    Busy(String),
    /// It did not answer in time, and goes on: 504.
    #[error("script {0} did not answer in time")]
    Late(String),
    /// It was stopped meanwhile: 503.
    #[error("script {0} was stopped")]
    Stopped(String),
}

impl CallError {
    /// The status code that the original answers, or that fits where it has no case.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::NoScript | Self::NoCallback(_) => 404,
            Self::NotAFunction => 500,
            Self::Busy(_) | Self::Stopped(_) => 503,
            Self::Late(_) => 504,
        }
    }
}
