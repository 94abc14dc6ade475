//! Platform, tree and endpoints of one test, and how a caller of the platform sees them.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use awc::http::StatusCode;
use edgebind_actors::{
    Endpoint, Registration, Scheme, Source, ThingName, Units,
    delivery::DeliverySettings,
    link::{LinkSettings, Reconnect, Target},
    registrar::register,
    spool::SpoolSettings,
    tree::{Tree, TreeSettings},
};
use edgebind_alwayson::SessionSettings;
use edgebind_config::NameConflict;
use edgebind_kernel::{TreeNode, clock};
use edgebind_platform::{AppKey, Platform, Settings, model::Model};
use edgebind_tls::{Authorities, Client, ClientSettings, Criteria, SettingNames, Trust};
use serde_json::{Value, json};

use crate::endpoints::{Manner, open};

/// A running installation.
pub(crate) struct Plant {
    pub(crate) platform: Option<Platform>,
    pub(crate) tree: Tree,
}

/// Runs a test on an actix system of its own.
pub(crate) fn on_actix<T>(test: impl Future<Output = T>) -> T {
    edgebind_kernel::install_panic_hook();
    actix_rt::System::new().block_on(test)
}

/// Looks again and again until `look` has something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = clock::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(clock::now() < end, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A thing at an endpoint of this machine, as an agent registers it.
pub(crate) fn thing(name: &str, port: u16) -> Registration {
    Registration {
        name: ThingName::parse(name).unwrap(),
        endpoint: endpoint(port),
        proto: "http".to_owned(),
        accept: "application/json".to_owned(),
        path: "/agent".to_owned(),
        keepalive: Duration::from_secs(60),
        timeout: Duration::from_secs(2),
        user: String::new(),
        password: String::new().into(),
        source: Source::Dynamic,
    }
}

pub(crate) fn endpoint(port: u16) -> Endpoint {
    Endpoint { scheme: Scheme::Http, host: "127.0.0.1".to_owned(), port }
}

/// A thing of the model that is read at the edge each time.
pub(crate) fn model_thing(name: &str) -> Value {
    json!({ "name": name, "properties": [
        { "name": "p", "baseType": "NUMBER", "remote": { "cacheTime": 0, "pushType": "NEVER" } }
    ] })
}

/// TLS towards agents: of these authorities, or with any certificate.
pub(crate) fn agents(authorities: Vec<PathBuf>) -> Client {
    let trust = Trust {
        validate: !authorities.is_empty(),
        authorities: Authorities::Files(authorities),
        allow_self_signed: false,
        check_name: true,
        criteria: Criteria::default(),
        fingerprints: Vec::new(),
        names: &SettingNames {
            validate: "",
            authorities: "certificates.http_client_ca_certs",
            self_signed: "",
            host_name: "",
            fingerprints: "",
            criteria: "",
            client_certificate: "",
        },
    };
    Client::new(ClientSettings { trust, identity: None, cipher_list: None }).unwrap()
}

/// Settings of a tree that connects to `port` of this machine.
pub(crate) fn settings(port: u16) -> TreeSettings {
    let key = || KEY.to_owned().into();
    let target = Target {
        host: "127.0.0.1".to_owned(),
        port,
        resource: "/Thingworx/WS".to_owned(),
        app_key: key(),
        max_frame_bytes: 8192,
        max_message_bytes: 1 << 20,
        timeout: Duration::from_secs(5),
        proxy: None,
        tls: None,
    };
    TreeSettings {
        link: LinkSettings {
            targets: vec![target],
            app_key: key(),
            session: SessionSettings::default(),
            reconnect: Reconnect { interval: Duration::from_millis(100), max_delay: Duration::ZERO },
            duty: None,
        },
        endpoint_concurrency: 4,
        on_demand: None,
        agents: agents(Vec::new()),
        allow_remote_admin: false,
        local: Arc::default(),
        name_conflict: NameConflict::Last,
        auto_bind_probe: false,
        read_back: Some(Duration::from_secs(1)),
        spool: SpoolSettings::Off,
        install_key: None,
        delivery: DeliverySettings::default(),
    }
}

