//! A script resource of its own: a folder with `etc/`, a port, a process.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    http::{Answer, Request},
    port::free_port,
    process::Process,
    wait::wait_until,
};

/// A script resource that is not started yet.
pub(crate) struct Resource {
    folder: TempDir,
    pub(crate) port: u16,
    gateway_port: u16,
    scripts: String,
}

impl Resource {
    /// One whose gateway is at `gateway_port` of this machine. `scripts` is the part of `config.lua` with the scripts.
    pub(crate) fn new(gateway_port: u16, scripts: &str) -> Self {
        let folder = TempDir::new().expect("a folder for the test");
        Self { folder, port: free_port(), gateway_port, scripts: scripts.to_owned() }
    }

    /// One without a gateway: nobody listens where it is looked for.
    pub(crate) fn alone(scripts: &str) -> Self {
        Self::new(free_port(), scripts)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file below `etc/`.
    pub(crate) fn file(&self, place: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.folder.path().join("etc").join(place);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders of the test");
        fs::write(path, text).expect("a file of the test");
        self
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(&self) -> Process {
        let config = format!(
            "scripts.log_level = 'WARN'\n\
             scripts.rap_host, scripts.rap_port = '127.0.0.1', {}\n\
             scripts.rap_ssl, scripts.rap_server_authenticate = false, false\n\
             scripts.script_resource_host, scripts.script_resource_port = '127.0.0.1', {}\n\
             scripts.script_resource_ssl, scripts.script_resource_authenticate = false, false\n{}\n",
            self.gateway_port, self.port, self.scripts
        );
        self.file("config.lua", config);
        let config = self.folder().join("etc/config.lua").display().to_string();
        let process = Process::start(self.folder(), &["lsr", "-cfg", &config], &[]);
        wait_until("the script resource answers", || self.send(&Request::get("/scripts")).ok());
        process
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn send(&self, request: &Request) -> std::io::Result<Answer> {
        request.send(&self.address())
    }

    /// Sends a request that has an answer.
    pub(crate) fn ask(&self, request: &Request) -> Answer {
        self.send(request).unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&Request::get(path))
    }

    /// Reads a property as the gateway does.
    pub(crate) fn property(&self, thing: &str, name: &str) -> Value {
        self.get(&format!("/scripts/Thingworx/Things/{thing}/Properties/{name}")).cell(name)
    }

    /// Calls a service as the gateway does.
    pub(crate) fn call(&self, thing: &str, service: &str, inputs: &Value) -> Answer {
        let path = format!("/scripts/Thingworx/Things/{thing}/Services/{service}");
        self.ask(&Request::new("POST", &path).json(inputs))
    }

    /// Waits until the thing answers.
    pub(crate) fn serves(&self, thing: &str) {
        wait_until(&format!("{thing} answers"), || {
            let answer = self.get(&format!("/scripts/{thing}"));
            (answer.status == 200).then_some(())
        });
    }

    /// The result of a service without inputs.
    pub(crate) fn result(&self, thing: &str, service: &str) -> Value {
        let answer = self.call(thing, service, &json!({}));
        assert_eq!(answer.status, 200, "{service}: {}", answer.text());
        answer.cell("result")
    }
}
