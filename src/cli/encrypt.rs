//! `edgebind encrypt`: seals a secret for the configuration of this installation.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use clap::Args as ClapArgs;
use edgebind_config::{InstallKey, SealError, configured_state_dir, usual_state_dir};
use secrecy::{ExposeSecret, SecretString};

use crate::state_dir::{self, StateDirError};

/// Seals a secret (application key, password): prints a value `EB1:…` that stands in config.json instead of it.
///
/// The value opens only with the key in the state directory of this installation, which is made when there is none. It
/// protects a configuration file that is copied or shown around, not against those who may read the state directory.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  edgebind encrypt --state-dir /var/lib/edgebind     asks for the secret
  edgebind encrypt < key.txt                         reads it from a file")]
pub(crate) struct Args {
    /// The secret. Better left out: a command line stands in the shell's history, and others see it while it runs.
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// The state directory of the gateway that will read the value. Default: as `run` would choose it.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The configuration that may name the state directory.
    #[arg(long, value_name = "FILE", default_value = "etc/config.json")]
    cfg: PathBuf,
}

impl Args {
    /// For a text that stands on the command line already.
    pub(super) const fn of(text: String, cfg: PathBuf) -> Self {
        Self { text: Some(text), state_dir: None, cfg }
    }
}

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
enum EncryptError {
    #[error("there is no text to seal")]
    Empty,
    #[error("the text has more than {LARGEST_BYTES} bytes, too many for a secret")]
    Long,
    #[error("cannot read the text: {0}")]
    Read(#[from] io::Error),
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Prints the sealed value, and nothing else, on standard output.
pub(crate) fn run(args: &Args) -> ExitCode {
    match sealed(args) {
        Ok((value, key)) => {
            println!("{value}");
            eprintln!("edgebind encrypt: sealed with {}; write it in place of the secret.", key.display());
            ExitCode::SUCCESS
        }
        Err(error @ (EncryptError::Empty | EncryptError::Long)) => {
            eprintln!("edgebind encrypt: {error}");
            super::exit::usage()
        }
        Err(error) => {
            eprintln!("edgebind encrypt: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sealed(args: &Args) -> Result<(String, PathBuf), EncryptError> {
    let text = match &args.text {
        Some(text) => {
            eprintln!(
                "edgebind encrypt: the secret stands in the shell's history now; it is asked for when left out."
            );
            SecretString::from(text.clone())
        }
        None => asked()?,
    };
    if text.expose_secret().is_empty() {
        return Err(EncryptError::Empty);
    }
    if text.expose_secret().len() > LARGEST_BYTES {
        return Err(EncryptError::Long);
    }
    let folder = folder(args).ok_or(StateDirError::Nowhere)?;
    state_dir::create(&folder)?;
    let key = InstallKey::read_or_make(&folder)?;
    Ok((key.seal(&text), key.path().to_owned()))
}

/// The directory that `run` would take with the same file; the rest of the file may be wrong or missing.
fn folder(args: &Args) -> Option<PathBuf> {
    let configured = |file: &Path| configured_state_dir(&fs::read_to_string(file).ok()?);
    let usual = || usual_state_dir(&state_dir::environment());
    args.state_dir.clone().or_else(|| configured(&args.cfg)).or_else(usual)
}

/// Reads the secret: a line typed without echo, or all of a pipe; without the end of line.
fn asked() -> Result<SecretString, EncryptError> {
    let mut text = String::new();
    let input = io::stdin();
    if input.is_terminal() {
        eprint!("Secret: ");
        let _silence = Silence::begin();
        input.lock().read_line(&mut text)?;
        eprintln!();
    } else {
        let limit = u64::try_from(LARGEST_BYTES).unwrap_or(u64::MAX).saturating_add(3);
        input.lock().take(limit).read_to_string(&mut text)?;
    }
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    Ok(text.into())
}

/// The terminal shows nothing of what is typed, until this is dropped. Without `stty` it shows everything, and that is
/// said.
struct Silence(bool);

impl Silence {
    fn begin() -> Self {
        let silent = stty("-echo");
        if !silent {
            eprint!("(what is typed is shown) ");
        }
        Self(silent)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if self.0 {
            stty("echo");
        }
    }
}

fn stty(setting: &str) -> bool {
    let run = Command::new("stty").arg(setting).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

const LARGEST_BYTES: usize = 16 * 1024;
