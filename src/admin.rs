//! The admin interface: what runs and where each thing stands, for the commands (a Unix socket in the state directory)
//! and for pages and scrapers (127.0.0.1, with a token). It looks, and who may
//! open the socket may mend the spool; it never stands on `http_server` (design 3.5).

mod guard;
mod records;
mod scripts;
mod spool;
mod token;
mod view;

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::{Server, ServerHandle},
    http::{Method, StatusCode},
    web,
};
use edgebind_actors::{Units, tree::Survey};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::warn;

use crate::{reload::Request, state_dir::StateDir};
use guard::Guard;
pub(crate) use records::Salvage;
pub(crate) use scripts::ScriptSight;
use token::Token;
pub(crate) use view::Facts;

/// Name of the socket in the state directory.
pub(crate) const SOCKET: &str = "admin.sock";

/// The running admin interface.
pub(crate) struct Admin {
    socket: Option<PathBuf>,
    address: Option<SocketAddr>,
    servers: Vec<ServerHandle>,
}

/// What the admin interface looks at.
#[derive(Clone)]
pub(crate) enum Sight {
    /// A gateway.
    Gateway(Box<GatewaySight>),
    /// A script resource.
    Scripts(ScriptSight),
}

/// What is looked at in a gateway.
#[derive(Clone)]
pub(crate) struct GatewaySight {
    pub(crate) units: Units,
    pub(crate) survey: Survey,
    pub(crate) facts: Facts,
    /// Where the spool lies.
    pub(crate) state_dir: PathBuf,
    /// Who reads the configuration anew.
    pub(crate) reload: mpsc::Sender<Request>,
}

/// Why the admin interface does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("cannot listen at {}: {source}", path.display())]
    Socket { path: PathBuf, source: io::Error },
    #[error("edgebind.admin_port: cannot listen at 127.0.0.1:{port}: {source}")]
    Port { port: u16, source: io::Error },
    #[error("the token {} cannot be kept: {source}", path.display())]
    Token { path: PathBuf, source: io::Error },
}

impl Admin {
    /// Listens at the socket, and at `port` of 127.0.0.1 if one is given (0: any free one).
    ///
    /// A socket that cannot be had (a path of more than 107 bytes, a file system without sockets) is said, and the
    /// gateway runs without.
    ///
    /// # Errors
    ///
    /// [`AdminError`] for the port, which somebody has asked for.
    pub(crate) fn start(sight: &Sight, folder: &StateDir, port: Option<u16>) -> Result<Self, AdminError> {
        let mut admin = Self { socket: None, address: None, servers: Vec::new() };
        #[cfg(unix)]
        match admin.listen_at_socket(sight, folder.path()) {
            Ok(()) => {}
            Err(error) => warn!(%error, "edgebind status and edgebind things will not work."),
        }
        if let Some(port) = port {
            admin.listen_at_port(sight, folder.path(), port)?;
        }
        Ok(admin)
    }

    /// Address on 127.0.0.1, if there is one.
    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Ends both listeners; open requests are short and not waited for.
    pub(crate) async fn stop(self) {
        for server in &self.servers {
            server.stop(false).await;
        }
    }

    #[cfg(unix)]
    fn listen_at_socket(&mut self, sight: &Sight, folder: &Path) -> Result<(), AdminError> {
        use std::os::unix::{fs::PermissionsExt, net::UnixListener};
        let path = folder.join(SOCKET);
        let unusable = |source| AdminError::Socket { path: path.clone(), source };
        // Made under another name and closed to others before anybody can find it. What a killed process left behind
        // is ours to remove: the directory is locked.
        let draft = folder.join(".admin.sock");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&draft).map_err(unusable)?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        fs::rename(&draft, &path).map_err(unusable)?;
        let server = serve(sight.clone(), Guard::Open, Listener::Socket(listener)).map_err(unusable)?;
        self.socket = Some(path);
        self.run(server);
        Ok(())
    }

    fn listen_at_port(&mut self, sight: &Sight, folder: &Path, port: u16) -> Result<(), AdminError> {
        let unusable = |source| AdminError::Port { port, source };
        let token = Token::kept_in(folder)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        token.announce(address, folder);
        let guard = Guard::Token(token);
        let server = serve(sight.clone(), guard, Listener::Port(listener)).map_err(unusable)?;
        self.address = Some(address);
        self.run(server);
        Ok(())
    }

    fn run(&mut self, server: Server) {
        self.servers.push(server.handle());
        actix_rt::spawn(async move {
            if let Err(error) = server.await {
                warn!(%error, "The admin interface has ended.");
            }
        });
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            // A file that stays behind is replaced by the next start.
            fs::remove_file(socket).unwrap_or_default();
        }
    }
}

/// Where a server of ours listens.
enum Listener {
    #[cfg(unix)]
    Socket(std::os::unix::net::UnixListener),
    Port(TcpListener),
}

/// One thread and few connections: it serves people, not machines.
fn serve(sight: Sight, guard: Guard, listener: Listener) -> io::Result<Server> {
    let state = web::Data::new(State { sight, guard });
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::clone(&state)).default_service(web::to(handle))
    })
    .workers(1)
    .max_connections(64)
    .shutdown_timeout(1)
    .disable_signals();
    Ok(match listener {
        #[cfg(unix)]
        Listener::Socket(listener) => server.listen_uds(listener)?,
        Listener::Port(listener) => server.listen(listener)?,
    }
    .run())
}

