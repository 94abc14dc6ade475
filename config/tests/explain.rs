//! What `edgebind check` tells about configurations that load, as snapshots.

use edgebind_config::explain::{Caller, Explanation, Role};
use edgebind_config::{Loaded, Sources, load};

#[test]
fn the_original_scenario_is_explained() {
    let loaded = loaded(include_str!("data/good/scenario-a.json"));
    insta::assert_snapshot!(Explanation::of(&loaded));
}

#[test]
fn every_kind_of_entry_is_explained() {
    let loaded = loaded(
        r#"{
        "ws_servers": [{"host": "spare.example", "port": 443}, {"host": "2001:db8::1", "port": 443}],
        "http_server": {"host": "0.0.0.0", "port": 8000, "ssl": false, "authenticate": false},
        "auto_bind": [
            {"name": "Gateway", "gateway": true},
            {"name": "Pump", "path": "scripts/Thingworx", "timeout": 5000},
            {"name": "*serial-7", "host": "::1", "port": 9000, "proto": "https", "user": "u", "password": "p"},
            {"host": "nameless"},
            {"name": "Pump2", "port": 0},
            {"name": "Twice", "port": 1},
            {"name": "Twice", "port": 2}
        ]}"#,
    );
    let explanation = Explanation::of(&loaded);
    insta::assert_snapshot!(&explanation);
    let roles: Vec<Role> = explanation.things.iter().map(|thing| thing.role).collect();
    assert_eq!(roles, [Role::Gateway, Role::Thing, Role::Identifier, Role::Thing]);
    assert_eq!(explanation.things[2].endpoint.as_deref(), Some("https://[::1]:9000/"));
    assert_eq!(explanation.skipped.len(), 3);
    let json = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(json["things"][0]["role"], "gateway");
    assert_eq!(json["access"]["reach"], "network");
}

#[test]
fn what_is_open_depends_on_host_password_and_the_switch() {
    let access = |host: &str, keys: &str, own: &str| {
        Explanation::of(&loaded(&format!(
            r#"{{"ws_servers": [{{"host": "a", "port": 1}}], "appKey": "k",
                "http_server": {{"host": "{host}", "ssl": false, {keys}}}, "edgebind": {{{own}}}}}"#
        )))
        .access
    };
    let open = r#""authenticate": false"#;
    let closed =
        r#""authenticate": true, "user": "u", "password": "very-secret", "enable_csrf_tokens": true"#;
    let switch = r#""allow_remote_admin": true, "admin_port": 8090"#;
    for (host, keys, own, refused, reach) in [
        ("localhost", open, "", false, Caller::ThisMachine),
        ("127.0.0.1", closed, "", false, Caller::ThisMachine),
        ("0.0.0.0", open, "", true, Caller::Network),
        ("0.0.0.0", open, switch, false, Caller::Network),
        ("gateway.example", closed, "", false, Caller::Network),
    ] {
        let access = access(host, keys, own);
        assert_eq!(!access.refused_to_others.is_empty(), refused, "{access}");
        assert_eq!(access.reach, reach, "{access}");
        let name = format!("access-{host}-{}-{}", access.authenticated, own.is_empty());
        assert!(!access.to_string().contains("very-secret"));
        insta::assert_snapshot!(name, access);
    }
}

#[test]
fn nothing_of_a_file_reaches_the_terminal_as_it_is() {
    let loaded = loaded(
        r#"{"ws_servers": [{"host": "a", "port": 1}], "http_server": {}, "certificates": {"cert_chain": "\u001b[31m"},
            "auto_bind": [{"name": "Pump", "path": "/\u001b[31m"}]}"#,
    );
    let told = Explanation::of(&loaded).to_string();
    assert!(told.contains("Pump") && told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
}

fn loaded(text: &str) -> Loaded {
    load(&Sources::text("config.json", text.as_bytes())).unwrap_or_else(|error| panic!("{error}"))
}
