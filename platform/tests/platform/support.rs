//! An edge, a REST client and a browser, as thin as can be: real sockets, bytes of the vectors where they fit.

use std::{cell::Cell, collections::VecDeque, future::Future, net::SocketAddr, time::Duration};

use actix_web::http::StatusCode;
use awc::ws;
use bytes::Bytes;
use edgebind_alwayson::{
    Bind, Body, Characteristic, Code, Content, Gateway, Incoming, InfoTable, Limits, Message, Method,
    Request, Response, Value, decode, encode, notation::from_hex,
};
use edgebind_platform::{AppKey, Platform, Settings, model::Model};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;

/// The key of the vector `auth_appkey`.
pub(crate) const KEY: &str = "00000000-aaaa-bbbb-cccc-000000000001";

/// Longest wait for anything; only a failing test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a test on an actix system of its own.
pub(crate) fn on_actix<T>(test: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(test)
}

/// `future`, or a failed test after [`PATIENCE`].
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

/// Asks again and again until `check` has something.
pub(crate) async fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = check() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, look).await
}

pub(crate) fn settings(model: &str) -> Settings {
    let mut settings = Settings::default();
    settings.app_keys = vec![AppKey::new(KEY)];
    settings.model = Model::parse(model).unwrap();
    settings
}

pub(crate) async fn platform(model: &str) -> Platform {
    edgebind_platform::start(settings(model)).await.unwrap()
}