impl Plant {
    /// A platform that knows `model`, and a tree without things.
    pub(crate) async fn start(model: impl IntoIterator<Item = Value>) -> Self {
        Self::start_with(model, |_| {}).await
    }

    /// The same with other settings of the tree.
    pub(crate) async fn start_with(
        model: impl IntoIterator<Item = Value>,
        change: impl FnOnce(&mut TreeSettings),
    ) -> Self {
        let model = json!({ "things": model.into_iter().collect::<Vec<_>>() });
        let mut platform = Settings::default();
        platform.app_keys = vec![AppKey::new(KEY)];
        platform.model = Model::parse(&model.to_string()).unwrap();
        let platform = edgebind_platform::start(platform).await.unwrap();
        let mut settings = settings(platform.address().port());
        change(&mut settings);
        let tree = Tree::start(settings, Vec::new());
        let plant = Self { platform: Some(platform), tree };
        plant.online().await;
        plant
    }

    /// As [`Plant::start`], with things named `A`, `B` and so on, each registered at a good endpoint of its own.
    pub(crate) async fn with_good_things(names: &[&str]) -> (Self, Vec<u16>) {
        let plant = Self::start(names.iter().map(|name| model_thing(name))).await;
        let mut ports = Vec::new();
        for name in names {
            let port = open(Manner::Good).await;
            plant.register(thing(name, port)).await;
            ports.push(port);
        }
        plant.all_answer(names).await;
        (plant, ports)
    }

    pub(crate) fn units(&self) -> &Units {
        self.tree.units()
    }

    pub(crate) async fn online(&self) {
        until("the link is online", async || self.units().link_status.borrow().is_online().then_some(()))
            .await;
    }

    pub(crate) async fn register(&self, registration: Registration) {
        let name = registration.name.clone();
        register(self.units(), registration).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// The tree as it is now.
    pub(crate) async fn look(&self) -> TreeNode {
        self.tree.survey().look().await.expect("the tree runs")
    }

    /// What a caller of the platform is answered who reads the property `p` of `thing`.
    pub(crate) async fn read(&self, thing: &str) -> (StatusCode, String) {
        let thing = percent_encoding::utf8_percent_encode(thing, percent_encoding::NON_ALPHANUMERIC);
        let address = self.platform.as_ref().expect("a platform of ours").address();
        let url = format!("http://{address}/Thingworx/Things/{thing}/Properties/p");
        let client = awc::Client::builder().timeout(PATIENCE).finish();
        let request =
            client.get(url).insert_header(("appKey", KEY)).insert_header(("Accept", "application/json"));
        let mut answer = request.send().await.unwrap();
        let body = answer.body().await.unwrap();
        (answer.status(), String::from_utf8_lossy(&body).into_owned())
    }

    /// Reads `thing` once, which must succeed.
    pub(crate) async fn answers(&self, thing: &str) {
        let (status, body) = self.read(thing).await;
        assert!(status == StatusCode::OK && body.contains("42"), "{thing}: {status} {body}");
    }

    /// Waits until all of them answer.
    pub(crate) async fn all_answer(&self, things: &[&str]) {
        for thing in things {
            until(&format!("{thing} answers"), async || {
                (self.read(thing).await.0 == StatusCode::OK).then_some(())
            })
            .await;
        }
    }

    /// Ends everything in order, which a tree must be able to after any fault.
    pub(crate) async fn stop(self) {
        let report = self.tree.stop(Duration::from_secs(5)).await;
        assert!(report.is_clean(), "{report:?}");
        if let Some(platform) = self.platform {
            platform.stop(Duration::from_secs(5)).await;
        }
    }
}

pub(crate) const KEY: &str = "00000000-aaaa-bbbb-cccc-000000000001";
/// Longest wait for anything; only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
