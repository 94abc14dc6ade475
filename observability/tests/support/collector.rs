//! A collector for tests: a real HTTP server that keeps what it is sent.

use std::sync::mpsc;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// What arrived: path, value of the header `api-key`, body.
pub(crate) type Export = (String, Option<String>, Vec<u8>);

/// A running collector on a free port of this machine.
pub(crate) struct Collector {
    pub(crate) address: String,
    pub(crate) exports: mpsc::Receiver<Export>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let (exported, exports) = mpsc::channel();
        let (bound, address) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let exported = exported.clone();
                    let take = move |request: HttpRequest, body: web::Bytes| {
                        let key = request.headers().get("api-key");
                        let key = key.and_then(|key| key.to_str().ok()).map(str::to_owned);
                        exported.send((request.path().to_owned(), key, body.to_vec())).ok();
                        async { HttpResponse::Ok().content_type("application/x-protobuf").finish() }
                    };
                    App::new()
                        .app_data(web::PayloadConfig::new(16 << 20))
                        .default_service(web::post().to(take))
                })
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .expect("a free port");
                bound.send(format!("http://{}", server.addrs()[0])).expect("the test waits");
                server.run().await.expect("the server runs");
            });
        });
        let address = address.recv_timeout(Duration::from_secs(10)).expect("the collector starts");
        Self { address, exports }
    }
}