/// Bytes of a vector of `tests/data/vectors/alwayson.json`.
pub(crate) fn vector(name: &str) -> Bytes {
    let text = include_str!("../../../tests/data/vectors/alwayson.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let found =
        vectors.iter().find(|vector| vector["name"] == name).unwrap_or_else(|| panic!("no vector {name}"));
    from_hex(found["hex"].as_str().unwrap()).unwrap()
}

type Socket = actix_codec::Framed<awc::BoxedSocket, ws::Codec>;

/// An edge that does only what a test tells it.
pub(crate) struct Edge {
    socket: Socket,
    session_id: u32,
    next_id: Cell<u32>,
    /// Requests of the platform that came while an answer was awaited.
    requests: VecDeque<Message>,
}

impl Edge {
    pub(crate) async fn connect(platform: &Platform) -> Self {
        Self::connect_with(platform, 8192).await
    }

    pub(crate) async fn connect_with(platform: &Platform, max_frame_bytes: u32) -> Self {
        Self::connect_to(platform.address(), max_frame_bytes).await
    }

    /// Connects to the platform at `address`, or to a relay in front of it.
    pub(crate) async fn connect_to(address: SocketAddr, max_frame_bytes: u32) -> Self {
        let url = format!("http://{address}/Thingworx/WS");
        let request = awc::Client::default().ws(url).header("Max-Frame-Size", max_frame_bytes.to_string());
        let (_, socket) = soon("the upgrade", request.connect()).await.unwrap();
        let requests = VecDeque::new();
        Self { socket, session_id: u32::MAX, next_id: Cell::new(100), requests }
    }

    /// An edge that has bound `names`; the notifications that follow are answered.
    pub(crate) async fn bound(platform: &Platform, names: &[&str]) -> Self {
        Self::bound_at(platform.address(), names).await
    }

    /// The same, at the address of a relay.
    pub(crate) async fn bound_at(address: SocketAddr, names: &[&str]) -> Self {
        let mut edge = Self::connect_to(address, 8192).await;
        edge.authenticate().await;
        assert_eq!(edge.bind(names).await.code, Code::SUCCESS);
        for name in names {
            let notification = edge.requested().await;
            assert_eq!(request_of(&notification).entity, *name);
            edge.answer(&notification, Response::success()).await;
        }
        edge
    }

    /// Sends the vector `auth_appkey` and takes the session id.
    pub(crate) async fn authenticate(&mut self) -> Message {
        self.send_bytes(vector("auth_appkey")).await;
        let answer = self.message().await;
        assert_eq!(answer.body, Body::Response(Response::success()));
        assert_eq!(answer.request_id, 1);
        self.session_id = answer.session_id;
        answer
    }

    pub(crate) async fn bind(&mut self, names: &[&str]) -> Response {
        self.exchange(Body::Bind(bind(names, None))).await
    }

    pub(crate) async fn request(&mut self, request: Request) -> Response {
        self.exchange(Body::Request(request)).await
    }

    pub(crate) async fn call(&mut self, entity: &str, service: &str, params: Content) -> Response {
        self.request(Request::thing(Method::Post, entity, Characteristic::Services, service, params)).await
    }

    pub(crate) async fn push(&mut self, entity: &str, values: &[(&str, Value, i64, &str)]) -> Response {
        self.call(entity, "UpdateSubscribedPropertyValues", pushed(values)).await
    }

    /// Sends a request of any kind and waits for its answer.
    pub(crate) async fn exchange(&mut self, body: Body) -> Response {
        let id = self.next_id.replace(self.next_id.get() + 1);
        self.send(id, body).await;
        loop {
            let message = self.message().await;
            match message.body {
                Body::Response(response) if message.request_id == id => return response,
                Body::Request(_) => self.requests.push_back(message),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// The next request of the platform.
    pub(crate) async fn requested(&mut self) -> Message {
        match self.requests.pop_front() {
            Some(message) => message,
            None => self.message().await,
        }
    }

    pub(crate) async fn answer(&mut self, request: &Message, response: Response) {
        self.send(request.request_id, Body::Response(response)).await;
    }

    /// Sends a message with this edge's session id.
    pub(crate) async fn send(&mut self, request_id: u32, body: Body) {
        let message = Message { request_id, endpoint_id: 0, session_id: self.session_id, body };
        self.send_bytes(encode(&message).unwrap()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: Bytes) {
        self.send_frame(ws::Message::Binary(bytes)).await;
    }

    pub(crate) async fn send_frame(&mut self, frame: ws::Message) {
        soon("writing", self.socket.send(frame)).await.unwrap();
    }

    /// Sends bytes that need not be frames.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        soon("writing", self.socket.io_mut().write_all(bytes)).await.unwrap();
        soon("writing", self.socket.io_mut().flush()).await.unwrap();
    }

    /// The next frame, `None` at the end of the connection.
    pub(crate) async fn frame(&mut self) -> Option<ws::Frame> {
        soon("a frame", self.socket.next()).await.and_then(Result::ok)
    }

    /// The next message, which has to be whole.
    pub(crate) async fn message(&mut self) -> Message {
        match self.frame().await {
            Some(ws::Frame::Binary(bytes)) => match decode(&bytes, &Limits::DEFAULT).unwrap() {
                Incoming::Message(message) => message,
                Incoming::Chunk(chunk) => panic!("unexpected {chunk:?}"),
            },
            other => panic!("unexpected {other:?}"),
        }
    }

    /// Waits for the Close frame and for the end of TCP behind it; returns its status and text.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let reason = loop {
            match self.frame().await {
                Some(ws::Frame::Close(reason)) => {
                    break reason.expect("a Close without status is ignored by edges");
                }
                Some(_) => {}
                None => panic!("the connection ended without a Close"),
            }
        };
        assert!(self.frame().await.is_none(), "TCP stays open behind the Close");
        (u16::from(reason.code), reason.description.unwrap_or_default())
    }
}

pub(crate) fn bind(names: &[&str], gateway: Option<&str>) -> Bind {
    let gateway = gateway.map(|name| Gateway { name: name.to_owned(), template: "EMSGateway".to_owned() });
    Bind { unbind: false, gateway, names: names.iter().map(|name| (*name).to_owned()).collect() }
}

/// Parameters of a push (protocol notes, section 10.1).
pub(crate) fn pushed(values: &[(&str, Value, i64, &str)]) -> Content {
    use edgebind_alwayson::{BaseType, Field};
    let mut table = InfoTable::new(vec![
        Field::new("name", BaseType::String),
        Field::new("value", BaseType::Variant),
        Field::new("time", BaseType::Datetime),
        Field::new("quality", BaseType::String),
    ]);
    for (name, value, time, quality) in values {
        table.rows.push(vec![
            Value::string(*name),
            Value::variant(value.clone()),
            Value::Datetime(*time),
            Value::string(*quality),
        ]);
    }
    Content::Table(InfoTable::single("values", Value::table(table)))
}

pub(crate) fn request_of(message: &Message) -> &Request {
    match &message.body {
        Body::Request(request) => request,
        other => panic!("{other:?} is no request"),
    }
}

/// A REST call with the key; returns status and body.
pub(crate) async fn rest(platform: &Platform, method: &str, path: &str, body: &str) -> (StatusCode, String) {
    rest_as(platform, Some(KEY), method, path, body).await
}

pub(crate) async fn rest_as(
    platform: &Platform,
    key: Option<&str>,
    method: &str,
    path: &str,
    body: &str,
) -> (StatusCode, String) {
    let url = format!("http://{}{path}", platform.address());
    let mut request = awc::Client::default().request(method.parse().unwrap(), url).timeout(PATIENCE);
    if let Some(key) = key {
        request = request.insert_header(("appKey", key));
    }
    let mut response = request.send_body(body.to_owned()).await.unwrap();
    let text = response.body().await.unwrap();
    (response.status(), String::from_utf8(text.to_vec()).unwrap())
}

/// A REST call that has to succeed, as JSON.
pub(crate) async fn rest_json(
    platform: &Platform,
    method: &str,
    path: &str,
    body: &str,
) -> serde_json::Value {
    let (status, text) = rest(platform, method, path, body).await;
    assert!(status.is_success(), "{method} {path}: {status} {text}");
    if text.is_empty() { serde_json::Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// Whether the thing is connected, by REST as a user sees it.
pub(crate) async fn is_connected(platform: &Platform, thing: &str) -> bool {
    let path = format!("/Thingworx/Things/{thing}/Properties/isConnected");
    rest_json(platform, "GET", &path, "").await["rows"][0]["isConnected"].as_bool().unwrap()
}
