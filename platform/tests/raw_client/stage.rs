//! A real platform in a thread of its own, and an HTTP client of ten lines.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread::JoinHandle,
    time::Duration,
};

use edgebind_platform::{AppKey, Settings, model::Model};
use tokio::sync::oneshot;

pub(crate) const KEY: &str = "00000000-aaaa-bbbb-cccc-000000000001";

/// A platform that runs until this is dropped.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    pub(crate) fn new(model: &str) -> Self {
        let mut settings = Settings::default();
        settings.app_keys = vec![AppKey::new(KEY)];
        settings.model = Model::parse(model).unwrap();
        let (started, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let platform = edgebind_platform::start(settings).await.unwrap();
                started.send(platform.address()).unwrap();
                let _ = stopped.await;
                platform.stop(Duration::from_secs(2)).await;
            });
        });
        let address = address.recv_timeout(Duration::from_secs(10)).unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// A REST call below `/Thingworx/Things`: status and body, which is null if there is none.
    pub(crate) fn rest(&self, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
        rest(self.address, method, path, body)
    }

    /// The same in the background, for calls that end only when the edge has answered.
    pub(crate) fn rest_later(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> JoinHandle<(u16, serde_json::Value)> {
        let (address, [method, path, body]) = (self.address, [method, path, body].map(str::to_owned));
        std::thread::spawn(move || rest(address, &method, &path, &body))
    }

    /// The value of a property as a REST client sees it, from the row of the table.
    pub(crate) fn property(&self, thing: &str, property: &str) -> serde_json::Value {
        let (status, table) = self.rest("GET", &format!("{thing}/Properties/{property}"), "");
        assert_eq!(status, 200, "{table}");
        table["rows"][0][property].clone()
    }

    /// Waits until `isConnected` is as expected.
    pub(crate) fn wait_connected(&self, thing: &str, expected: bool) {
        for _ in 0..1000 {
            if self.property(thing, "isConnected") == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("isConnected of {thing} does not become {expected}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the platform panicked");
        }
    }
}

fn rest(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!(
        "{method} /Thingworx/Things/{path} HTTP/1.1\r\nHost: {address}\r\nappKey: {KEY}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}
