//! A platform in a thread of its own, with things to bind.

use std::{net::SocketAddr, thread::JoinHandle, time::Duration};

use edgebind_platform::{AppKey, Settings, model::Thing};
use serde_json::json;
use tokio::sync::oneshot;

pub(crate) const KEY: &str = "00000000-aaaa-bbbb-cccc-000000000001";

pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    /// A platform with things `thing-0` and so on, each with the properties `value-0` and so on.
    pub(crate) fn new(things: usize, properties: usize) -> Self {
        let property = |number| {
            json!({ "name": format!("value-{number}"), "baseType": "NUMBER", "value": 0,
                    "remote": { "pushType": "VALUE", "cacheTime": -1 } })
        };
        let properties: Vec<_> = (0..properties).map(property).collect();
        let mut settings = Settings::default();
        settings.app_keys = vec![AppKey::new(KEY)];
        // These edges do not ping.
        settings.idle_limit = Duration::from_secs(3600);
        // One by one, so that no long text stays in the memory that is measured.
        for number in 0..things {
            let text = json!({ "name": thing(number), "properties": properties }).to_string();
            settings.model.add(Thing::parse(&text).unwrap()).unwrap();
        }
        let (started, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let platform = edgebind_platform::start(settings).await.unwrap();
                started.send(platform.address()).unwrap();
                let _ = stopped.await;
                platform.stop(Duration::from_secs(5)).await;
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}

pub(crate) fn thing(number: usize) -> String {
    format!("thing-{number}")
}
