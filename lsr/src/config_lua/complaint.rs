//! What Lua says of a configuration, with the line it means and what may be done about it.

use std::{fmt, path::Path};

/// A file and its text, for complaints about it.
pub(super) struct Complaint<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

/// An error of a configuration that is no Lua, or failed while it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LuaComplaint {
    /// File and line, where known, and what Lua found: `etc/config.lua:12: unexpected symbol near '='`.
    pub found: String,
    /// The line that is meant: its number and its text.
    pub line: Option<(usize, String)>,
    /// What may be done about it.
    pub advice: &'static str,
}

impl Complaint<'_> {
    /// Finds the line that `error` means.
    pub(super) fn about(&self, error: &mlua::Error) -> LuaComplaint {
        let message = message(error);
        let path = self.path.display().to_string();
        let number = message
            .split_once(&format!("{path}:"))
            .and_then(|(_, rest)| rest.split(':').next()?.trim().parse::<usize>().ok());
        let line = number.and_then(|number| {
            let text = self.text.lines().nth(number.checked_sub(1)?)?.trim();
            (!text.is_empty()).then(|| (number, text.chars().take(SHOWN).collect()))
        });
        let found = if message.contains(&path) { message } else { format!("{path}: {message}") };
        let advice = advice(&found);
        LuaComplaint { found, line, advice }
    }
}

impl fmt::Display for LuaComplaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)?;
        if let Some((number, text)) = &self.line {
            write!(f, "\n  {number} | {text}")?;
        }
        write!(f, "\n  {}", self.advice)
    }
}

/// The first line of what Lua says; the traceback tells of our own frames.
fn message(error: &mlua::Error) -> String {
    let text = match error {
        mlua::Error::SyntaxError { message, .. } | mlua::Error::RuntimeError(message) => message.clone(),
        mlua::Error::CallbackError { cause, .. } => return message(cause),
        other => other.to_string(),
    };
    let first = text.lines().next().unwrap_or_default();
    first.trim_start_matches("runtime error: ").trim_start_matches("syntax error: ").to_owned()
}

fn advice(found: &str) -> &'static str {
    const ADVICE: &[(&str, &str)] = &[
        ("index global 'script'", "the table is called `scripts`: write scripts.name = value"),
        (
            "'}' expected",
            "entries of a table are separated by commas: { file = \"thing.lua\", template = \"x\" }",
        ),
        ("unfinished string", "a text ends on the line it began on; a backslash in it is written twice"),
        (
            "near '<eof>'",
            "something that was opened is not closed: a bracket, a text, `function` without `end`",
        ),
        (
            "module '",
            "modules are looked for beside the configuration and in its folders thingworx/ and custom/",
        ),
        ("a nil value", "a name on this line has no value: it may be misspelt"),
    ];
    let known = ADVICE.iter().find(|(part, _)| found.contains(part));
    known
        .map_or("mend this line and start again; a setting is written scripts.name = value", |(_, advice)| {
            advice
        })
}

/// Characters of a line that are shown.
const SHOWN: usize = 120;
