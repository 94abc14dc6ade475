//! The original's way of writing arguments, brought to ours before they are parsed.

use std::ffi::OsString;

/// Turns `-cfg` and the like into `--cfg`; everything else stays as it is.
pub(super) fn normalised(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut literal = false;
    arguments.map(move |argument| {
        literal |= argument == "--";
        match argument.to_str() {
            Some(text) if !literal && KNOWN.contains(&text) => OsString::from(format!("-{text}")),
            _ => argument,
        }
    })
}

/// Long options that the original writes with one dash (EMS notes, 2.1).
const KNOWN: &[&str] = &["-cfg", "-loglevel"];

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(arguments: &[&str]) -> Vec<String> {
        normalised(arguments.iter().map(OsString::from)).map(|text| text.into_string().unwrap()).collect()
    }

    #[test]
    fn options_of_the_original_get_their_second_dash() {
        assert_eq!(normal(&["edgebind", "run", "-cfg", "c.json"]), ["edgebind", "run", "--cfg", "c.json"]);
    }

    #[test]
    fn everything_else_stays() {
        assert_eq!(normal(&["edgebind", "-h", "--", "-cfg"]), ["edgebind", "-h", "--", "-cfg"]);
    }
}
