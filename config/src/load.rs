//! The way from sources to a [`Config`].

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};
use serde::Deserialize as _;

use crate::diagnostic::{Code, Diagnostic};
use crate::document::SourceText;
use crate::layers::{self, Layer};
use crate::model::Config;
use crate::node::{Node, NodeValue, Place};
use crate::normalise::Normaliser;
use crate::report::Report;
use crate::secrets::Surroundings;
use crate::settings::Settings;
use crate::state_dir;
use crate::validate;

/// What a configuration is made of; later layers win: file, environment, overrides.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The file.
    pub file: Document<'a>,
    /// All environment variables. `EDGEBIND_<GROUP>__<KEY>` are configuration; the others serve references to
    /// secrets. Handed in, never read from the process here.
    pub environment: Vec<(String, String)>,
    /// Keys like `http_server.port` and their values, from flags of the command line.
    pub overrides: Vec<(String, String)>,
    /// State directory chosen by a flag; where the key of sealed secrets lies. Without it the configuration and the
    /// environment say, see [`Config::state_dir`].
    pub state_dir: Option<PathBuf>,
}

/// The file, or its text when somebody has it already.
#[derive(Clone, Copy, Debug)]
pub enum Document<'a> {
    /// A file to be read; at most 16 MiB.
    Path(&'a Path),
    /// A text and the name it is called by in diagnostics.
    Text {
        /// Name for diagnostics; its directory is where relative references to secrets begin.
        name: &'a str,
        /// The bytes of the text.
        text: &'a [u8],
    },
}

impl<'a> Sources<'a> {
    /// A file alone.
    pub fn path(path: &'a Path) -> Self {
        Self { file: Document::Path(path), environment: Vec::new(), overrides: Vec::new(), state_dir: None }
    }

    /// A text alone.
    pub fn text(name: &'a str, text: &'a [u8]) -> Self {
        Self {
            file: Document::Text { name, text },
            environment: Vec::new(),
            overrides: Vec::new(),
            state_dir: None,
        }
    }

    /// Adds environment variables: pass all of them, `std::env::vars()` with the ones that are no UTF-8 left out.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Names the state directory, as a flag does.
    #[must_use]
    pub fn state_dir(mut self, directory: Option<&Path>) -> Self {
        self.state_dir = directory.map(Path::to_path_buf);
        self
    }

    /// Adds an override.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.push((key.into(), value.into()));
        self
    }
}

/// A configuration that can be run, with what is to be said about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings and notes, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Where each value came from.
    pub origins: Origins,
    /// What was said, by key: to tell two configurations apart.
    pub settings: Settings,
    /// The file as it was read, byte for byte.
    pub text: FileText,
}

/// A configuration file's bytes; there may be secrets among them.
#[derive(Clone, PartialEq, Eq)]
pub struct FileText(Vec<u8>);

impl FileText {
    /// Whether a secret stands in the file itself, neither sealed nor by reference.
    #[must_use]
    pub fn holds_secrets_in_clear(&self) -> bool {
        let text = String::from_utf8_lossy(&self.0);
        let sealed = |secret: &str| secret.is_empty() || secret.starts_with(crate::InstallKey::PREFIX);
        crate::mask::secret_ranges(&text)
            .into_iter()
            .any(|range| text.get(range).is_some_and(|secret| !sealed(secret)))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileText({} bytes)", self.0.len())
    }
}

/// A configuration that cannot be run.
#[derive(Clone, Debug, thiserror::Error)]
pub struct LoadError {
    /// Errors, warnings and notes, in the order of the file; at least one error.
    pub diagnostics: Vec<Diagnostic>,
}

impl LoadError {
    /// Whether the text could not be read at all, so that a last good configuration is worth trying (EMS notes, 2.3).
    pub fn is_unreadable(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|found| matches!(found.code, Code::Unreadable | Code::Syntax) && found.key.is_empty())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

/// Where the values of a configuration came from.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    keys: BTreeMap<String, Origin>,
}

