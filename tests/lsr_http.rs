//! The HTTP server of the script resource over real sockets: callbacks, script control, settings, who may do what
//! (script resource notes, 2).
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use support::{Answer, Process, Request, SOON, Scripts, exchange};

/// A script that shows what it got.
const ECHO: &str = r#"
local function flat(t)
  local parts = {}
  for key, value in pairs(t) do parts[#parts + 1] = tostring(key) .. "=" .. tostring(value) end
  table.sort(parts)
  return table.concat(parts, "&")
end
function echo(method, path, headers, query, data)
  return 200, method .. " " .. table.concat(path, "|") .. " ?" .. flat(query) .. " {" .. flat(data) .. "} " ..
    tostring(headers["x-own"]) .. " " .. tostring(headers["authorization"]) .. " " .. tostring(headers["x-basepath"])
end
function typed(method) return 200, { ["Content-Type"] = "application/json", ["X-Number"] = 5 }, '{"m":"' .. method .. '"}' end
function strange(method, path, headers, query) return tonumber(query.code), "body" end
function failing() error("on purpose") end
function slow() tw_utils.psleep(600) return 200, "late" end
tw_http.registerCallback("/", "echo")
tw_http.registerCallback("/typed", "typed")
tw_http.registerCallback("/strange/deep", "strange")
tw_http.registerCallback("/failing", "failing")
tw_http.registerCallback("/nothing", "no_such_function")
while p_data.run do tw_utils.psleep(100) end
"#;

struct Running {
    scripts: Scripts,
    process: Process,
    address: String,
}

impl Running {
    fn new(lines: &str) -> Self {
        let scripts = Scripts::new(lines);
        scripts.file("custom/scripts/echo.lua", ECHO);
        scripts.file("custom/scripts/short.lua", "return 'first', 2, true, nil, 'last'");
        scripts.file("custom/scripts/mute.lua", "while p_data.run do tw_utils.psleep(50) end");
        Self::started(scripts)
    }

    fn started(scripts: Scripts) -> Self {
        let process = scripts.start();
        let address = scripts.address(&process);
        Self { scripts, process, address }
    }

    /// With the echo script at work.
    fn echoing(lines: &str) -> Self {
        let running = Self::new(&format!("scripts.echo = {{ file = 'echo.lua', own = 5 }}\n{lines}"));
        running.scripts.phase(&running.address, "echo", "Running");
        support::wait_until("the echo answers", || {
            (running.get("/scripts/echo/failing").status == 500).then_some(())
        });
        running
    }

    fn send(&self, request: &Request) -> Answer {
        self.scripts.send(&self.address, request)
    }

    fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path))
    }

    fn form(&self, path: &str, fields: &str) -> Answer {
        let request = Request::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
        self.send(&request.body(fields))
    }
}

fn short(answer: &Answer) -> (u16, String, String) {
    (answer.status, answer.header("content-type").unwrap_or_default().to_owned(), answer.text())
}

fn plain(status: u16, text: &str) -> (u16, String, String) {
    (status, "text/plain".to_owned(), text.to_owned())
}

#[test]
fn a_callback_gets_the_request_and_makes_the_answer() {
    let running = Running::echoing("");
    let answer = running.get("/scripts/echo/a/b%20c?q=x%20y&alone&r=%26");
    assert_eq!(short(&answer), plain(200, "GET a|b c ?q=x y&r=& {} nil nil nil"));
    let request = Request::new("POST", "/scripts/echo/a/")
        .header("X-Own", "mine")
        .header("Authorization", "Basic eDp5")
        .header("Content-Type", "application/json; charset=utf-8");
    let answer = running.send(&request.body("{\"k\":1}"));
    assert_eq!(answer.text(), "POST a ? {content={\"k\":1}} mine nil ..");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let answer = running.form("/scripts/echo/p", "a=1&b=two+words");
    assert_eq!(answer.text(), "POST p ? {a=1&b=two words} nil nil nil");

    let typed = running.get("/scripts/echo/typed/more");
    assert_eq!(
        (typed.header("content-type"), typed.header("x-number")),
        (Some("application/json"), Some("5"))
    );
    let put = Request::new("PUT", "/scripts/echo/typed").header("Content-Type", "text/xml").body("<x/>");
    assert_eq!(short(&running.send(&put)), plain(200, "{\"m\":\"PUT\"}"));
    assert_eq!(running.get("/scripts/echo/strange").status, 200, "a part of a registered path is not it");
    assert_eq!(running.get("/scripts/echo/strange/deep?code=418").status, 418);
    assert_eq!(running.get("/scripts/echo/strange/deep?code=7").status, 500, "no status at all");
    let failed = running.get("/scripts/echo/failing");
    assert!(
        failed.text().starts_with("Error: ") && failed.text().ends_with("on purpose"),
        "{}",
        failed.text()
    );
    assert_eq!(short(&running.get("/scripts/echo/nothing")), plain(500, "Call back not a function"));
    assert_eq!(short(&running.get("/scripts/nobody/x")), plain(404, "Script not found"));
}

