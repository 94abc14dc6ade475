//! One installation: a platform, a gateway and agents, each a process of its own, with a folder for their files.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    port::free_port,
    process::Process,
    rest::{Local, Rest},
    wait::wait_until,
};

/// Name of the gateway's thing.
pub(crate) const EDGE_GATEWAY: &str = "EdgeGateway";

/// Where the parts of an installation find each other; nothing runs until it is started.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) key: String,
    pub(crate) platform_port: u16,
    pub(crate) gateway_port: u16,
    model: Value,
    config: Value,
}

impl Site {
    /// An installation whose platform knows the gateway's thing and `things`, entries of a model file.
    pub(crate) fn new(things: impl IntoIterator<Item = Value>) -> Self {
        let key = "00000000-aaaa-4bbb-8ccc-000000000001".to_owned();
        let (platform_port, gateway_port) = (free_port(), free_port());
        let gateway = json!({ "name": EDGE_GATEWAY, "template": "EMSGateway" });
        let things: Vec<Value> = std::iter::once(gateway).chain(things).collect();
        // As scenario A writes it by hand, but for the ports.
        let config = json!({
            "ws_servers": [{ "host": "localhost", "port": platform_port }],
            "appKey": key,
            "certificates": { "validate": false },
            "logger": { "level": "INFO" },
            "http_server": { "host": "localhost", "port": gateway_port, "ssl": false, "authenticate": false },
            "ws_connection": { "encryption": "none", "connect_retry_interval": 500 },
            "auto_bind": [{ "name": EDGE_GATEWAY, "gateway": true }]
        });
        Self {
            folder: TempDir::new().expect("a folder for the test"),
            key,
            platform_port,
            gateway_port,
            model: json!({ "things": things }),
            config,
        }
    }

    /// Another gateway of the same configuration for the same platform, with a folder and a port of its own.
    pub(crate) fn beside(&self) -> Self {
        let gateway_port = free_port();
        let mut config = self.config.clone();
        config["http_server"]["port"] = json!(gateway_port);
        Self {
            folder: TempDir::new().expect("a folder for the test"),
            key: self.key.clone(),
            platform_port: self.platform_port,
            gateway_port,
            model: self.model.clone(),
            config,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The gateway's configuration, to be changed before the gateway is started.
    pub(crate) fn config(&mut self) -> &mut Value {
        &mut self.config
    }

    /// Writes the gateway's configuration as it stands and answers its path.
    pub(crate) fn config_file(&self) -> String {
        self.file("config.json", &self.config.to_string())
    }

    /// Waits until the platform listens.
    pub(crate) fn serves(&self, platform: &Process) {
        platform.event("its address", |event| event["address"].is_string());
    }

    /// Starts the platform.
    pub(crate) fn platform(&self) -> Process {
        self.platform_with_key(&self.key)
    }

    /// Starts the platform with another key than the gateway's.
    pub(crate) fn platform_with_key(&self, key: &str) -> Process {
        self.platform_with_keys(&[key])
    }

    /// Starts the platform with several keys.
    pub(crate) fn platform_with_keys(&self, keys: &[&str]) -> Process {
        let keys: Vec<&str> = keys.iter().flat_map(|key| ["--app-key", *key]).collect();
        self.platform_at(self.platform_port, &keys)
    }

    /// Starts the platform with the gateway's key and further flags.
    pub(crate) fn platform_flagged(&self, flags: &[&str]) -> Process {
        self.platform_elsewhere(self.platform_port, flags)
    }

    /// Starts a platform with the gateway's key at another port than the gateway dials first.
    pub(crate) fn platform_elsewhere(&self, port: u16, flags: &[&str]) -> Process {
        self.platform_at(port, &[&["--app-key", &self.key], flags].concat())
    }

    fn platform_at(&self, port: u16, flags: &[&str]) -> Process {
        let model = self.file("model.json", &self.model.to_string());
        let port = port.to_string();
        let fixed = ["platform", "--port", &port, "--model", &model, "--json"];
        Process::start(self.folder(), &[&fixed, flags].concat(), &[])
    }

    /// Starts the gateway.
    pub(crate) fn gateway(&self) -> Process {
        self.gateway_in(&[])
    }

    /// Starts the gateway with variables in its environment.
    pub(crate) fn gateway_in(&self, environment: &[(&str, &str)]) -> Process {
        let config = self.config_file();
        let state = self.folder().join("state").display().to_string();
        Process::start(self.folder(), &["run", "-cfg", &config, "--state-dir", &state], environment)
    }

    /// Starts agents; `--gateway` and `--json` are there already.
    pub(crate) fn agents(&self, arguments: &[&str]) -> Process {
        let gateway = format!("127.0.0.1:{}", self.gateway_port);
        let fixed = ["agents", "--gateway", &gateway, "--json", "--retry-ms", "300"];
        Process::start(self.folder(), &[&fixed, arguments].concat(), &[])
    }

    /// Starts platform and gateway and waits until they are connected.
    pub(crate) fn running(&self) -> (Process, Process) {
        let (platform, gateway) = (self.platform(), self.gateway());
        self.ready(&gateway);
        self.local().online(true);
        (platform, gateway)
    }

    /// Waits until the gateway listens, at the port that it was told.
    pub(crate) fn ready(&self, gateway: &Process) {
        let ready = self.is_up(gateway);
        assert_eq!(ready["http"], format!("127.0.0.1:{}", self.gateway_port));
    }

    /// Waits until the gateway listens, wherever that is; what it says of that.
    pub(crate) fn is_up(&self, gateway: &Process) -> Value {
        let file = self.folder().join("state/ready.json");
        wait_until("ready.json of the gateway", || {
            let ready: Value = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
            (ready["pid"] == gateway.id()).then_some(ready)
        })
    }

    /// The platform's REST interface.
    pub(crate) fn rest(&self) -> Rest {
        Rest { address: format!("127.0.0.1:{}", self.platform_port), key: self.key.clone() }
    }

    /// The gateway's local interface.
    pub(crate) fn local(&self) -> Local {
        Local { address: format!("127.0.0.1:{}", self.gateway_port) }
    }

    /// Writes a file of the installation and answers its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder().join(name);
        fs::write(&path, text).expect("a file in the folder of the test");
        path.display().to_string()
    }
}

/// A model's thing with the properties and services that an agent has.
pub(crate) fn remote_thing(name: &str) -> Value {
    let property = |name: &str, base_type: &str| json!({ "name": name, "baseType": base_type, "remote": { "pushType": "VALUE" } });
    let service = |name: &str, inputs: Value, output: &str| json!({ "name": name, "inputs": inputs, "output": { "baseType": output } });
    let number = |name: &str| json!({ "name": name, "baseType": "NUMBER" });
    json!({
        "name": name,
        "properties": [
            property("temperature", "NUMBER"), property("running", "BOOLEAN"),
            property("count", "INTEGER"), property("label", "STRING")
        ],
        "services": [
            service("Add", json!([number("a"), number("b")]), "NUMBER"),
            service("Echo", json!([{ "name": "text", "baseType": "STRING" }]), "STRING"),
            service("Slow", json!([number("ms")]), "INTEGER"),
            service("Fail", json!([]), "NOTHING")
        ]
    })
}
