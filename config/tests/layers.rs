//! File, environment and flags, and what secrets refer to.

use std::path::Path;

use edgebind_config::{Code, Config, InstallKey, Loaded, Origin, Severity, Sources, load};
use secrecy::ExposeSecret as _;

const FILE: &[u8] = br#"{
  "ws_servers": [{"host": "a", "port": 1}],
  "appKey": "AES:AAAAAAAAAAAAAAAAAAAAAA==",
  "http_server": {"host": "127.0.0.1", "port": 8000, "ssl": false, "authenticate": false},
  "auto_bind": [{"name": "One"}, {"name": "Two"}]
}"#;

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let sources = Sources::text("config.json", FILE)
        .environment(variables(&[
            ("EDGEBIND_APP_KEY", "from-environment"),
            ("EDGEBIND_HTTP_SERVER__PORT", "8100"),
            ("EDGEBIND_http_server__max_clients", "7"),
            ("EDGEBIND_WS_CONNECTION__CONNECT_ON_DEMAND", "true"),
            ("EDGEBIND_WS_SERVERS", r#"[{"host": "b", "port": 2}, {"host": "c", "port": 3}]"#),
            ("EDGEBIND_LOGGER__LEVEL", ""),
            ("OTHER", "x"),
        ]))
        .with("http_server.port", "8200")
        .with("auto_bind", "[]");
    let Loaded { config, diagnostics, origins, .. } = load(&sources).expect("it loads");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(config.app_key.expose_secret(), "from-environment");
    assert_eq!((config.http_server.port, config.http_server.max_clients), (8200, 7));
    assert_eq!(config.http_server.host, "127.0.0.1", "the rest of the group stays");
    assert!(config.ws_connection.connect_on_demand);
    assert_eq!(config.ws_servers.len(), 2, "lists are replaced as a whole");
    assert!(config.auto_bind.is_empty());
    assert_eq!(origins.of("http_server.port"), Origin::Flag);
    assert_eq!(origins.of("appKey"), Origin::Environment { variable: "EDGEBIND_APP_KEY".to_owned() });
    assert_eq!(origins.of("http_server.host"), Origin::File { line: 4, column: 27 });
    assert_eq!(origins.of("http_server"), Origin::File { line: 4, column: 3 });
    assert_eq!(origins.of("logger.level"), Origin::Default);
    assert_eq!(
        origins.of("ws_servers[1].host"),
        Origin::Environment { variable: "EDGEBIND_WS_SERVERS".to_owned() }
    );
}

#[test]
fn wrong_variables_and_flags_are_named() {
    let sources = Sources::text("config.json", FILE)
        .environment(variables(&[
            ("EDGEBIND_HTTP_SERVER__PORT", "many"),
            ("EDGEBIND_HTTP_SERVER__POTR", "1"),
            ("EDGEBIND_AUTO_BIND__0__NAME", "x"),
            ("EDGEBIND_WS_SERVERS", "[{"),
        ]))
        .with("appKey", "k")
        .with("htpp_server.port", "1");
    let error = load(&sources).expect_err("it is wrong");
    let found: Vec<(Severity, Code, &str)> =
        error.diagnostics.iter().map(|found| (found.severity, found.code, found.file.as_str())).collect();
    assert!(found.contains(&(
        Severity::Error,
        Code::WrongType,
        "environment variable EDGEBIND_HTTP_SERVER__PORT"
    )));
    assert!(found.contains(&(
        Severity::Warning,
        Code::UnknownKey,
        "environment variable EDGEBIND_HTTP_SERVER__POTR"
    )));
    assert!(found.contains(&(
        Severity::Error,
        Code::WrongType,
        "environment variable EDGEBIND_AUTO_BIND__0__NAME"
    )));
    assert!(found.contains(&(Severity::Error, Code::Syntax, "environment variable EDGEBIND_WS_SERVERS")));
    assert!(found.contains(&(Severity::Error, Code::UnknownKey, "option htpp_server.port")), "{found:?}");
}

#[test]
fn secrets_come_from_files_variables_and_credentials() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("credentials")).expect("a directory");
    std::fs::write(directory.path().join("key.txt"), "from-file\r\n").expect("a file");
    std::fs::write(directory.path().join("credentials/web"), "from-credential").expect("a file");
    let file = directory.path().join("config.json");
    std::fs::write(
        &file,
        r#"{"ws_servers": [{"host": "a", "port": 1}], "appKey": {"file": "key.txt"},
            "http_server": {"host": "::1", "ssl": false, "authenticate": true, "user": "u", "password": {"CREDENTIAL": "web"}},
            "proxy": {"host": "p", "password": {"env": "PROXY_PASSWORD"}},
            "observability": {"otlp_headers": "a=1, b=2", "otlp_endpoint": "http://c:4318"}}"#,
    )
    .expect("a file");
    let credentials = directory.path().join("credentials").display().to_string();
    let sources = Sources::path(&file).environment(variables(&[
        ("CREDENTIALS_DIRECTORY", &credentials),
        ("PROXY_PASSWORD", "from-variable"),
    ]));
    let Loaded { config, diagnostics, .. } = load(&sources).expect("it loads");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(config.app_key.expose_secret(), "from-file");
    let password = config.http_server.password.as_ref().expect("a password");
    assert_eq!(password.expose_secret(), "from-credential");
    let proxy = config.proxy.as_ref().and_then(|proxy| proxy.password.as_ref()).expect("a password");
    assert_eq!(proxy.expose_secret(), "from-variable");
    assert_eq!(config.observability.otlp_headers.len(), 2);
    let shown = format!("{config:?}");
    for secret in ["from-file", "from-credential", "from-variable"] {
        assert!(!shown.contains(secret), "no secret is shown");
    }
}

