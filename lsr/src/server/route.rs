//! What a request asks for, by its method and path (script resource notes, 2.3 and 2.5). Pure.

use percent_encoding::percent_decode_str;

/// Methods that scripts know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The page that every unknown path shows.
    Help,
    /// All scripts.
    Scripts,
    /// The form by which a script is added.
    NewScript,
    /// Add a script, from a form.
    Add,
    /// Start a script anew, from a form.
    Update { script: String },
    /// Stop a script and forget it.
    Remove { script: String },
    /// Something about one script.
    About { script: String, what: About },
    /// Change `p_data` of a script, from a form.
    SetProperties { script: String },
    /// A path that a script serves.
    Callback { script: String, path: Vec<Vec<u8>>, trailing_slash: bool },
    /// Start a script anew, with the file and the settings it has.
    Restart { script: String },
    /// Forget the scripts that were added while the process ran and have finished.
    Cleanup,
    /// A command of `/scriptcontrol` that does not exist.
    BadCommand(String),
    /// Global settings, all or one.
    Globals { name: Option<String> },
    /// Change global settings, from a form.
    SetGlobals,
    /// A method that this path does not have; with the methods that it has.
    NotAllowed(&'static str),
}

/// What can be asked about a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    Status,
    Result,
    Source,
    Properties,
    Property(String),
}

impl Route {
    /// Understands `path`, which is still percent-encoded; `is_form` says whether the body is a form.
    pub(super) fn parse(method: &str, path: &str, is_form: bool) -> Self {
        let mut segments: Vec<Vec<u8>> =
            path.split('/').skip(1).map(|segment| percent_decode_str(segment).collect()).collect();
        // `/a/` is `/a` with a slash behind it, not a segment without a name.
        let trailing_slash = segments.last().is_some_and(Vec::is_empty);
        if trailing_slash {
            segments.pop();
        }
        let verb = match method {
            "GET" => Some(Verb::Get),
            "POST" => Some(Verb::Post),
            "PUT" => Some(Verb::Put),
            "DELETE" => Some(Verb::Delete),
            "HEAD" => None,
            _ => return Self::NotAllowed(SERVED),
        };
        let Some((first, rest)) = segments.split_first() else { return Self::Help };
        match (first.as_slice(), verb) {
            (b"scripts", None) => Self::NotAllowed(SCRIPTS),
            (b"scripts", Some(verb)) => Self::script(verb, rest, trailing_slash, is_form),
            (b"scriptcontrol", Some(Verb::Post)) => Self::control(rest),
            (b"scriptcontrol", _) => Self::NotAllowed("POST"),
            (b"properties", None | Some(Verb::Get)) => {
                Self::Globals { name: rest.first().map(|name| lossy(name)) }
            }
            (b"properties", Some(Verb::Post)) => Self::SetGlobals,
            (b"properties", _) => Self::NotAllowed("GET, POST"),
            _ => Self::Help,
        }
    }

    fn script(verb: Verb, rest: &[Vec<u8>], trailing_slash: bool, is_form: bool) -> Self {
        let Some((script, path)) = rest.split_first() else {
            return match verb {
                Verb::Get => Self::Scripts,
                Verb::Post => Self::Add,
                // It ends the original.
                Verb::Put | Verb::Delete => Self::NotAllowed("GET, POST"),
            };
        };
        let script = lossy(script);
        let names: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        let about = |what| Self::About { script: script.clone(), what };
        match (verb, names.as_slice()) {
            (Verb::Get, []) if script == "newscript" => Self::NewScript,
            (Verb::Get, [b"status"]) => about(About::Status),
            (Verb::Get, [b"result"]) => about(About::Result),
            (Verb::Get, [b"source"]) => about(About::Source),
            (Verb::Get, [b"properties"]) => about(About::Properties),
            (Verb::Get, [b"properties", name]) => about(About::Property(lossy(name))),
            (Verb::Post, [b"properties"]) if is_form => Self::SetProperties { script },
            (Verb::Post, []) if is_form => Self::Update { script },
            (Verb::Delete, []) => Self::Remove { script },
            _ => Self::Callback { script, path: path.to_vec(), trailing_slash },
        }
    }

    fn control(rest: &[Vec<u8>]) -> Self {
        match rest {
            [command] if command == b"cleanup" => Self::Cleanup,
            [command, script] if command == b"restart" => Self::Restart { script: lossy(script) },
            other => Self::BadCommand(other.first().map_or_else(String::new, |command| lossy(command))),
        }
    }

