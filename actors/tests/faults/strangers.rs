//! What a caller elsewhere on the network may do who did not have to authenticate (design 3.5).

use std::{fs, net::IpAddr, sync::Arc};

use edgebind_actors::{
    Source, ThingName,
    local::{self, Caller, ConfigurationFile, LocalSettings},
};
use edgebind_alwayson::{Code, Content, InfoTable, Response};
use serde_json::{Value, json};

use crate::plant::{Plant, model_thing, on_actix, thing};

const HERE: &str = "192.0.2.7";

#[test]
fn a_stranger_registers_and_removes_what_is_at_its_own_address_and_nothing_else() {
    on_actix(async {
        let plant = Plant::start([model_thing("A"), model_thing("B")]).await;
        plant.register(thing("B", 1)).await;
        let at = |host: &str| json!({ "name": "A", "host": host, "port": 8001 });
        assert_eq!(plant.stranger("AddEdgeThing", at(HERE)).await.code, Code::SUCCESS);
        for host in ["127.0.0.1", "192.0.2.8", "localhost", "::1", "no.such.host.invalid"] {
            refused(&plant.stranger("AddEdgeThing", at(host)).await, host);
        }
        let endpoint = plant.units().registry.find("A").unwrap().endpoint.clone();
        assert_eq!(endpoint.host, HERE);
        refused(&plant.stranger("RemoveEdgeThing", json!({ "name": "b" })).await, "B is elsewhere");
        assert!(plant.units().registry.find("B").is_some());
        assert_eq!(plant.stranger("RemoveEdgeThing", json!({ "name": "A" })).await.code, Code::SUCCESS);
        assert!(plant.units().registry.find("A").is_none());
    });
}

#[test]
fn a_stranger_neither_administers_nor_looks_into_the_network_behind() {
    on_actix(async {
        let plant = Plant::start([]).await;
        let own = json!({ "name": "A", "host": HERE, "port": 8001, "persist": true });
        for (service, body) in [
            ("AddEdgeThing", own),
            ("UpdateConfiguration", json!({ "config": {} })),
            ("ReplaceConfiguration", json!({ "config": {} })),
            ("Restart", json!({})),
            ("TestPort", json!({ "host": "127.0.0.1", "port": 22 })),
            ("StartFileLogging", json!({ "directory": "/tmp" })),
            ("StopFileLogging", json!({ "delete": true })),
        ] {
            refused(&plant.stranger(service, body).await, service);
        }
        assert!(plant.units().registry.is_empty());
        for (service, body) in [
            ("HasEdgeThing", json!({ "name": "A" })),
            ("GetEdgeThings", json!({})),
            ("GetMicroserverVersion", json!({})),
        ] {
            assert_eq!(plant.stranger(service, body).await.code, Code::SUCCESS, "{service}");
        }
    });
}

#[test]
fn allow_remote_admin_opens_all_of_it() {
    on_actix(async {
        let plant = Plant::start_with([], |settings| settings.allow_remote_admin = true).await;
        let elsewhere = json!({ "name": "A", "host": "192.0.2.8", "port": 8001 });
        assert_eq!(plant.stranger("AddEdgeThing", elsewhere).await.code, Code::SUCCESS);
        let port = json!({ "host": "127.0.0.1", "port": 1 });
        assert_ne!(plant.stranger("TestPort", port).await.code, Code::FORBIDDEN);
        // Allowed, but nobody here can do it.
        assert_eq!(plant.stranger("Restart", json!({})).await.code, Code::NOT_IMPLEMENTED);
        assert_eq!(plant.stranger("GetConfiguration", json!({})).await.code, Code::NOT_IMPLEMENTED);
    });
}

#[test]
fn a_thing_of_the_configuration_file_is_not_removed_by_a_stranger() {
    let folder = std::env::temp_dir().join(format!("edgebind-strangers-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("config.json");
    let text = json!({ "ws_servers": [{ "host": "p", "port": 80 }], "appKey": "k",
        "http_server": { "ssl": false, "authenticate": false }, "ws_connection": { "encryption": "none" },
        "auto_bind": [{ "name": "A", "host": HERE, "port": 8001 }] })
    .to_string();
    fs::write(&path, &text).unwrap();
    let file = ConfigurationFile {
        path: path.clone(),
        environment: Vec::new(),
        overrides: Vec::new(),
        state_dir: None,
    };
    on_actix(async {
        let local = LocalSettings::default().with_file(file, ["A".to_owned()]);
        let plant = Plant::start_with([model_thing("A")], |settings| settings.local = Arc::new(local)).await;
        let mut listed = thing("A", 8001);
        listed.endpoint.host = HERE.to_owned();
        plant.register(listed).await;
        assert_eq!(plant.units().registry.find("A").unwrap().source, Source::Dynamic);
        refused(&plant.stranger("RemoveEdgeThing", json!({ "name": "A" })).await, "it stands in the file");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let body = Content::Table(InfoTable::content(r#"{"name":"a"}"#));
        let removed = local::call(plant.units(), "RemoveEdgeThing", &body, Caller::Local).await;
        assert_eq!(removed.code, Code::SUCCESS);
        assert!(plant.units().registry.find(ThingName::parse("A").unwrap().as_str()).is_none());
        let changed: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(changed["auto_bind"], json!([]));
    });
    fs::remove_dir_all(folder).unwrap();
}

fn refused(response: &Response, what: &str) {
    assert_eq!(response.code, Code::FORBIDDEN, "{what}");
    assert!(response.reason.as_deref().is_some_and(|reason| reason.contains("allow_remote_admin")), "{what}");
}

impl Plant {
    async fn stranger(&self, service: &str, body: Value) -> Response {
        let address: IpAddr = HERE.parse().unwrap();
        let body = Content::Table(InfoTable::content(body.to_string()));
        local::call(self.units(), service, &body, Caller::Stranger(address)).await
    }
}
