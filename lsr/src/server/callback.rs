//! Requests that scripts answer (script resource notes, 2.4).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

use super::{
    answer::{text, with},
    body::Type,
    form,
};
use crate::{CallbackAnswer, CallbackData, CallbackRequest, Host};

/// How many requests each script has at work; a clone counts the same.
#[derive(Clone)]
pub(super) struct Load {
    open: Arc<Mutex<HashMap<String, usize>>>,
    most: usize,
}

/// One request at work; counted until this is dropped.
struct Place {
    load: Load,
    script: String,
}

impl Load {
    /// A script may have a quarter of `connections` at work, so that one that hangs leaves room for the others.
    pub(super) fn new(connections: usize) -> Self {
        Self { open: Arc::default(), most: (connections / 4).max(1) }
    }

    fn take(&self, script: &str) -> Option<Place> {
        let mut open = self.open();
        let count = open.entry(script.to_owned()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { load: self.clone(), script: script.to_owned() })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.load.open();
        if let Some(count) = open.get_mut(&self.script) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.script);
            }
        }
    }
}

/// The part of a request that its path gives.
pub(super) struct Target {
    pub(super) script: String,
    pub(super) path: Vec<Vec<u8>>,
    pub(super) trailing_slash: bool,
}

impl Target {
    /// Whose work the request is: the script's, but for those that the router hands on, which are the thing's.
    fn counted(&self) -> String {
        let thing = match self.path.as_slice() {
            [things, thing, ..] if self.script == ROUTER && things == b"Things" => Some(thing),
            _ => None,
        };
        thing.map_or_else(|| self.script.clone(), |thing| String::from_utf8_lossy(thing).into_owned())
    }
}

/// Has the script answer.
pub(super) async fn answer(
    host: &Host,
    load: &Load,
    request: &HttpRequest,
    target: Target,
    body: &Bytes,
    patience: Duration,
) -> HttpResponse {
    let script = target.script.clone();
    let counted = target.counted();
    let Some(_place) = load.take(&counted) else {
        let reason = format!("{counted} has {} requests at work and takes no more", load.most);
        let mut busy = text(StatusCode::SERVICE_UNAVAILABLE, &reason);
        busy.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return busy;
    };
    match host.call(&script, call(request, target, body), patience).await {
        Ok(answer) => respond(request, answer),
        Err(error) => {
            let status = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            text(status, &error.to_string())
        }
    }
}

fn call(request: &HttpRequest, target: Target, body: &Bytes) -> CallbackRequest {
    let headers = request.headers().iter().filter(|(name, _)| !NOT_PASSED.contains(&name.as_str()));
    let mut headers: Vec<(String, Vec<u8>)> =
        headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    if target.trailing_slash {
        headers.push(("x-basepath".to_owned(), b"..".to_vec()));
    }
    let data = match Type::of(request) {
        _ if body.is_empty() => CallbackData::Empty,
        Type::Form => CallbackData::Fields(form::pairs(body)),
        Type::Content | Type::Other => CallbackData::Content(body.to_vec()),
    };
    CallbackRequest {
        method: request.method().as_str().to_owned(),
        path: target.path,
        headers,
        query: form::pairs(request.query_string().as_bytes()),
        data,
    }
}

