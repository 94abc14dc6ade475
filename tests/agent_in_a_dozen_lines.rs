//! The agent of `docs/guide/agent-in-a-dozen-lines.md`, run as it stands there.
#![cfg(all(unix, feature = "dev"))]

#[path = "support/all.rs"]
mod support;

use std::process::{Child, Command, Stdio};

use serde_json::json;
use support::{Site, free_port, wait_for};

/// The shell and what it has started; asked to end when this is dropped.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        // The shell's trap takes the server with it.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The first block of shell on the page.
fn script() -> &'static str {
    let page = include_str!("../docs/guide/agent-in-a-dozen-lines.md");
    let (_, from) = page.split_once("```sh\n").expect("a block of shell");
    from.split_once("```").expect("its end").0
}

#[test]
fn the_agent_of_the_guide_is_bound_and_read_until_it_ends() {
    let model = json!({ "name": "Press", "properties": [
        { "name": "temperature", "baseType": "NUMBER", "remote": { "cacheTime": 0 } }
    ] });
    let site = Site::new([model]);
    let _running = site.running();
    let agent = Command::new("bash")
        .args(["-c", script()])
        .env("GATEWAY", format!("127.0.0.1:{}", site.gateway_port))
        .env("NAME", "Press")
        .env("PORT", free_port().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash runs");
    let agent = Shell(agent);
    let rest = site.rest();
    rest.connected("Press", true);
    let read = || {
        let answer = rest.get("Press/Properties/temperature");
        (answer.status, answer.cell("temperature"))
    };
    // It may be registered a moment before it listens.
    wait_for("the value", read, |(status, value)| *status == 200 && *value == 21.5);
    drop(agent);
    wait_for(
        "nobody answers any more",
        || rest.get("Press/Properties/temperature").status,
        |status| *status >= 500,
    );
}