struct State {
    sight: Sight,
    guard: Guard,
}

/// What `/edgebind/v1/things` may be asked.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Selection {
    /// Only things that are not bound.
    unbound: bool,
}

async fn handle(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    if let Err(refused) = state.guard.check(request.headers()) {
        return refused.into_response();
    }
    let Some(path) = request.path().strip_prefix("/edgebind/v1/") else { return unknown(request.path()) };
    if path.is_empty() && request.method() == Method::GET {
        return HttpResponse::Ok().json(serde_json::json!({ "routes": ROUTES }));
    }
    match &state.sight {
        Sight::Gateway(sight) => sight.answer(&request, path, &body, &state.guard).await,
        Sight::Scripts(_) if request.method() != Method::GET => problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "the admin interface of a script resource only looks: use GET",
        ),
        Sight::Scripts(sight) => sight.answer(path).await,
    }
}

impl GatewaySight {
    /// Answers `path` below `/edgebind/v1/`.
    async fn answer(&self, request: &HttpRequest, path: &str, body: &[u8], guard: &Guard) -> HttpResponse {
        let units = &self.units;
        let folder = &self.state_dir;
        match *request.method() {
            Method::GET => {}
            Method::POST if matches!(guard, Guard::Open) && path.starts_with("spool/") => {
                let path = path.strip_prefix("spool").unwrap_or_default();
                return records::change(units, folder, path, body).await;
            }
            Method::POST if matches!(guard, Guard::Open) && path == "reload" => {
                return self.reload(request).await;
            }
            _ => {
                let text =
                    "the admin interface only looks, but for the spool and reload over the socket: use GET";
                return problem(StatusCode::METHOD_NOT_ALLOWED, text);
            }
        }
        match path {
            "status" => HttpResponse::Ok().json(view::status(units, &self.facts).await),
            "tree" => match self.survey.look().await {
                Some(tree) => HttpResponse::Ok().json(tree),
                None => problem(StatusCode::SERVICE_UNAVAILABLE, "the supervision tree does not answer"),
            },
            "things" => match web::Query::<Selection>::from_query(request.query_string()) {
                Ok(selection) => HttpResponse::Ok().json(view::things(units, selection.unbound)),
                Err(_) => problem(StatusCode::BAD_REQUEST, "the one parameter is unbound, true or false"),
            },
            path if path == "spool" || path.starts_with("spool/") => {
                let path = path.strip_prefix("spool").unwrap_or_default();
                records::look(folder, path, request.query_string()).await
            }
            path => match path.strip_prefix("things/").map(|name| percent_decode_str(name).decode_utf8()) {
                Some(Ok(name)) => match view::thing(units, &name) {
                    Some(thing) => HttpResponse::Ok().json(thing),
                    None => problem(StatusCode::NOT_FOUND, &format!("no thing is registered as {name:?}")),
                },
                _ => unknown(request.path()),
            },
        }
    }
}

impl GatewaySight {
    /// Has the configuration read anew; the answer tells every change and what became of it.
    async fn reload(&self, request: &HttpRequest) -> HttpResponse {
        let Ok(wish) = web::Query::<ReloadWish>::from_query(request.query_string()) else {
            return problem(StatusCode::BAD_REQUEST, "the one parameter is restart, true or false");
        };
        let (answer, answered) = oneshot::channel();
        let asked = self.reload.send(Request { restart: wish.restart, answer });
        match timeout(RELOAD_PATIENCE, async {
            asked.await.ok()?;
            answered.await.ok()
        })
        .await
        {
            Ok(Some(Ok(report))) => HttpResponse::Ok().json(report),
            Ok(Some(Err(reason))) => problem(StatusCode::UNPROCESSABLE_ENTITY, &reason),
            Ok(None) | Err(_) => {
                problem(StatusCode::SERVICE_UNAVAILABLE, "the gateway is starting or stopping")
            }
        }
    }
}

/// What `/edgebind/v1/reload` may be asked.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ReloadWish {
    /// Whether the gateway starts anew when changes wait for that.
    restart: bool,
}

/// Each thing that is changed may wait 2 s for its BIND, and the platform its time for a key.
const RELOAD_PATIENCE: Duration = Duration::from_secs(300);

/// What can be asked for below `/edgebind/v1/`; `GET /edgebind/v1/` shows it.
const ROUTES: &[Route] = &[
    route("GET", "status"),
    route("GET", "tree"),
    route("GET", "things"),
    route("GET", "things/{name}"),
    route("GET", "spool"),
    route("GET", "spool/records"),
    route("GET", "spool/records/{number}"),
    route("POST", "spool/retry"),
    route("POST", "spool/drop"),
    route("POST", "spool/salvage"),
    route("POST", "reload"),
];

/// One of [`ROUTES`].
#[derive(Serialize)]
struct Route {
    method: &'static str,
    path: &'static str,
    /// Whether it is answered at the socket alone, not at the port.
    socket_only: bool,
}

const fn route(method: &'static str, path: &'static str) -> Route {
    Route { method, path, socket_only: matches!(method.as_bytes(), b"POST") }
}

fn unknown(path: &str) -> HttpResponse {
    let known: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    let text = format!("{path} is none of {} below /edgebind/v1/", known.join(", "));
    problem(StatusCode::NOT_FOUND, &text)
}

fn problem(status: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(status).json(serde_json::json!({ "error": text }))
}
