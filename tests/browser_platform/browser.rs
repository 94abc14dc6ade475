//! A headless Chromium, driven by the WebDriver protocol (W3C WebDriver; JSON over HTTP) through `chromedriver`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Process, SOON, wait_for, wait_until};

/// A browser with an empty profile; ends with the value.
pub(crate) struct Browser {
    driver: Child,
    address: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser, or fails with a sentence that says how to install one.
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("no chromedriver ({error}): {INSTALL}"));
        let mut output = BufReader::new(driver.stdout.take().expect("a pipe"));
        let port = loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).expect("text"), 0, "chromedriver ended: {INSTALL}");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        // It must not stop because nobody reads.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let profile = tempfile::tempdir().expect("a folder");
        let mut browser =
            Self { driver, address: format!("127.0.0.1:{port}"), session: String::new(), _profile: profile };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let mut arguments = FLAGS.to_vec();
        arguments.push(&profile);
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        }}});
        let session = browser
            .ask("POST", "/session", &capabilities)
            .unwrap_or_else(|error| panic!("no browser ({error}): {INSTALL}"));
        browser.session = format!("/session/{}", session["sessionId"].as_str().expect("a session"));
        // As if its window were the one in front, whatever else runs.
        browser.devtools("Emulation.setFocusEmulationEnabled", &json!({"enabled": true}));
        browser
    }

    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// Size of the window in CSS pixels, and whether the person likes it dark.
    pub(crate) fn show_as(&self, width: u32, height: u32, dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    /// Runs `script` (a function body) and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs `script` until it returns something that is neither null nor false.
    pub(crate) fn until(&self, what: &str, script: &str) -> Value {
        wait_until(what, || Some(self.run(script)).filter(|found| !found.is_null() && *found != false))
    }

    /// Waits until there is text of this element that `right` likes, and gives it.
    pub(crate) fn text_of(&self, css: &str, right: impl Fn(&str) -> bool) -> String {
        let script = format!("return document.querySelector({})?.textContent ?? null", json!(css));
        let text = wait_for(css, || self.run(&script), |text| text.as_str().is_some_and(&right));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks as a person does: the element is scrolled to, and must not be covered.
    pub(crate) fn click(&self, css: &str) {
        self.until(css, &format!("return document.querySelector({}) !== null", json!(css)));
        let element = self.element(css);
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// Clears the field and types.
    pub(crate) fn write(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.command(&format!("element/{element}/clear"), &json!({}));
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses and releases Tab.
    pub(crate) fn press_tab(&self) {
        let keys = json!({"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": "\u{e004}"}, {"type": "keyUp", "value": "\u{e004}"}]}]});
        self.command("actions", &keys);
    }

    /// Errors and warnings of the console since the last call.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.command("se/log", &json!({"type": "browser"}));
        entries
            .as_array()
            .expect("a list")
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    fn element(&self, css: &str) -> String {
        let found = self.command("element", &json!({"using": "css selector", "value": css}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.expect("an element").to_owned()
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}/{path}", self.session), body)
            .unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    /// One request on a connection of its own.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let problem = |error: std::io::Error| error.to_string();
        let mut stream = TcpStream::connect(&self.address).map_err(problem)?;
        stream.set_read_timeout(Some(SOON)).map_err(problem)?;
        let body = body.to_string();
        let (host, length) = (&self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let head = head + &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).map_err(problem)?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).map_err(problem)? <= 2 {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| line.clone())?;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).map_err(problem)?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        match answer.pointer("/value/error") {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].clone()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let script = json!({"script": "return document.body.innerText", "args": []});
            let page = self.ask("POST", &format!("{}/execute/sync", self.session), &script);
            eprintln!("---- the page ----\n{}", page.map_or_else(|error| error, |text| text.to_string()));
        }
        // The browser ends with its session; the driver may be gone already.
        let _ = self.ask("DELETE", &self.session, &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Address of a platform's page, with the key.
pub(crate) fn page(platform: &Process) -> String {
    let told = platform.event("its address", |event| event["page"].is_string());
    told["page"].as_str().unwrap_or_default().to_owned()
}

const INSTALL: &str =
    "scripts/install-browser.sh installs chromium and chromedriver, which the tests of the page need";
/// For a headless browser that may be run by root and asks nobody but us.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];