/// The answer of a script. Its content type counts for GET and POST only, as in the original.
fn respond(request: &HttpRequest, answer: CallbackAnswer) -> HttpResponse {
    let is = |method: &str| request.method().as_str() == method;
    let asked = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let default = if is("POST") { asked.unwrap_or(PLAIN) } else { PLAIN };
    // What is no status for an answer would break the connection.
    let status = StatusCode::from_u16(answer.code).ok().filter(|status| !status.is_informational());
    let mut response = with(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), default, answer.body);
    for (name, value) in answer.headers {
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value))
        else {
            continue;
        };
        let of_the_server = FRAMING.contains(&name.as_str());
        let ignored = name == header::CONTENT_TYPE && !(is("GET") || is("POST"));
        if !of_the_server && !ignored {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The script that hands the gateway's requests on to things.
pub(super) const ROUTER: &str = "Thingworx";
const PLAIN: &str = "text/plain";
/// Headers of a request that scripts do not see.
const NOT_PASSED: &[&str] =
    &["host", "connection", "content-length", "authorization", "referer", "transfer-encoding"];
/// Headers of an answer that scripts do not make.
const FRAMING: &[&str] = &["connection", "content-length", "date", "server", "transfer-encoding", "upgrade"];

#[cfg(test)]
mod tests {
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    fn answer(code: u16, headers: &[(&str, &str)]) -> CallbackAnswer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        CallbackAnswer { code, headers: headers.collect(), body: b"body".to_vec() }
    }

    fn content_type(response: &HttpResponse) -> &str {
        response.headers().get("content-type").unwrap().to_str().unwrap()
    }

    #[test]
    fn the_content_type_of_a_script_counts_for_get_and_post_only() {
        let typed = answer(200, &[("Content-Type", "text/xml")]);
        for (request, typed_as, else_as) in [
            (TestRequest::get(), "text/xml", "text/plain"),
            (TestRequest::post().insert_header(("content-type", "a/b")), "text/xml", "a/b"),
            (TestRequest::put().insert_header(("content-type", "a/b")), "text/plain", "text/plain"),
            (TestRequest::delete(), "text/plain", "text/plain"),
        ] {
            let request = request.to_http_request();
            assert_eq!(content_type(&respond(&request, typed.clone())), typed_as);
            assert_eq!(content_type(&respond(&request, answer(200, &[]))), else_as);
        }
    }

    #[test]
    fn no_answer_of_a_script_breaks_the_connection() {
        let request = TestRequest::get().to_http_request();
        let headers = [("Content-Length", "999"), ("Transfer-Encoding", "chunked"), ("bad name", "x")];
        let split = [("x-split", "a\r\nb: c"), ("X-Fine", "yes")];
        let response = respond(&request, answer(299, &[&headers[..], &split].concat()));
        let names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(response.headers().get("x-fine").unwrap(), "yes");
        assert_eq!(response.head().reason(), "UNKNOWN");
        assert_eq!(response.into_body().try_into_bytes().unwrap(), "body");
        for code in [0, 42, 100, 1000] {
            assert_eq!(respond(&request, answer(code, &[])).status(), 500, "{code}");
        }
    }

    #[test]
    fn a_script_gets_headers_query_and_body_as_the_notes_say() {
        let request = TestRequest::post()
            .uri("/scripts/s/a/?q=x%20y&alone")
            .insert_header(("X-Own", "1"))
            .insert_header(("Authorization", "Basic eA=="))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .to_http_request();
        let target = || Target { script: "s".to_owned(), path: vec![b"a".to_vec()], trailing_slash: true };
        let called = call(&request, target(), &Bytes::from_static(b"k=v+w"));
        let names: Vec<_> = called.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"x-own") && names.contains(&"x-basepath"), "{names:?}");
        assert!(!names.contains(&"authorization"), "{names:?}");
        assert_eq!(called.query, [(b"q".to_vec(), b"x y".to_vec())]);
        assert_eq!(called.data, CallbackData::Fields(vec![(b"k".to_vec(), b"v w".to_vec())]));
        assert_eq!(call(&request, target(), &Bytes::new()).data, CallbackData::Empty);
    }

    #[test]
    fn what_the_router_hands_on_is_the_work_of_the_thing() {
        let counted = |script: &str, path: &[&str]| {
            let path = path.iter().map(|segment| segment.as_bytes().to_vec()).collect();
            Target { script: script.to_owned(), path, trailing_slash: false }.counted()
        };
        assert_eq!(counted("Thingworx", &["Things", "Pump", "Services", "Slow"]), "Pump");
        assert_eq!(counted("Pump", &["Services", "Slow"]), "Pump");
        assert_eq!(counted("Thingworx", &["registerIdentifier"]), "Thingworx");
        assert_eq!(counted("echo", &["Things", "Pump"]), "echo");
    }

    #[test]
    fn a_script_that_hangs_leaves_room_for_the_others() {
        let load = Load::new(8);
        let places = [load.take("slow"), load.take("slow")];
        assert!(places.iter().all(Option::is_some));
        assert!(load.take("slow").is_none());
        assert!(load.take("other").is_some());
        drop(places);
        assert!(load.take("slow").is_some());
        assert!(load.open().is_empty());
    }
}
