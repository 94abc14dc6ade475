//! The messages of the tap as lines that people can read, and the filter on them.

use std::collections::HashMap;

use edgebind_alwayson::{
    Body, Characteristic, Code, Frame, Header, Incoming, Limits, Message, decode_with_trailing, notation,
};
use serde::Serialize;

use super::super::wire::{Passed, Way};
use crate::model::ConnectionId;

/// Makes lines of what passed; remembers the requests, so that an answer can say what it answers.
#[derive(Default)]
pub(super) struct Lines {
    filter: String,
    open: HashMap<Exchange, Asked>,
}

/// One message as the page shows it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    number: u64,
    /// Milliseconds since 1970.
    time: i64,
    connection: u64,
    /// `in` from the edge, `out` to it.
    way: &'static str,
    /// What it is, in one line.
    title: String,
    /// Title of the request that it answers.
    answers: Option<String>,
    /// Milliseconds from that request to this answer.
    after: Option<i64>,
    /// Whether it refuses something, or cannot be read.
    bad: bool,
    /// Length in bytes.
    bytes: usize,
    /// Everything that it says, in several lines.
    text: String,
}

/// A request is told from others by its connection, its way and its id.
type Exchange = (ConnectionId, Way, u32);

struct Asked {
    title: String,
    time: i64,
}

impl Lines {
    /// Only lines that hold this text, in whatever case, are made from now on.
    pub(super) fn set_filter(&mut self, filter: &str) {
        self.filter = filter.trim().to_lowercase();
    }

    /// The line of a message, if it passes the filter.
    pub(super) fn line(&mut self, passed: &Passed) -> Option<Line> {
        let told = tell(passed);
        let other = match passed.way {
            Way::In => Way::Out,
            Way::Out => Way::In,
        };
        let mut asked = None;
        match told.role {
            Role::Request(id) => {
                // Requests that nobody answers must not stay for ever.
                if self.open.len() >= MOST_OPEN {
                    self.open.clear();
                }
                let title = told.title.clone();
                self.open.insert((passed.connection, passed.way, id), Asked { title, time: passed.time });
            }
            Role::Answer(id) => asked = self.open.remove(&(passed.connection, other, id)),
            Role::Alone => {}
        }
        let line = Line {
            number: passed.number,
            time: passed.time,
            connection: passed.connection.0,
            way: match passed.way {
                Way::In => "in",
                Way::Out => "out",
            },
            title: told.title,
            after: asked.as_ref().map(|asked| passed.time.saturating_sub(asked.time)),
            answers: asked.map(|asked| asked.title),
            bad: told.bad,
            bytes: passed.length,
            text: shortened(told.text),
        };
        self.passes(&line).then_some(line)
    }

    fn passes(&self, line: &Line) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(&self.filter);
        self.filter.is_empty()
            || holds(&line.title)
            || line.answers.as_deref().is_some_and(holds)
            || holds(&line.text)
    }
}

/// What a frame says.
struct Told {
    title: String,
    text: String,
    bad: bool,
    role: Role,
}

enum Role {
    Request(u32),
    Answer(u32),
    Alone,
}

fn tell(passed: &Passed) -> Told {
    let alone = |title: String| Told { title, text: String::new(), bad: false, role: Role::Alone };
    match &passed.frame {
        Frame::Ping(_) => alone("ping".to_owned()),
        Frame::Pong(_) => alone("pong".to_owned()),
        Frame::Close { code, text } => alone(format!("close {code} {text}")),
        Frame::Binary(bytes) if bytes.len() < passed.length => tell_header(bytes),
        Frame::Binary(bytes) => match decode_with_trailing(bytes, &Limits::DEFAULT) {
            Ok((incoming, trailing)) => {
                // What follows a login may be a part of its secret.
                let secret = matches!(&incoming, Incoming::Message(Message { body: Body::Auth(_), .. }));
                let text = notation::describe(&incoming, if secret { &[] } else { &trailing });
                let (title, bad, role) = title(&incoming);
                Told { title, text, bad, role }
            }
            // Without its bytes: they may be those of a login.
            Err(error) => Told {
                text: error.to_string(),
                bad: true,
                ..alone(format!("{} bytes that cannot be read", bytes.len()))
            },
        },
    }
}

/// Of a message that is too long to be kept whole.
fn tell_header(bytes: &[u8]) -> Told {
    match Header::decode(bytes) {
        Ok(header) => Told {
            title: format!("{}, too long to be shown", header.code),
            text: format!("request {}, session {}", header.request_id, header.session_id),
            bad: is_refusal(header.code),
            role: role(header.code, header.request_id),
        },
        Err(error) => Told {
            title: "bytes that cannot be read".to_owned(),
            text: error.to_string(),
            bad: true,
            role: Role::Alone,
        },
    }
}

fn title(incoming: &Incoming) -> (String, bool, Role) {
    match incoming {
        Incoming::Chunk(chunk) => {
            let entity = chunk.entity.as_ref().map(|entity| format!(" {}", entity.name)).unwrap_or_default();
            let title = format!("{}{entity}, part {} of {}", chunk.header.code, chunk.number, chunk.count);
            // The first part opens a request, the last part of an answer closes it.
            let role = match role(chunk.header.code, chunk.header.request_id) {
                Role::Request(id) if chunk.number == 1 => Role::Request(id),
                Role::Answer(id) if chunk.number == chunk.count => Role::Answer(id),
                _ => Role::Alone,
            };
            (title, is_refusal(chunk.header.code), role)
        }
        Incoming::Message(message) => {
            let code = message.body.code();
            let title = match &message.body {
                Body::Request(request) => {
                    let place = match request.characteristic {
                        Characteristic::Properties => "Properties".to_owned(),
                        Characteristic::Services => "Services".to_owned(),
                        Characteristic::Events => "Events".to_owned(),
                        Characteristic::Other(number) => number.to_string(),
                    };
                    format!("{code} {} {place}/{}", request.entity, request.name)
                }
                Body::Response(response) => match &response.reason {
                    Some(reason) if !reason.is_empty() => format!("{code}: {reason}"),
                    _ => code.to_string(),
                },
                Body::Bind(bind) => {
                    let gateway = bind.gateway.as_ref().map(|gateway| format!(" gateway {}", gateway.name));
                    format!("{code}{} {}", gateway.unwrap_or_default(), names(&bind.names))
                }
                Body::Auth(_) | Body::Other { .. } => code.to_string(),
            };
            (title, is_refusal(code), role(code, message.request_id))
        }
    }
}