    /// Whether the request steers the process or tells how it is configured: from another machine only with a password
    /// (design 3.5).
    pub(super) fn is_control(&self) -> bool {
        match self {
            // The gateway's requests for an identifier go where this says.
            Self::Callback { script, path, .. } => {
                script == super::callback::ROUTER
                    && path.first().is_some_and(|first| first == b"registerIdentifier")
            }
            Self::Add
            | Self::Update { .. }
            | Self::Remove { .. }
            | Self::SetProperties { .. }
            | Self::Restart { .. }
            | Self::Cleanup
            | Self::BadCommand(_)
            | Self::Globals { .. }
            | Self::SetGlobals
            | Self::About { what: About::Source | About::Properties | About::Property(_), .. } => true,
            Self::Help | Self::Scripts | Self::NewScript | Self::About { .. } | Self::NotAllowed(_) => false,
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Methods that the server knows at all.
const SERVED: &str = "GET, HEAD, POST, PUT, DELETE";
/// Methods below `/scripts`, in the original's spelling of a list.
const SCRIPTS: &str = "GET POST PUT DELETE";

#[cfg(test)]
mod tests {
    use super::*;

    fn callback(script: &str, path: &[&str], trailing_slash: bool) -> Route {
        let path = path.iter().map(|segment| segment.as_bytes().to_vec()).collect();
        Route::Callback { script: script.to_owned(), path, trailing_slash }
    }

    fn about(script: &str, what: About) -> Route {
        Route::About { script: script.to_owned(), what }
    }

    #[test]
    fn scripts_and_their_paths_are_told_from_script_control() {
        for (path, wanted) in [
            ("/", Route::Help),
            ("/whatever", Route::Help),
            ("/scripts", Route::Scripts),
            ("/scripts/", Route::Scripts),
            ("/scripts/newscript", Route::NewScript),
            ("/scripts/s", callback("s", &[], false)),
            ("/scripts/s/", callback("s", &[], true)),
            ("/scripts/s/a//b%20c%2Fd", callback("s", &["a", "", "b c/d"], false)),
            ("/scripts/s/status", about("s", About::Status)),
            ("/scripts/s/Status", callback("s", &["Status"], false)),
            ("/scripts/s/properties", about("s", About::Properties)),
            ("/scripts/s/properties/p", about("s", About::Property("p".to_owned()))),
            ("/scripts/s/Properties/p", callback("s", &["Properties", "p"], false)),
            (
                "/scripts/Thingworx/Things/*SN-1/Services",
                callback("Thingworx", &["Things", "*SN-1", "Services"], false),
            ),
            ("/properties", Route::Globals { name: None }),
            ("/properties/rap_host", Route::Globals { name: Some("rap_host".to_owned()) }),
            ("/scriptcontrol", Route::NotAllowed("POST")),
        ] {
            assert_eq!(Route::parse("GET", path, false), wanted, "{path}");
        }
    }

    #[test]
    fn only_forms_steer_a_script() {
        let s = || "s".to_owned();
        assert_eq!(Route::parse("POST", "/scripts/s", true), Route::Update { script: s() });
        assert_eq!(Route::parse("POST", "/scripts/s", false), callback("s", &[], false));
        assert_eq!(Route::parse("POST", "/scripts/s/properties", true), Route::SetProperties { script: s() });
        assert_eq!(Route::parse("DELETE", "/scripts/s", false), Route::Remove { script: s() });
        assert_eq!(Route::parse("DELETE", "/scripts/s/x", false), callback("s", &["x"], false));
        assert_eq!(Route::parse("PUT", "/scripts/s", false), callback("s", &[], false));
        assert_eq!(Route::parse("POST", "/scriptcontrol/restart/s", true), Route::Restart { script: s() });
        assert_eq!(Route::parse("POST", "/scriptcontrol/foo", true), Route::BadCommand("foo".to_owned()));
    }

    #[test]
    fn what_steers_is_told_from_what_serves() {
        for (method, path, is_form, steers) in [
            ("GET", "/scripts", false, false),
            ("GET", "/scripts/s/status", false, false),
            ("GET", "/scripts/s/source", false, true),
            ("GET", "/properties", false, true),
            ("POST", "/scripts", true, true),
            ("POST", "/scripts/s/x", true, false),
            ("DELETE", "/scripts/s", false, true),
            ("POST", "/scripts/Thingworx/Things/T/Services/S", false, false),
            ("POST", "/scripts/Thingworx/registerIdentifier", true, true),
            ("POST", "/scriptcontrol/restart/s", true, true),
        ] {
            assert_eq!(Route::parse(method, path, is_form).is_control(), steers, "{method} {path}");
        }
    }

    #[test]
    fn other_methods_are_told_what_there_is() {
        assert_eq!(Route::parse("PATCH", "/scripts/s", false), Route::NotAllowed(SERVED));
        assert_eq!(Route::parse("HEAD", "/scripts/s", false), Route::NotAllowed(SCRIPTS));
        assert_eq!(Route::parse("HEAD", "/properties", false), Route::Globals { name: None });
        assert_eq!(Route::parse("PUT", "/scripts", false), Route::NotAllowed("GET, POST"));
        assert_eq!(Route::parse("GET", "", false), Route::Help);
    }
}
