//! A request of the platform in the words of HTTP (EMS notes, 9.1).

use edgebind_alwayson::{
    Characteristic, Code, Content, EntityType, Method, Request, Response,
    json::{self, ShapeKey},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What goes to the endpoint of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpRequest {
    pub(crate) verb: Verb,
    /// Path with the prefix of the registration, percent-encoded.
    pub(crate) path: String,
    /// JSON, if the request has parameters.
    pub(crate) body: Option<Vec<u8>>,
}

/// Verbs that a script resource understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Put,
    Post,
}

impl HttpRequest {
    /// Translates `request` for a thing whose paths begin with `prefix`.
    ///
    /// # Errors
    ///
    /// The answer to the platform, if nothing is to be sent to the endpoint.
    pub(crate) fn new(prefix: &str, request: &Request) -> Result<Self, Response> {
        if request.entity_type != EntityType::THINGS {
            return Err(Response::error(Code::NOT_FOUND, "the gateway answers for things only"));
        }
        for name in [&request.entity, &request.name] {
            if name.chars().any(char::is_control) {
                return Err(Response::error(Code::BAD_REQUEST, "a name holds a control character"));
            }
        }
        let (verb, kind) = match (request.characteristic, request.method) {
            (Characteristic::Properties, Method::Get) => (Verb::Get, "Properties"),
            (Characteristic::Properties, Method::Put) if request.params == Content::Nothing => {
                return Err(Response::error(Code::BAD_REQUEST, "a write needs a value"));
            }
            (Characteristic::Properties, Method::Put) => (Verb::Put, "Properties"),
            (Characteristic::Services, Method::Post) => (Verb::Post, "Services"),
            // Also what the original turned into another verb (EMS notes, 16).
            (Characteristic::Properties | Characteristic::Services, _) => {
                return Err(Response::error(
                    Code::METHOD_NOT_ALLOWED,
                    "properties take GET and PUT, services POST",
                ));
            }
            (Characteristic::Events | Characteristic::Other(_), _) => {
                return Err(Response::error(Code::NOT_FOUND, "a remote thing has properties and services"));
            }
        };
        let body = match (&request.params, verb) {
            (_, Verb::Get) | (Content::Nothing, _) => None,
            (Content::Table(table), _) => {
                let mut body = Vec::new();
                json::write_table(table, ShapeKey::Lower, &mut body);
                Some(body)
            }
            (Content::Bare(_), _) => {
                return Err(Response::error(Code::BAD_REQUEST, "parameters come as an infotable"));
            }
        };
        Ok(Self {
            verb,
            path: format!(
                "{slash}{}/Things/{}/{kind}/{}",
                utf8_percent_encode(prefix, PREFIX),
                encode(&request.entity),
                encode(&request.name),
                slash = if prefix.is_empty() || prefix.starts_with('/') { "" } else { "/" },
            ),
            body,
        })
    }
}

fn encode(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, NAME)
}

/// Everything but the unreserved characters of RFC 2396, 2.3: agents know names like `*id` and `p(1)` in clear,
/// while `?`, `/`, `%` and `#` cannot end the name.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// A prefix may hold escapes and slashes, but must not end the path.
const PREFIX: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'?')
    .add(b'#')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^');

#[cfg(test)]
mod tests {
    use edgebind_alwayson::{InfoTable, Value};

    use super::*;

    fn request(method: Method, characteristic: Characteristic, name: &str, params: Content) -> Request {
        Request::thing(method, "T1", characteristic, name, params)
    }

    #[test]
    fn a_read_has_no_body_and_an_encoded_path() {
        let read = request(Method::Get, Characteristic::Properties, "a b?c/grün(1)", Content::Nothing);
        let http = HttpRequest::new("/scripts/Thingworx", &read).unwrap();
        assert_eq!(http.verb, Verb::Get);
        assert_eq!(http.path, "/scripts/Thingworx/Things/T1/Properties/a%20b%3Fc%2Fgr%C3%BCn(1)");
        assert_eq!(http.body, None);
    }

    #[test]
    fn a_prefix_gets_a_slash_in_front_and_is_else_as_it_was_given() {
        let read = request(Method::Get, Characteristic::Properties, "p", Content::Nothing);
        for (prefix, path) in [
            ("", "/Things/T1/Properties/p"),
            ("/", "//Things/T1/Properties/p"),
            ("scripts", "/scripts/Things/T1/Properties/p"),
            ("/scripts/", "/scripts//Things/T1/Properties/p"),
            ("/a b?c#d%20", "/a%20b%3Fc%23d%20/Things/T1/Properties/p"),
        ] {
            assert_eq!(HttpRequest::new(prefix, &read).unwrap().path, path, "{prefix:?}");
        }
    }

    #[test]
    fn an_identifier_keeps_its_asterisk() {
        let mut read = request(Method::Get, Characteristic::Properties, "p", Content::Nothing);
        read.entity = "*id-1".to_owned();
        assert_eq!(HttpRequest::new("", &read).unwrap().path, "/Things/*id-1/Properties/p");
    }

    #[test]
    fn a_write_carries_the_infotable() {
        let params = Content::Table(InfoTable::single("p1", Value::Number(5.5)));
        let http =
            HttpRequest::new("", &request(Method::Put, Characteristic::Properties, "p1", params)).unwrap();
        let body = String::from_utf8(http.body.unwrap()).unwrap();
        assert!(body.starts_with(r#"{"rows":[{"p1":5.5}],"datashape":"#), "{body}");
    }

    #[test]
    fn what_a_thing_cannot_do_is_answered_without_asking_it() {
        let cases = [
            (Method::Put, Characteristic::Properties, Code::BAD_REQUEST),
            (Method::Delete, Characteristic::Properties, Code::METHOD_NOT_ALLOWED),
            (Method::Get, Characteristic::Services, Code::METHOD_NOT_ALLOWED),
            (Method::Post, Characteristic::Events, Code::NOT_FOUND),
        ];
        for (method, characteristic, code) in cases {
            let answer =
                HttpRequest::new("", &request(method, characteristic, "x", Content::Nothing)).unwrap_err();
            assert_eq!(answer.code, code, "{method:?} {characteristic:?}");
        }
    }

    #[test]
    fn control_characters_never_reach_the_endpoint() {
        let read = request(Method::Get, Characteristic::Properties, "p\r\nX: 1", Content::Nothing);
        assert_eq!(HttpRequest::new("", &read).unwrap_err().code, Code::BAD_REQUEST);
    }
}