fn names(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

const fn role(code: Code, id: u32) -> Role {
    if code.0 < FIRST_STATUS { Role::Request(id) } else { Role::Answer(id) }
}

const fn is_refusal(code: Code) -> bool {
    code.0 >= FIRST_STATUS && !code.is_success()
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n...");
    }
    text
}

/// First code that is a status (protocol notes, section 3.1).
const FIRST_STATUS: u8 = 0x40;
/// Requests that are remembered for their answers.
const MOST_OPEN: usize = 4096;
/// Longest description in bytes.
const LONGEST_TEXT: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use edgebind_alwayson::{
        Auth, Bind, Claim, Content, InfoTable, Method, Request, Response, Value, encode,
    };

    use super::*;

    fn passed(way: Way, time: i64, request_id: u32, body: Body) -> Passed {
        let bytes = encode(&Message { request_id, endpoint_id: 0, session_id: 7, body }).unwrap();
        Passed {
            number: 0,
            time,
            connection: ConnectionId(3),
            way,
            length: bytes.len(),
            frame: Frame::Binary(bytes),
        }
    }

    fn read(entity: &str) -> Body {
        Body::Request(Request::thing(
            Method::Get,
            entity,
            Characteristic::Properties,
            "speed",
            Content::Nothing,
        ))
    }

    #[test]
    fn an_answer_tells_what_it_answers_and_how_long_it_took() {
        let mut lines = Lines::default();
        let asked = lines.line(&passed(Way::Out, 1000, 5, read("Pump"))).unwrap();
        assert_eq!((asked.title.as_str(), asked.way, asked.bad), ("GET Pump Properties/speed", "out", false));
        // The same id in the other direction is another exchange.
        let other = lines.line(&passed(Way::Out, 1001, 5, Body::Response(Response::success()))).unwrap();
        assert_eq!(other.answers, None);
        let refused = Response::error(Code::NOT_FOUND, "no such property");
        let answer = lines.line(&passed(Way::In, 1004, 5, Body::Response(refused))).unwrap();
        assert_eq!(answer.title, "NOT_FOUND: no such property");
        assert_eq!(answer.answers.as_deref(), Some("GET Pump Properties/speed"));
        assert_eq!((answer.after, answer.bad), (Some(4), true));
    }

    #[test]
    fn the_filter_keeps_a_request_and_its_answer() {
        let mut lines = Lines::default();
        lines.set_filter(" pUMP ");
        assert!(lines.line(&passed(Way::Out, 0, 1, read("Pump"))).is_some());
        assert!(lines.line(&passed(Way::Out, 0, 2, read("Fan"))).is_none());
        let content = Content::Table(InfoTable::single("speed", Value::Number(1.0)));
        let success = Response { content, ..Response::success() };
        assert!(lines.line(&passed(Way::In, 0, 1, Body::Response(success.clone()))).is_some());
        assert!(lines.line(&passed(Way::In, 0, 2, Body::Response(success))).is_none());
    }

    #[test]
    fn no_line_holds_the_secret_of_a_login() {
        let claim = Claim { name: "appKey".to_owned(), value: "the-secret".to_owned() };
        let whole = passed(Way::In, 0, 1, Body::Auth(Auth { claims: vec![claim] }));
        let Frame::Binary(bytes) = &whole.frame else { panic!("a binary frame") };
        let hex = notation::to_hex(b"the-secret");
        for end in 0..=bytes.len() {
            let cut = Bytes::copy_from_slice(&bytes[..end]);
            let mut longer = cut.to_vec();
            longer.extend_from_slice(b"the-secret");
            for frame in [cut, Bytes::from(longer)] {
                let part = Passed { length: frame.len(), frame: Frame::Binary(frame), ..whole.clone() };
                let line = Lines::default().line(&part).unwrap();
                let shown = serde_json::to_string(&line).unwrap();
                assert!(!shown.contains("the-secret") && !shown.contains(&hex), "{shown}");
            }
        }
    }

    #[test]
    fn a_bind_names_its_first_thing_and_counts_the_others() {
        let bind = Bind { unbind: false, gateway: None, names: vec!["A".to_owned(), "B".to_owned()] };
        let line = Lines::default().line(&passed(Way::In, 0, 1, Body::Bind(bind))).unwrap();
        assert_eq!(line.title, "BIND A and 1 more");
    }

    #[test]
    fn a_long_message_is_told_by_its_header_and_a_long_text_is_cut() {
        let long = passed(Way::In, 0, 9, Body::Response(Response::success()));
        let line = Lines::default().line(&Passed { length: 100_000, ..long }).unwrap();
        assert_eq!((line.title.as_str(), line.bytes), ("SUCCESS, too long to be shown", 100_000));
        assert!(shortened("\u{e4}".repeat(LONGEST_TEXT)).len() <= LONGEST_TEXT + 4);
    }
}