#[test]
fn every_answer_has_the_servers_name_and_its_date_and_refusals_are_pages() {
    let running = Running::new("scripts.mute = { file = 'mute.lua' }");
    running.scripts.phase(&running.address, "mute", "Running");
    let answer = running.get("/scripts/mute/a/b");
    assert_eq!(short(&answer), plain(404, "/scripts/mute/a/b/ not found"));
    assert_eq!(answer.header("server"), Some("ThingWorx HTTP Server (UNIX)"));
    let date = answer.header("date").unwrap();
    assert!(date.len() == 20 && date.ends_with('Z') && date.as_bytes()[10] == b'T', "{date}");
    assert_eq!(answer.header("connection"), Some("close"));

    let text = Request::new("POST", "/scripts/mute/a").header("Content-Type", "text/plain").body("{}");
    for request in [text, Request::new("POST", "/scripts/mute/a").body("{}")] {
        let refused = running.send(&request);
        assert_eq!((refused.status, refused.header("content-type")), (415, Some("text/html")));
        assert_eq!(refused.text().len(), 375);
    }
    let patch = running.send(&Request::new("PATCH", "/scripts/mute/a"));
    assert_eq!((patch.status, patch.header("allow")), (405, Some("GET, HEAD, POST, PUT, DELETE")));
    let put = Request::new("PUT", "/scripts").header("Content-Type", "application/json").body("{}");
    assert_eq!(running.send(&put).status, 405, "it ended the original");
    let raw = |text: &str| exchange(&running.address, text.as_bytes()).unwrap();
    assert_eq!(raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400);
    assert_eq!(raw("GET / HTTP/1.0\r\nHost: x\r\n\r\n").status, 200);
    let head = head(&running.address, "/scripts/mute");
    assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("GET POST PUT DELETE"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "no body follows: {head}");
}

#[test]
fn a_body_in_chunks_is_read_and_one_without_measure_is_refused() {
    let running = Running::echoing("");
    let head = "POST /scripts/echo/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/xml\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\n4\r\n</a>\r\n0\r\n\r\n");
    let answer = exchange(&running.address, chunked.as_bytes()).unwrap();
    assert_eq!(answer.text(), "POST c ? {content=<a></a>} nil nil nil");
    let large = format!("{head}Content-Length: 99999999\r\n\r\n");
    assert_eq!(exchange(&running.address, large.as_bytes()).unwrap().status, 413);
}

#[test]
fn scripts_are_shown_added_changed_and_removed_as_recorded() {
    let running = Running::new("scripts.done = { file = 'short.lua', template = 'x', t = { a = 1 } }");
    running.scripts.phase(&running.address, "done", "Finished");
    let list = running.get("/scripts");
    let text = list.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[1]), ("1 scripts installed", ""));
    assert!(lines[3].starts_with("done           Finished       last,,,2,first   "), "{text}");
    let xml = running.get("/scripts?format=text/xml");
    assert!(xml.text().contains("<Script name=\"done\" status=\"Finished\" "), "{}", xml.text());
    assert_eq!(short(&running.get("/scripts/done/result")), plain(200, "last,,,2,first\n"));
    assert_eq!(
        short(&running.get("/scripts/done/source")),
        plain(200, "return 'first', 2, true, nil, 'last'")
    );
    let properties = "file: short.lua\nt: { a=1, }\ntemplate: x\n";
    assert_eq!(short(&running.get("/scripts/done/properties")), plain(200, properties));
    assert_eq!(short(&running.get("/scripts/done/properties/template")), plain(200, "x\n"));
    let missing = "Server Error - Error getting propertynope from ScriptProxy done";
    assert_eq!(short(&running.get("/scripts/done/properties/nope")), plain(500, missing));
    assert_eq!(short(&running.get("/scripts/none/status")), plain(404, "Not Found"));

    let added = running.form("/scripts", "name=dyn&filename=short.lua&x=1");
    assert_eq!(short(&added), plain(200, "Finished Result = last,,,2,first"));
    let properties = "filename: short.lua\nname: dyn\nx: 1\n";
    assert_eq!(short(&running.get("/scripts/dyn/properties")), plain(200, properties));
    let again = running.form("/scripts", "name=dyn&filename=short.lua");
    assert_eq!(short(&again), plain(409, "Conflict - script dyn already exists"));
    let without = running.form("/scripts", "name=dyn2");
    assert_eq!(short(&without), plain(400, "Add script missing parameters. Name='dyn2', File = ''"));
    let absent = running.form("/scripts", "name=dyn3&filename=absent.lua");
    assert_eq!(short(&absent), plain(500, "Internal Server Error - failed initalizing ScriptProxy"));

    let changed = running.form("/scripts/dyn", "filename=mute.lua&y=2");
    assert_eq!(short(&changed), plain(200, "Running"));
    assert_eq!(short(&running.form("/scripts/dyn/properties", "z=3")), plain(200, ""));
    assert_eq!(short(&running.get("/scripts/dyn/properties/z")), plain(200, "3\n"));
    let restarted = running.form("/scriptcontrol/restart/dyn", "");
    assert_eq!((restarted.status, restarted.header("location")), (303, Some("/scripts/dyn/status")));
    assert_eq!(short(&running.form("/scriptcontrol/restart/zzz", "")), plain(404, "zzz: script nof found"));
    assert_eq!(short(&running.form("/scriptcontrol/foo", "")), plain(400, "Bad command: foo"));

    assert_eq!(short(&running.send(&Request::new("DELETE", "/scripts/dyn"))), plain(200, ""));
    assert_eq!(
        short(&running.send(&Request::new("DELETE", "/scripts/dyn"))),
        plain(404, "Script dyn not found")
    );
}

