//! Secrets: by value or by reference, resolved after the layers are merged, so that a later layer can replace one that
//! cannot be had.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};
use secrecy::ExposeSecret as _;

use crate::diagnostic::Code;
use crate::node::{Place, shorten};
use crate::report::Report;
use crate::schema::{self, Key, Kind};
use crate::sealed::{InstallKey, SealError};

/// Where a secret is.
pub(crate) enum Reference {
    /// In the configuration itself.
    Value(String),
    /// In an environment variable.
    Environment(String),
    /// In a file; a relative path is seen from the configuration file's directory.
    File(String),
    /// In a credential of systemd: a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl Reference {
    pub(crate) fn named(kind: &str, value: &str) -> Option<Self> {
        Some(match kind.to_ascii_lowercase().as_str() {
            "env" => Self::Environment(value.to_owned()),
            "file" => Self::File(value.to_owned()),
            "credential" => Self::Credential(value.to_owned()),
            _ => return None,
        })
    }

    /// Writes the reference as a list of two texts, which no merging takes apart.
    pub(crate) fn encode(&self) -> ValueKind {
        let (kind, value) = match self {
            Self::Value(value) => ("value", value),
            Self::Environment(value) => ("env", value),
            Self::File(value) => ("file", value),
            Self::Credential(value) => ("credential", value),
        };
        ValueKind::Array(vec![Value::new(None, kind), Value::new(None, value.as_str())])
    }

    fn decode(kind: &ValueKind) -> Option<Self> {
        let ValueKind::Array(parts) = kind else { return None };
        let [kind, value] = parts.as_slice() else { return None };
        match (&kind.kind, &value.kind) {
            (ValueKind::String(kind), ValueKind::String(value)) if kind == "value" => {
                Some(Self::Value(value.clone()))
            }
            (ValueKind::String(kind), ValueKind::String(value)) => Self::named(kind, value),
            _ => None,
        }
    }
}

/// What references are resolved against.
pub(crate) struct Surroundings<'a> {
    pub(crate) environment: &'a [(String, String)],
    /// Directory of the configuration file.
    pub(crate) directory: PathBuf,
    /// Where the key of sealed secrets lies.
    pub(crate) state_dir: Option<PathBuf>,
}

impl Surroundings<'_> {
    /// Replaces every reference in `tables` by the secret itself, and lists of pairs by tables.
    pub(crate) fn resolve(&self, root: &mut Value, report: &mut Report) {
        if let ValueKind::Table(table) = &mut root.kind {
            self.table(table, schema::ROOT, "", report);
        }
    }

    fn table(&self, table: &mut Map<String, Value>, keys: &'static [Key], path: &str, report: &mut Report) {
        for key in keys {
            let Some(value) = table.get_mut(key.name) else { continue };
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            let place = value.origin().map_or(Place::Whole, Place::decode);
            match (&key.kind, &mut value.kind) {
                (Kind::Group(keys), ValueKind::Table(inner)) => self.table(inner, keys, &path, report),
                (Kind::Records(records), ValueKind::Array(items)) => {
                    for (index, item) in items.iter_mut().enumerate() {
                        if let ValueKind::Table(inner) = &mut item.kind {
                            self.table(inner, records.keys, &format!("{path}[{index}]"), report);
                        }
                    }
                }
                (Kind::Secret, kind) => {
                    if let Some(text) = self.secret(kind, &path, &place, report) {
                        *kind = ValueKind::String(text);
                    } else {
                        table.remove(key.name);
                    }
                }
                (Kind::Pairs { .. }, kind) => {
                    *kind = ValueKind::Table(self.pairs(kind, &path, &place, report))
                }
                _ => {}
            }
        }
    }

    fn pairs(&self, kind: &ValueKind, path: &str, place: &Place, report: &mut Report) -> Map<String, Value> {
        let mut table = Map::new();
        let ValueKind::Array(pairs) = kind else { return table };
        for pair in pairs {
            let ValueKind::Array(parts) = &pair.kind else { continue };
            let [name, reference] = parts.as_slice() else { continue };
            let ValueKind::String(name) = &name.kind else { continue };
            let path = format!("{path}.{}", shorten(name));
            if let Some(text) = self.secret(&reference.kind, &path, place, report) {
                table.insert(name.clone(), Value::new(None, text));
            }
        }
        table
    }

    fn secret(&self, kind: &ValueKind, key: &str, place: &Place, report: &mut Report) -> Option<String> {
        let reference = Reference::decode(kind)?;
        match self.read(reference) {
            Ok(text) if text.starts_with("AES:") => {
                report
                    .error(
                        Code::Secret,
                        key,
                        place,
                        "found a value encrypted by the original (AES:…), which only the original can read".to_owned(),
                    )
                    .help(format!(
                        "enter the value of `{key}` anew: as `edgebind encrypt` prints it, as it is, or as {{\"env\": \"NAME\"}}, {{\"file\": \"PATH\"}} \
                         or {{\"credential\": \"NAME\"}}"
                    ));
                None
            }
            Ok(text) if text.starts_with(InstallKey::PREFIX) => match self.open(&text) {
                Ok(text) => Some(text),
                Err(error) => {
                    report
                        .error(Code::Secret, key, place, error.to_string())
                        .help("seal the value again on this machine: edgebind encrypt");
                    None
                }
            },
            Ok(text) => Some(text),
            Err(message) => {
                report.error(Code::Secret, key, place, message);
                None
            }
        }
    }

    fn open(&self, sealed: &str) -> Result<String, SealError> {
        let folder = self.state_dir.as_deref().ok_or(SealError::Nowhere)?;
        InstallKey::read(folder)?.open(sealed).map(|text| text.expose_secret().to_owned())
    }

    fn read(&self, reference: Reference) -> Result<String, String> {
        match reference {
            Reference::Value(text) => Ok(text),
            Reference::Environment(name) => self
                .variable(&name)
                .map(str::to_owned)
                .ok_or_else(|| format!("the environment variable {} is not set", shorten(&name))),
            Reference::File(path) => read_file(&self.directory.join(path)),
            Reference::Credential(name) => {
                let Some(directory) = self.variable("CREDENTIALS_DIRECTORY") else {
                    return Err(format!(
                        "the credential \"{}\" needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with \
                         LoadCredential=",
                        shorten(&name)
                    ));
                };
                if name.is_empty() || name.contains(['/', '\\']) || name == ".." || name == "." {
                    return Err(format!("found \"{}\", allowed is the name of a credential", shorten(&name)));
                }
                read_file(&Path::new(directory).join(name))
            }
        }
    }

    fn variable(&self, wanted: &str) -> Option<&str> {
        self.environment.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// Reads a secret's file without the line's end that editors put there.
fn read_file(path: &Path) -> Result<String, String> {
    const LARGEST_BYTES: u64 = 64 * 1024;
    let shown = shorten(&path.display().to_string());
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let read = file.take(LARGEST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| format!("cannot read {shown}: {error}"))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LARGEST_BYTES {
        return Err(format!("{shown} has more than {LARGEST_BYTES} bytes, too many for a secret"));
    }
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.is_empty() {
        return Err(format!("{shown} is empty"));
    }
    Ok(trimmed.to_owned())
}
