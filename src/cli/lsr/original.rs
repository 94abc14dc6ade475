//! The arguments of the original (script resource notes, 1.1), and the name under which it was called.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use edgebind_lsr::log::{self, Level};

use super::{Args, run_as, sealed, start_log};
use crate::script_resource::SOURCE;

/// Runs as the original if the program was called by its name; `None` if it was not.
pub(crate) fn called_as_original(arguments: &[OsString]) -> Option<ExitCode> {
    let (program, rest) = arguments.split_first()?;
    let program = Path::new(program);
    if program.file_stem()? != NAME {
        return None;
    }
    Some(match read(&default_configuration(program), rest) {
        // The original ends with 1, whatever is wrong (script resource notes, 1.2).
        Ok(Wish::Run(args)) => run_as(&args, ExitCode::FAILURE),
        Ok(Wish::Version) => print_version(),
        Ok(Wish::Encrypt(text)) => print_encrypted(&text, None),
        Err(argument) => {
            drop(start_log(Level::Info, None));
            log::write(Level::Error, SOURCE, format_args!("Invalid Argument: {argument}"));
            print!("{USAGE}");
            ExitCode::FAILURE
        }
    })
}

/// Turns the original's options behind `edgebind lsr` into ours; everything else stays as it is.
pub(crate) fn with_our_options(arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_none_or(|command| command != "lsr") {
        return arguments;
    }
    // The word behind one of these is its value, whatever it looks like.
    let mut is_value = false;
    let ours = |argument: OsString| {
        let option = (!is_value).then(|| OPTIONS.iter().find(|(theirs, ..)| argument == *theirs)).flatten();
        is_value = option.is_some_and(|(_, _, takes_value)| *takes_value);
        option.map_or(argument, |(_, ours, _)| OsString::from(*ours))
    };
    arguments.into_iter().map(ours).collect()
}

/// What the original prints.
pub(super) fn print_version() -> ExitCode {
    println!("Version 5.4.0.114");
    println!("edgebind {}, Apache-2.0 OR MIT", env!("CARGO_PKG_VERSION"));
    ExitCode::SUCCESS
}

/// Four lines, as the original prints them; the value opens on this installation only.
pub(super) fn print_encrypted(text: &str, state_dir: Option<&Path>) -> ExitCode {
    match sealed::seal(text, state_dir) {
        Ok(value) => {
            let row = "#".repeat(value.len());
            println!("{row}\nEncrypted String\n{value}\n{row}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("edgebind lsr: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the original is asked for.
#[derive(Debug)]
enum Wish {
    Run(Args),
    Version,
    Encrypt(String),
}

/// Reads the original's arguments; the first one that it does not have is the error.
fn read(default: &Path, arguments: &[OsString]) -> Result<Wish, String> {
    let mut args = Args {
        cfg: default.to_owned(),
        sandbox: false,
        sandbox_file: None,
        state_dir: None,
        service: false,
        original_version: false,
        original_encrypt: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let shown = argument.to_string_lossy().into_owned();
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{shown} without a value"));
        match argument.to_str() {
            Some("-cfg") => args.cfg = value()?.into(),
            Some("-sandbox") => args.sandbox = true,
            Some("-sandboxFile") => args.sandbox_file = Some(value()?.into()),
            Some("-service") => args.service = true,
            Some("-version") => return Ok(Wish::Version),
            Some("-encrypt") => return Ok(Wish::Encrypt(value()?.to_string_lossy().into_owned())),
            // Ours: the original has no state directory.
            Some("--state-dir") => args.state_dir = Some(value()?.into()),
            _ => return Err(shown),
        }
    }
    Ok(Wish::Run(args))
}

/// `etc/config.lua` beside the executable, that is, beside the link by which we were called.
fn default_configuration(program: &Path) -> PathBuf {
    let named = |folder: &Path| folder.join("etc/config.lua");
    match program.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => named(folder),
        _ => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let found = std::env::split_paths(&path).find(|folder| folder.join(program).is_file());
            found.map_or_else(|| PathBuf::from("etc/config.lua"), |folder| named(&folder))
        }
    }
}

/// Name of the original.
const NAME: &str = "luaScriptResource";
/// The original's spelling, ours, and whether a value follows.
const OPTIONS: &[(&str, &str, bool)] = &[
    ("-cfg", "--cfg", true),
    ("-sandbox", "--sandbox", false),
    ("-sandboxFile", "--sandbox-file", true),
    ("-service", "--service", false),
    ("-version", "--original-version", false),
    ("-encrypt", "--original-encrypt", true),
];
const USAGE: &str = "Usage: luaScriptResource [-cfg FILE] [-sandbox] [-sandboxFile FILE] [-service] [-version] [-encrypt TEXT]
  -cfg FILE          configuration, default etc/config.lua beside the program
  -sandbox           takes functions that reach outside from every script
  -sandboxFile FILE  takes the functions that FILE lists
  -service           does not look at standard input
  -version           prints the version
  -encrypt TEXT      prints TEXT encrypted, for passwords in the configuration
";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn wish(arguments: &[&str]) -> Result<Wish, String> {
        read(Path::new("etc/config.lua"), &words(arguments))
    }

    #[test]
    fn the_arguments_of_the_original_are_understood() {
        let Ok(Wish::Run(args)) = wish(&["-cfg", "c.lua", "-sandbox", "-service"]) else { panic!("no run") };
        assert_eq!(args.cfg, Path::new("c.lua"));
        assert!(args.sandbox && args.service);
        let Ok(Wish::Run(args)) = wish(&[]) else { panic!("no run") };
        assert_eq!(args.cfg, Path::new("etc/config.lua"));
        assert!(matches!(wish(&["-version", "-x"]), Ok(Wish::Version)));
        assert!(matches!(wish(&["-encrypt", "-x"]), Ok(Wish::Encrypt(text)) if text == "-x"));
        assert_eq!(wish(&["-install"]).unwrap_err(), "-install");
        assert_eq!(wish(&["-cfg"]).unwrap_err(), "-cfg without a value");
    }

    #[test]
    fn behind_our_command_they_become_ours() {
        let ours = |arguments: &[&str]| with_our_options(words(arguments));
        assert_eq!(ours(&["edgebind", "lsr", "-cfg", "c"]), words(&["edgebind", "lsr", "--cfg", "c"]));
        let encrypt = ["edgebind", "lsr", "-encrypt", "-cfg"];
        assert_eq!(ours(&encrypt), words(&["edgebind", "lsr", "--original-encrypt", "-cfg"]));
        let other = ["edgebind", "run", "-version"];
        assert_eq!(ours(&other), words(&other));
    }

    #[test]
    fn the_configuration_is_looked_for_beside_the_program() {
        let found = default_configuration(Path::new("/opt/lsr/luaScriptResource"));
        assert_eq!(found, Path::new("/opt/lsr/etc/config.lua"));
    }
}
