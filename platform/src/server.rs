//! The platform behind sockets: `/Thingworx/WS`, REST, the page and its live socket.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use actix::Addr;
use actix_web::{App, HttpServer, dev::ServerHandle, web};
use edgebind_kernel::{StopReport, Supervisor, stop_tree};
use edgebind_tls::{HttpLimits, serve};
use tokio::sync::broadcast;
use tracing::{info, warn};

mod arrivals;
mod control;
mod edge;
mod keeper;
mod key;
mod live;
mod page;
mod rest;
mod settings;
mod shared;
mod wire;

use arrivals::Arrivals;
use control::Control;
pub use key::{AppKey, KeyError, Right, Rights};
pub use settings::Settings;
pub use shared::CallError;
use shared::Shared;

use crate::model::{AccessError, Change, Thing, ThingView};

/// A running platform; [`Platform::stop`] ends it in good order, dropping it leaves it running.
pub struct Platform {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: ServerHandle,
    control: Option<Control>,
    keeper: Option<JoinHandle<()>>,
}

/// Why a platform did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No key, or an empty one: then nobody could get in.
    #[error("the platform needs at least one application key, and none that is empty")]
    NoKey,
    /// No port could be had.
    #[error("cannot listen on {host}, ports {first} to {last}")]
    Listen {
        /// Host of the settings.
        host: String,
        /// First port that was tried.
        first: u16,
        /// Last port that was tried.
        last: u16,
        /// Why the last one was refused.
        #[source]
        source: io::Error,
    },
    /// The model file has no thread.
    #[error("cannot start the thread that writes the model file")]
    Keeper(#[source] io::Error),
    /// The arrival log cannot be written.
    #[error("cannot write the arrival log {}", .path.display())]
    Arrivals {
        /// File of the settings.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The control interface has no port.
    #[error("cannot listen on 127.0.0.1, port {port}, for the control interface")]
    Control {
        /// Port that was wanted.
        port: u16,
        /// Why it was refused.
        #[source]
        source: io::Error,
    },
    /// The listening socket could not be used.
    #[error("cannot serve on {address}")]
    Serve {
        /// Address of the socket.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Watches the model: every change, in order.
#[derive(Debug)]
pub struct Watch {
    changes: broadcast::Receiver<Arc<Change>>,
}

/// What a watcher learns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum News {
    /// Something changed.
    Change(Arc<Change>),
    /// The watcher was too slow: so many changes are lost to it. [`Platform::things`] has the present state.
    Missed(u64),
}

/// What the platform has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Edge connections that stand now.
    pub connections: u64,
    /// Messages of edges that broke the protocol, since the start.
    pub violations: u64,
}

/// Starts a platform on the present actix `System`.
///
/// # Errors
///
/// [`StartError`] when there is no key, or no port of those that may be tried is free.
///
/// # Panics
///
/// Outside of an actix `System`.
pub async fn start(settings: Settings) -> Result<Platform, StartError> {
    if settings.app_keys.is_empty() || settings.app_keys.iter().any(|key| key.reveal().is_empty()) {
        return Err(StartError::NoKey);
    }
    let (listener, address) = listen(&settings)?;
    let (workers, per_worker) =
        (settings.workers.max(1), settings.max_connections.div_ceil(settings.workers.max(1)));
    let control_port = settings.control_port;
    // Whoever holds the platform stops the tree; its end by itself has no cause but that.
    let (supervisor, _) = Supervisor::start_root(Supervisor::builder("platform"));
    let arrivals = arrivals(&settings)?;
    let shared = Arc::new(Shared::new(settings, supervisor, arrivals));
    let keeper = keeper(&shared).map_err(StartError::Keeper)?;
    let control = control_port.map(|port| Control::start(port, &shared)).transpose()?;
    let data = web::Data::from(Arc::clone(&shared));
    let tls = shared.settings.tls.clone();
    let app = move || {
        App::new()
            .app_data(web::Data::clone(&data))
            .route("/Thingworx/WS", web::get().to(edge::socket::upgrade))
            .route("/live", web::get().to(live::upgrade))
            .configure(page::configure)
            .configure(rest::configure)
    };
    let server = match tls {
        Some(tls) => {
            let limits = HttpLimits {
                workers: Some(workers),
                connections: per_worker,
                request_timeout: REQUEST_TIMEOUT,
                keep_alive: REQUEST_TIMEOUT,
                shutdown_s: 1,
                half_closed: false,
            };
            serve(listener, tls, limits, |_, _| {}, app)
        }
        None => HttpServer::new(app)
            .workers(workers)
            .max_connections(per_worker)
            .tcp_nodelay(true)
            // A half-closed link is a lost link: its things are unbound at once.
            .h1_allow_half_closed(false)
            .disable_signals()
            .listen(listener)
            .map(HttpServer::run),
    }
    .map_err(|source| StartError::Serve { address, source })?;
    let handle = server.handle();
    drop(actix_rt::spawn(server));
    info!(%address, "Platform started.");
    Ok(Platform { shared, address, server: handle, control, keeper })
}

impl Platform {
    /// Ends every edge connection with a Close frame, then the server; at `deadline` the rest is cut.
    pub async fn stop(self, deadline: Duration) -> StopReport {
        let supervisor: &Addr<Supervisor> = &self.shared.supervisor;
        let report = stop_tree(supervisor, deadline).await;
        self.server.stop(false).await;
        if let Some(control) = self.control {
            control.server.stop(false).await;
        }
        if let Some(keeper) = self.keeper {
            self.shared.keeper.stop();
            let written = actix_rt::task::spawn_blocking(move || keeper.join());
            if tokio::time::timeout(deadline, written).await.is_err() {
                warn!("The model file was not written in time.");
            }
        }
        info!(address = %self.address, "Platform stopped.");
        report
    }

    /// Adds a thing.
    ///
    /// # Errors
    ///
    /// [`AccessError`] when its name or identifier is taken or no name at all.
    pub fn add(&self, thing: Thing) -> Result<(), AccessError> {
        self.shared.with_model(|model| model.add(thing))
    }

    /// Address that is really listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of the control interface, if there is one.
    #[must_use]
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(|control| control.address)
    }

    /// Address of the page, with the first key in it: it is a secret.
    #[must_use]
    pub fn page_url(&self) -> String {
        let key = self.shared.settings.app_keys.first().map(AppKey::reveal).unwrap_or_default();
        let encoded: String = url_encoded(key);
        let scheme = if self.shared.settings.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/?appKey={encoded}", self.address)
    }

    /// Every thing as it is now, in the order of the names.
    #[must_use]
    pub fn things(&self) -> Vec<ThingView> {
        self.shared.with_model(|model| model.view())
    }

    /// One thing as it is now.
    #[must_use]
    pub fn thing(&self, name: &str) -> Option<ThingView> {
        self.shared.with_model(|model| model.resolve(name).map(ThingView::of))
    }

    /// Watches from now on; take [`Platform::things`] after this call for a picture without gap.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch { changes: self.shared.watch() }
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }
}

