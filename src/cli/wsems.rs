//! The gateway under the original's name `wsems`, with the original's arguments (EMS notes, 2.1).

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{encrypt, run};

/// Runs as the original if the program was called by its name; `None` if it was not.
pub(super) fn called_as_original(arguments: &[OsString]) -> Option<ExitCode> {
    let (program, rest) = arguments.split_first()?;
    if Path::new(program).file_stem()? != NAME {
        return None;
    }
    Some(match read(rest) {
        Ok(Wish::Run(args)) => run::run(&args),
        Ok(Wish::Version) => {
            println!("{VERSION}");
            println!("edgebind {}, Apache-2.0 OR MIT", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Wish::Encrypt(text)) => encrypt::run(&encrypt::Args::of(text, PathBuf::from(CONFIGURATION))),
        Err(argument) => {
            eprintln!("wsems: Invalid Argument: {argument}");
            print!("{VERSION}\n{USAGE}");
            ExitCode::FAILURE
        }
    })
}

/// What the original is asked for.
#[derive(Debug)]
enum Wish {
    Run(run::Args),
    Version,
    Encrypt(String),
}

/// Reads the original's arguments; the first one that it does not have is the error.
fn read(arguments: &[OsString]) -> Result<Wish, String> {
    let mut args = run::Args { cfg: PathBuf::from(CONFIGURATION), loglevel: None, state_dir: None };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let shown = argument.to_string_lossy().into_owned();
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{shown} without a value"));
        match argument.to_str() {
            Some("-cfg") => args.cfg = value()?.into(),
            Some("-loglevel") => args.loglevel = Some(value()?.to_string_lossy().into_owned()),
            // The original goes into the background; a service manager wants us in front.
            Some("-service") => {}
            Some("-version") => return Ok(Wish::Version),
            Some("-encrypt") => return Ok(Wish::Encrypt(value()?.to_string_lossy().into_owned())),
            // Ours: the original has no state directory.
            Some("--state-dir") => args.state_dir = Some(value()?.into()),
            _ => return Err(shown),
        }
    }
    Ok(Wish::Run(args))
}

const NAME: &str = "wsems";
/// Where the original looks, seen from the working directory.
const CONFIGURATION: &str = "etc/config.json";
/// The version of the original that this behaves as.
const VERSION: &str = "Version 5.4.0.114";
const USAGE: &str = "Usage: wsems [-cfg FILE] [-loglevel LEVEL] [-service] [-version] [-encrypt TEXT]
  -cfg FILE        configuration, default etc/config.json
  -loglevel LEVEL  FORCE, ERROR, WARN, INFO, DEBUG, TRACE or VERBOSE, before the configuration is read
  -service         runs as a service
  -version         prints the version
  -encrypt TEXT    seals TEXT for this installation, for secrets in the configuration
";

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(arguments: &[&str]) -> Result<Wish, String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        read(&arguments)
    }

    #[test]
    fn the_arguments_of_the_original_are_understood() {
        let Ok(Wish::Run(args)) = wish(&["-cfg", "c.json", "-service", "-loglevel", "DEBUG"]) else {
            panic!("no run")
        };
        assert_eq!((args.cfg.as_path(), args.loglevel.as_deref()), (Path::new("c.json"), Some("DEBUG")));
        let Ok(Wish::Run(args)) = wish(&[]) else { panic!("no run") };
        assert_eq!(args.cfg, Path::new("etc/config.json"));
        assert!(matches!(wish(&["-version"]), Ok(Wish::Version)));
        assert!(matches!(wish(&["-encrypt", "-x"]), Ok(Wish::Encrypt(text)) if text == "-x"));
        assert_eq!(wish(&["-h"]).unwrap_err(), "-h");
        assert_eq!(wish(&["-cfg"]).unwrap_err(), "-cfg without a value");
    }
}