#[test]
fn sealed_secrets_open_with_the_key_of_the_state_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let sealed = InstallKey::read_or_make(directory.path()).expect("a key").seal(&"unsealed".into());
    let sources = |state_dir: Option<&Path>, configured: &Path| {
        let configured = configured.display().to_string();
        load(
            &Sources::text("config.json", FILE)
                .with("appKey", sealed.clone())
                .with("edgebind.state_dir", configured)
                .state_dir(state_dir),
        )
    };
    let loaded = sources(None, directory.path()).expect("the configuration names the directory");
    assert_eq!(loaded.config.app_key.expose_secret(), "unsealed");
    let loaded = sources(Some(directory.path()), elsewhere.path()).expect("the flag names the directory");
    assert_eq!(loaded.config.app_key.expose_secret(), "unsealed");
    let error = sources(None, elsewhere.path()).expect_err("the key is not there");
    assert!(error.to_string().contains("there is no key"), "{error}");
    InstallKey::read_or_make(elsewhere.path()).expect("another key");
    let error = sources(None, elsewhere.path()).expect_err("it is another key");
    assert!(error.to_string().contains("does not open"), "{error}");
}

#[test]
fn secrets_that_cannot_be_had_are_named_with_their_key() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("empty"), "\n").expect("a file");
    std::fs::write(directory.path().join("large"), "x".repeat(70_000)).expect("a file");
    let file = directory.path().join("config.json");
    for (reference, reason) in [
        (r#"{"env": "NOWHERE"}"#, "NOWHERE is not set"),
        (r#"{"file": "missing"}"#, "cannot read"),
        (r#"{"file": "empty"}"#, "is empty"),
        (r#"{"file": "large"}"#, "too many for a secret"),
        (r#"{"credential": "web"}"#, "$CREDENTIALS_DIRECTORY"),
        (r#"{"env": "A", "file": "B"}"#, "allowed is a text, or a table with one of the keys"),
        (r#""AES:AAAA""#, "only the original can read"),
    ] {
        let text = format!(
            r#"{{"ws_servers": [{{"host": "a", "port": 1}}], "appKey": {reference},
                "http_server": {{"ssl": false, "authenticate": false}}}}"#
        );
        std::fs::write(&file, text).expect("a file");
        let error = load(&Sources::path(&file)).expect_err("the secret is not to be had");
        assert_eq!(error.diagnostics.len(), 1, "{error}");
        let found = error.diagnostics.first().expect("one");
        assert_eq!((found.key.as_str(), found.line), ("appKey", Some(1)));
        assert!(found.message.contains(reason), "{found}");
    }
}

#[test]
fn defaults_are_those_the_original_really_has() {
    let config = Config::default();
    let millis = |duration: std::time::Duration| duration.as_millis();
    assert_eq!(millis(config.ws_connection.msg_timeout), 10_000);
    assert_eq!(millis(config.ws_connection.connect_retry_interval), 5000);
    assert_eq!(millis(config.http_server.content_read_timeout), 20_000);
    assert_eq!((config.http_server.max_clients, config.http_server.connection_limit()), (15, 30));
    assert_eq!(config.http_server.ports_to_try, 10);
    assert!(config.offline_msg_store.enabled);
    assert_eq!(config.offline_msg_store.limit_bytes(), 256 * 1024 * 1024);
    assert_eq!(config.resource, "/Thingworx/WS");
}

#[test]
fn a_size_up_to_the_old_default_counts_as_not_chosen_and_is_noted() {
    let load_size = |size: &str| {
        let sources =
            Sources::text("config.json", FILE).with("appKey", "k").with("offline_msg_store.max_size", size);
        load(&sources).expect("it loads")
    };
    let small = load_size("65535");
    assert_eq!(small.config.offline_msg_store.limit_bytes(), 256 * 1024 * 1024);
    assert_eq!(small.diagnostics.first().map(|found| found.severity), Some(Severity::Note));
    let chosen = load_size("65536");
    assert_eq!(chosen.config.offline_msg_store.limit_bytes(), 65_536);
    assert!(chosen.diagnostics.is_empty());
}

fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