impl Watch {
    /// Waits for the next change; `None` when the platform is gone.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<News> {
        match self.changes.recv().await {
            Ok(change) => Some(News::Change(change)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(News::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Opens the arrival log, if the settings name one.
fn arrivals(settings: &Settings) -> Result<Option<Arrivals>, StartError> {
    let Some(path) = &settings.arrivals else { return Ok(None) };
    let opened = Arrivals::open(path).map_err(|source| StartError::Arrivals { path: path.clone(), source });
    opened.map(Some)
}

/// Starts the thread of the model file, if the settings name one.
fn keeper(shared: &Arc<Shared>) -> io::Result<Option<JoinHandle<()>>> {
    let Some(file) = shared.settings.persist.clone() else { return Ok(None) };
    let known = Arc::downgrade(shared);
    let snapshot = move || known.upgrade().map(|shared| shared.with_model(|model| model.snapshot()));
    keeper::start(file, shared.settings.persist_pause, Arc::clone(&shared.keeper), snapshot).map(Some)
}

fn listen(settings: &Settings) -> Result<(TcpListener, SocketAddr), StartError> {
    let first = settings.port;
    let last = first.saturating_add(settings.ports_to_try.saturating_sub(1));
    let mut refusal = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for port in first..=last {
        match TcpListener::bind((settings.host.as_str(), port)).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        }) {
            Ok(bound) => return Ok(bound),
            Err(error) => refusal = error,
        }
    }
    Err(StartError::Listen { host: settings.host.clone(), first, last, source: refusal })
}

/// How long the head of a request may take, and how long a kept connection may idle; actix-web's own default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Percent-encodes everything but unreserved characters.
fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
