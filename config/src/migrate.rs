//! What will differ when this program takes the place of the original: reads a whole installation, changes nothing, runs
//! nothing.

mod checks;
mod installation;
mod lua;

use std::fmt;

use serde::Serialize;

use crate::node::printable;

pub use installation::Installation;

/// Something that will be otherwise than with the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What has to be done about it.
    pub weight: Weight,
    /// File, relative to the installation, and where it makes sense the line: `etc/config.lua:12`.
    pub place: String,
    /// Key or part it is about.
    pub subject: String,
    /// What will differ.
    pub text: String,
    /// What to do.
    pub help: Option<String>,
}

/// How much a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// Something works otherwise, or not at all, until somebody acts.
    Change,
    /// The gateway does not start, or does not reach its peer, until somebody acts.
    Must,
}

impl Difference {
    /// What comes from the installation reaches a terminal: control characters are taken out.
    fn new(weight: Weight, place: impl AsRef<str>, subject: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        Self {
            weight,
            place: printable(place.as_ref()),
            subject: printable(subject.as_ref()),
            text: printable(text.as_ref()),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Note => "note",
            Weight::Change => "change",
            Weight::Must => "must",
        };
        write!(f, "{weight:<6}  {}", self.place)?;
        if !self.subject.is_empty() {
            write!(f, "  `{}`", self.subject)?;
        }
        write!(f, "\n        {}", self.text)?;
        if let Some(help) = &self.help {
            write!(f, "\n        -> {help}")?;
        }
        Ok(())
    }
}

/// Lists what will differ, what must be done first.
pub fn differences(installation: &Installation) -> Vec<Difference> {
    let mut found = Vec::new();
    checks::gateway(installation, &mut found);
    checks::script_resource(installation, &mut found);
    checks::files(installation, &mut found);
    found.sort_by_key(|difference| std::cmp::Reverse(difference.weight));
    found
}
