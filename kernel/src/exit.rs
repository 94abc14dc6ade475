//! How a life ended.

use std::{fmt, time::Duration};

/// End of one life of a child, as its [`Lifeline`](crate::Lifeline) tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It stopped without naming a failure.
    Normal,
    /// It named a failure, then stopped.
    Failed(Failure),
    /// A defect: it panicked, in `started`, in a handler or while it was built.
    Panicked {
        /// What the panic said.
        text: String,
        /// File, line and column, or `unknown place` unless [`install_panic_hook`](crate::install_panic_hook) ran.
        place: String,
    },
}

impl Exit {
    /// Whether a transient child is started again after it.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Normal)
    }

    /// Whether it counts against the restart budget: defects do, refusals by the world do not.
    #[must_use]
    pub fn spends_budget(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.spends_budget,
            Self::Normal | Self::Panicked { .. } => true,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("ended"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::Panicked { text, place } => write!(f, "panicked: {text} at {place}"),
        }
    }
}

/// Why a child cannot go on; told through [`Lifeline::fail`](crate::Lifeline::fail).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people: lower case, with the value and what would be right.
    pub text: String,
    /// False when the world refused (a name held by another session, a server out of reach): such a failure is
    /// retried for ever with backoff and never leads to quarantine or escalation.
    pub spends_budget: bool,
    /// When a retry makes sense, if the refusing side said so: taken instead of the backoff.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure that should not happen; spends the restart budget.
    #[must_use]
    pub fn defect(text: impl Into<String>) -> Self {
        Self { text: text.into(), spends_budget: true, retry_after: None }
    }

    /// A refusal by the world; spends no budget.
    #[must_use]
    pub fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), spends_budget: false, retry_after: None }
    }

    /// Asks for the next start after `delay`.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_read_as_people_say_them() {
        assert_eq!(Exit::Normal.to_string(), "ended");
        assert_eq!(Exit::Failed(Failure::refused("bind refused")).to_string(), "failed: bind refused");
        let panic = Exit::Panicked { text: "index out of range".into(), place: "src/link.rs:3:1".into() };
        assert_eq!(panic.to_string(), "panicked: index out of range at src/link.rs:3:1");
    }
}
