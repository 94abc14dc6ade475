//! Collects the diagnostics of one load and turns places into lines and columns.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::document::SourceText;
use crate::node::{Place, printable};

/// The diagnostics so far, and the text they point into.
#[derive(Debug)]
pub(crate) struct Report {
    source: SourceText,
    found: Vec<(usize, Diagnostic)>,
}

impl Report {
    pub(crate) fn new(source: SourceText) -> Self {
        Self { source, found: Vec::new() }
    }

    pub(crate) fn source(&self) -> &SourceText {
        &self.source
    }

    pub(crate) fn error(&mut self, code: Code, key: &str, place: &Place, message: String) -> &mut Diagnostic {
        self.add(Severity::Error, code, key, place, message)
    }

    pub(crate) fn warning(
        &mut self,
        code: Code,
        key: &str,
        place: &Place,
        message: String,
    ) -> &mut Diagnostic {
        self.add(Severity::Warning, code, key, place, message)
    }

    pub(crate) fn add(
        &mut self,
        severity: Severity,
        code: Code,
        key: &str,
        place: &Place,
        message: String,
    ) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic {
            severity,
            code,
            key: printable(key),
            file: printable(self.source.name()),
            line: None,
            column: None,
            message: printable(&message),
            help: None,
            excerpt: None,
        };
        // Complaints about no place in particular come last, those about other layers before them.
        let mut order = usize::MAX;
        match place {
            Place::File(range) => {
                let (line, column) = self.source.position(range.start);
                diagnostic.line = Some(line);
                diagnostic.column = Some(column);
                diagnostic.excerpt = Some(self.source.excerpt(range));
                order = range.start;
            }
            Place::Environment(name) => {
                diagnostic.file = format!("environment variable {}", printable(name));
                order = usize::MAX - 2;
            }
            Place::Flag(key) => {
                diagnostic.file = format!("option {}", printable(key));
                order = usize::MAX - 1;
            }
            Place::Whole => {}
        }
        let at = self.found.len();
        self.found.push((order, diagnostic));
        let (_, diagnostic) = self.found.get_mut(at).expect("it was pushed just now");
        diagnostic
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|(_, diagnostic)| diagnostic.severity == Severity::Error)
    }

    /// Whether an error about this very key is there already; its value is then missing for a reason.
    pub(crate) fn has_error_about(&self, key: &str) -> bool {
        self.found.iter().any(|(_, found)| found.severity == Severity::Error && found.key == printable(key))
    }

    /// The diagnostics in the order of the file.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(order, _)| *order);
        self.found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }
}

impl Diagnostic {
    /// Adds what to do about it.
    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(printable(&help.into()));
    }
}