impl Origins {
    /// Where the value of `key` came from: `http_server.port`, `auto_bind[0].name`, `appKey`.
    pub fn of(&self, key: &str) -> Origin {
        self.keys.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Every key that is not left to its default, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.keys.iter().map(|(key, origin)| (key.as_str(), origin))
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The configuration file.
    File {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// An override.
    Flag,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line, column } => write!(f, "file, line {line}, column {column}"),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Flag => f.write_str("command line"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Reads, merges and checks a configuration.
///
/// # Errors
///
/// [`LoadError`] with every diagnostic when at least one of them is an error.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, LoadError> {
    let (name, bytes) = match sources.file {
        Document::Path(path) => (path.display().to_string(), read(path)),
        Document::Text { name, text } => (name.to_owned(), Ok(text.to_vec())),
    };
    let directory = directory(&name);
    let bytes_read = FileText(bytes.clone().unwrap_or_default());
    let (text, trouble) = match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => (text, None),
        Ok(Err(error)) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (
                text,
                Some((
                    Code::Syntax,
                    Place::File(valid..valid + 1),
                    "the text is not UTF-8 from here".to_owned(),
                )),
            )
        }
        Err(message) => (String::new(), Some((Code::Unreadable, Place::Whole, message))),
    };
    let (text, marked) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest.to_owned(), true),
        None => (text, false),
    };
    let mut report = Report::new(SourceText::new(name, text));
    if let Some((code, place, message)) = trouble {
        report.error(code, "", &place, message);
        return Err(LoadError { diagnostics: report.into_diagnostics() });
    }
    if marked {
        let message = "the text begins with a byte-order mark, which the original refuses".to_owned();
        report.warning(Code::Syntax, "", &Place::File(0..0), message);
    }
    let outcome = assemble(sources, directory, &mut report);
    let (config, origins, settings) = match outcome {
        Some(outcome) if !report.has_errors() => outcome,
        _ => return Err(LoadError { diagnostics: report.into_diagnostics() }),
    };
    Ok(Loaded { config, diagnostics: report.into_diagnostics(), origins, settings, text: bytes_read })
}

/// Everything after the text is there; `None` when nothing can be made of it.
fn assemble(
    sources: &Sources<'_>,
    directory: PathBuf,
    report: &mut Report,
) -> Option<(Config, Origins, Settings)> {
    let root = match report.source().parse() {
        Ok(Some(Node { value: NodeValue::Table(entries), .. })) => entries,
        Ok(Some(node)) => {
            let message = format!("found {}, allowed is a table in braces", node.describe(false));
            report.error(Code::Syntax, "", &node.place, message);
            return None;
        }
        Ok(None) => {
            report.error(Code::Syntax, "", &Place::File(0..0), "the text is empty".to_owned());
            return None;
        }
        Err(error) => {
            let found = report.error(Code::Syntax, "", &Place::File(error.range), error.message);
            if let Some(help) = error.help {
                found.help(help);
            }
            return None;
        }
    };
    let mut tables = vec![root];
    tables.extend(layers::environment(&sources.environment, report));
    tables.extend(layers::overrides(&sources.overrides, report));
    let mut normaliser = Normaliser::new(report);
    let layers = tables.into_iter().map(|entries| Layer(normaliser.layer(entries))).collect();
    let mut places = normaliser.into_groups();
    let mut merged = match layers::merge(layers) {
        Ok(merged) => merged,
        Err(error) => {
            report.error(
                Code::Conflict,
                "",
                &Place::Whole,
                format!("the layers do not go together: {error}"),
            );
            return None;
        }
    };
    let state_dir = state_dir::of_merged(&merged, sources);
    Surroundings { environment: &sources.environment, directory, state_dir }.resolve(&mut merged, report);
    collect_places(&merged, "", &mut places);
    let settings = Settings::of(&merged);
    let mut config = deserialize(merged, &places, report)?;
    validate::check(&mut config, &places, report);
    let keys = places.iter().map(|(key, place)| (key.clone(), origin(place, report.source()))).collect();
    Some((config, Origins { keys }, settings))
}

fn deserialize(merged: Value, places: &BTreeMap<String, Place>, report: &mut Report) -> Option<Config> {
    let mut track = serde_path_to_error::Track::new();
    let outcome = Config::deserialize(serde_path_to_error::Deserializer::new(merged, &mut track));
    match outcome {
        Ok(config) => Some(config),
        Err(error) => {
            let key = track.path().to_string();
            let place = places.get(&key).cloned().unwrap_or(Place::Whole);
            report.error(Code::WrongType, &key, &place, error.to_string());
            None
        }
    }
}

/// Notes the place of every value that remembers one.
fn collect_places(value: &Value, path: &str, places: &mut BTreeMap<String, Place>) {
    if let Some(origin) = value.origin().filter(|_| !path.is_empty()) {
        places.entry(path.to_owned()).or_insert_with(|| Place::decode(origin));
    }
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, value) in table {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect_places(value, &path, places);
            }
        }
        ValueKind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_places(item, &format!("{path}[{index}]"), places);
            }
        }
        _ => {}
    }
}

fn origin(place: &Place, source: &SourceText) -> Origin {
    match place {
        Place::File(range) => {
            let (line, column) = source.position(range.start);
            Origin::File { line, column }
        }
        Place::Environment(variable) => Origin::Environment { variable: variable.clone() },
        Place::Flag(_) => Origin::Flag,
        Place::Whole => Origin::Default,
    }
}

fn directory(name: &str) -> PathBuf {
    Path::new(name).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    const LARGEST_BYTES: u64 = 16 * 1024 * 1024;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot read the file: {error}"))?;
    file.take(LARGEST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read the file: {error}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_BYTES {
        return Err("the file has more than 16 MiB, too many for a configuration".to_owned());
    }
    Ok(bytes)
}
