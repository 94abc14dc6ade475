//! `tw_http` and `tw_ems` against a server of this test.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use super::super::{
    HostSettings,
    testing::{body, finished, with_scripts, with_settings},
};
use crate::Setting;

/// A server that answers one request after the other with `answer`, and hands out what was sent.
fn server(answer: &'static str) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !complete(&request) {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&buffer[..count]),
                }
            }
            if tell.send(String::from_utf8_lossy(&request).into_owned()).is_err() {
                return;
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, told)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

const ANSWER: &str = "HTTP/1.1 418 T\r\nX-Out: yes\r\nContent-Length: 5\r\nConnection: close\r\n\r\nshort";

#[test]
fn a_get_returns_body_code_and_headers_in_any_spelling() {
    let (port, told) = server(ANSWER);
    let code = format!(
        "local b, c, h = tw_http.get('127.0.0.1', {port}, '/a b', {{['x-conf'] = 'sent'}}, {{q = 'x y'}}) \
         return h.nope == nil and h['x-out'], h['X-Out'], c, b"
    );
    with_scripts(&[("s.lua", &code)], async |host| {
        assert_eq!(finished(&host, "s").await.result, "short,418,yes,yes");
    });
    let request = told.recv().unwrap();
    assert!(request.starts_with("GET /a%20b?q=x+y HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-conf: sent\r\n") && request.contains("connection: close\r\n"), "{request}");
}

#[test]
fn bodies_are_sent_as_text_form_or_what_the_headers_say() {
    let (port, told) = server(ANSWER);
    let code = format!(
        "tw_http.post('127.0.0.1', '{port}', '/', 'raw') \
         tw_http.post('127.0.0.1', {port}, '/', {{a = 'x y'}}) \
         tw_http.put('127.0.0.1', {port}, '/', '{{}}', {{['Content-Type'] = 'application/json'}}) \
         tw_http.delete('127.0.0.1', {port}, '/x')"
    );
    with_scripts(&[("s.lua", &code)], async |host| {
        assert_eq!(finished(&host, "s").await.result, "");
    });
    let mut next = || told.recv().unwrap();
    let request = next();
    assert!(
        request.contains("content-type: text/plain\r\n") && request.ends_with("\r\n\r\nraw"),
        "{request}"
    );
    let request = next();
    assert!(
        request.contains("application/x-www-form-urlencoded") && request.ends_with("\r\n\r\na=x+y"),
        "{request}"
    );
    let request = next();
    assert!(
        request.starts_with("PUT / ") && request.contains("content-type: application/json\r\n"),
        "{request}"
    );
    assert!(!request.contains("text/plain"), "{request}");
    assert!(next().starts_with("DELETE /x "));
}

#[test]
fn an_unreachable_server_is_an_answer_with_503() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let code = format!("local b, c, h = tw_http.get('127.0.0.1', {port}, '/') return type(b), c, type(h)");
    with_scripts(&[("s.lua", &code)], async |host| {
        assert_eq!(finished(&host, "s").await.result, "table,503,string");
    });
}

#[test]
fn the_gateway_is_asked_with_its_address_and_credentials() {
    let (port, told) = server(ANSWER);
    let setting = |value: &str| Setting::from(value);
    let settings = HostSettings {
        globals: [
            ("rap_host".to_owned(), setting("127.0.0.1")),
            ("rap_port".to_owned(), setting(&port.to_string())),
            ("rap_ssl".to_owned(), setting("false")),
            ("rap_userid".to_owned(), setting("user")),
            ("rap_password".to_owned(), setting("word")),
        ]
        .into(),
        ..HostSettings::default()
    };
    let code = "local b, c = tw_ems.post('/Thingworx/Things/LocalEms/Services/X', '{}', \
                {host = 'other', ['content-type'] = 'application/json'}) return tw_rap.getId and c, b";
    with_settings(settings, &[("s.lua", code)], async |host| {
        assert_eq!(finished(&host, "s").await.result, "short,418");
    });
    let request = told.recv().unwrap();
    assert!(request.starts_with("POST /Thingworx/Things/LocalEms/Services/X HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Basic dXNlcjp3b3Jk\r\n"), "{request}");
    assert!(request.contains("host: 127.0.0.1\r\n") && !request.contains("other"), "{request}");
}

#[test]
fn a_callback_that_waits_for_a_server_lets_others_through() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let code = format!(
        "function ask() return 200, (tw_http.get('127.0.0.1', {port}, '/')) end \
         function quick() return 200, 'quick' end \
         tw_http.registerCallback('/ask', 'ask') tw_http.registerCallback('/quick', 'quick') \
         while p_data.run do tw_utils.psleep(60000) end"
    );
    with_scripts(&[("s.lua", &code)], async |host| {
        assert_eq!(body(&host, "s", "quick").await, "quick");
        let (asked, ()) = tokio::join!(body(&host, "s", "ask"), async {
            let accepted = tokio::task::spawn_blocking(move || listener.accept().unwrap().0).await;
            // It has been asked, and does not answer before this.
            assert_eq!(body(&host, "s", "quick").await, "quick");
            accepted.unwrap().write_all(ANSWER.as_bytes()).unwrap();
        });
        assert_eq!(asked, "short");
    });
}