#[test]
fn what_is_changed_at_run_time_is_there_after_a_restart() {
    let mut running = Running::new("scripts.site = 'old'");
    assert_eq!(short(&running.get("/properties/site")), plain(200, "old"));
    assert_eq!(running.form("/properties", "site=new&rap_password=secret").status, 200);
    assert_eq!(short(&running.get("/properties/site")), plain(200, "new"));
    assert_eq!(running.form("/scripts", "name=dyn&filename=short.lua&x=1").status, 200);
    let file = running.scripts.folder().join("etc/config.lua.p_data");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("scripts={ ") && text.contains("site=\"new\""), "{text}");
    assert!(running.process.terminate().success());

    let mut running = Running::started(running.scripts);
    running.scripts.phase(&running.address, "dyn", "Finished");
    assert_eq!(running.get("/properties/site").text(), "new");
    assert_eq!(running.get("/properties/rap_password").text(), "********", "nobody needs to see it");
    assert_eq!(running.get("/scripts/dyn/properties/x").text(), "1\n");
    assert_eq!(running.send(&Request::new("DELETE", "/scripts/dyn")).status, 200);
    assert!(running.process.terminate().success());

    let running = Running::started(running.scripts);
    assert_eq!(running.get("/scripts/dyn/status").status, 404);
    let missing = "Error getting Property: nope Property not found";
    assert_eq!(short(&running.get("/properties/nope")), plain(404, missing));
    assert!(running.get("/properties").text().contains("script_resource_version: 5.4.0.114\n"));
}

#[test]
fn a_resource_with_a_password_lets_nobody_in_without_it() {
    let running = Running::new(
        "scripts.script_resource_authenticate = true\nscripts.script_resource_userid = 'user'\n\
         scripts.script_resource_password = 'pass:word'",
    );
    for path in ["/", "/scripts", "/scripts/x/y", "/properties", "/whatever"] {
        let refused = running.get(path);
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Basic")), "{path}");
        assert!(refused.text().contains("Authentication Required"), "{}", refused.text());
        let wrong = Request::get(path).header("Authorization", "Basic dXNlcjp3cm9uZw==");
        assert_eq!(running.send(&wrong).status, 401);
        let right = Request::get(path).header("Authorization", "Basic dXNlcjpwYXNzOndvcmQ=");
        assert_ne!(running.send(&right).status, 401);
    }
}

#[test]
fn another_machine_sees_callbacks_and_steers_nothing_without_a_password() {
    // An address of this machine that is not loopback stands for another machine.
    let Some(outside) = outside() else { return };
    let running = Running::echoing("scripts.script_resource_host = '0.0.0.0'");
    let port = running.address.rsplit(':').next().unwrap();
    let there = format!("{outside}:{port}");
    let answered = Request::get("/scripts/echo/a").send(&there).unwrap();
    assert_eq!(answered.status, 200);
    for (method, path) in
        [("DELETE", "/scripts/echo"), ("GET", "/properties"), ("GET", "/scripts/echo/source")]
    {
        let refused = Request::new(method, path).send(&there).unwrap();
        assert_eq!(refused.status, 403, "{method} {path}");
        assert!(refused.text().contains("script_resource_authenticate"), "{}", refused.text());
    }
    assert_eq!(running.get("/scripts/echo/status").text(), "Running\n");
}

/// Everything that comes as the answer to HEAD.
fn head(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
        .write_all(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The address by which this machine would go out; nothing is sent.
fn outside() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}
