//! A platform that sends garbage, more than it should, and that comes and goes.

use std::{sync::Arc, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::Message;
use edgebind_actors::{
    link::{Phase, Target},
    tree::Tree,
};
use edgebind_alwayson::{
    Characteristic, Code, Content, EntityType, Event, Frame, Method, PlatformSession, Request, RequestId,
    Response, SessionSettings,
};
use edgebind_kernel::clock;
use futures_util::StreamExt;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    endpoints::{Manner, open},
    plant::{PATIENCE, on_actix, settings, thing, until},
};

/// What the platform does next.
enum Act {
    /// Sends bytes that are no message.
    Binary(Vec<u8>),
    /// Sends a text frame.
    Text(String),
    /// Asks the edge, as it should.
    Ask(Request, oneshot::Sender<Response>),
}

/// A platform that does what it is told.
struct Hostile {
    port: u16,
    acts: mpsc::UnboundedSender<Act>,
    connections: Arc<std::sync::atomic::AtomicUsize>,
}

struct Shared {
    acts: Mutex<mpsc::UnboundedReceiver<Act>>,
    connections: Arc<std::sync::atomic::AtomicUsize>,
}

impl Hostile {
    fn start() -> Self {
        let (acts, queue) = mpsc::unbounded_channel();
        let connections = Arc::default();
        let shared =
            web::Data::new(Shared { acts: Mutex::new(queue), connections: Arc::clone(&connections) });
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::clone(&shared)).route("/Thingworx/WS", web::get().to(upgrade))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let port = server.addrs()[0].port();
        actix_rt::spawn(server.run());
        Self { port, acts, connections }
    }

    fn act(&self, act: Act) {
        self.acts.send(act).unwrap_or_else(|_| panic!("the platform runs"));
    }

    async fn ask(&self, request: Request) -> Response {
        let (answer, answered) = oneshot::channel();
        self.act(Act::Ask(request, answer));
        tokio::time::timeout(PATIENCE, answered).await.expect("an answer in time").expect("an answer")
    }

    /// Reads `p` of `thing` as a platform does.
    async fn read(&self, thing: &str) -> Response {
        let request = Request::thing(Method::Get, thing, Characteristic::Properties, "p", Content::Nothing);
        self.ask(request).await
    }
}

async fn upgrade(
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, socket, messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(converse(socket, messages, shared));
    Ok(response)
}

async fn converse(
    mut socket: actix_ws::Session,
    mut messages: actix_ws::MessageStream,
    shared: web::Data<Shared>,
) {
    shared.connections.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut session = PlatformSession::new(SessionSettings::platform(), clock::now());
    let mut asked: Vec<(RequestId, oneshot::Sender<Response>)> = Vec::new();
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(Ok(Message::Binary(bytes))) => session.receive(clock::now(), bytes),
                Some(Ok(Message::Ping(payload))) => session.receive_ping(clock::now(), payload),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            // A connection that is dead without knowing it must not keep the others from theirs.
            act = async { shared.acts.lock().await.recv().await } => match act {
                Some(Act::Binary(bytes)) => drop(socket.binary(bytes).await),
                Some(Act::Text(text)) => drop(socket.text(text).await),
                Some(Act::Ask(request, answer)) => {
                    asked.push((session.request(clock::now(), request, None).unwrap(), answer));
                }
                None => return,
            },
        }
        while let Some(event) = session.poll_event() {
            let now = clock::now();
            match event {
                Event::AuthRequested { id, .. } => session.accept(now, id, 7).unwrap(),
                Event::BindRequested { id, .. } => session.respond(now, id, Response::success()).unwrap(),
                Event::Requested { id, .. } => {
                    session.respond(now, id, Response::error(Code::NOT_FOUND, "nothing is here")).unwrap();
                }
                Event::Answered { id, response } => {
                    if let Some(place) = asked.iter().position(|(known, _)| *known == id) {
                        asked.remove(place).1.send(response).unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
        while let Some(frame) = session.poll_frame() {
            let sent = match frame {
                Frame::Binary(bytes) => socket.binary(bytes).await,
                Frame::Ping(payload) => socket.ping(&payload).await,
                Frame::Pong(payload) => socket.pong(&payload).await,
                Frame::Close { .. } => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

/// A tree with the good thing `Good` that is connected to `platform`.
async fn connected(platform: &Hostile) -> Tree {
    let port = open(Manner::Good).await;
    let tree = Tree::start(settings(platform.port), vec![thing("Good", port)]);
    until("the tree is online", async || tree.units().link_status.borrow().is_online().then_some(())).await;
    until("the thing is served", async || platform.read("Good").await.code.is_success().then_some(())).await;
    tree
}

#[test]
fn garbage_is_dropped_and_requests_go_on_being_answered_on_the_same_connection() {
    on_actix(async {
        let platform = Hostile::start();
        let tree = connected(&platform).await;
        let mut garbage: Vec<Vec<u8>> = vec![
            vec![],
            vec![0],
            vec![1; 15],
            vec![0xff; 4096],
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            // A whole header of an unknown version, a response to nothing, a request cut off in its name.
            b"\x02\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00".to_vec(),
            b"\x01\x40\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x07\x00".to_vec(),
            b"\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x07\x00\x0a\x04Go".to_vec(),
        ];
        garbage.extend((0..200).map(|_| (0..fastrand::usize(..200)).map(|_| fastrand::u8(..)).collect()));
        for bytes in garbage {
            platform.act(Act::Binary(bytes));
        }
        platform.act(Act::Text("hello".to_owned()));
        for _ in 0..10 {
            let answer = platform.read("Good").await;
            assert!(answer.code.is_success(), "{answer:?}");
        }
        assert_eq!(platform.connections.load(std::sync::atomic::Ordering::Relaxed), 1, "the link was kept");
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
    });
}

#[test]
fn requests_with_odd_names_and_targets_are_answered_and_reach_no_agent() {
    on_actix(async {
        let platform = Hostile::start();
        let tree = connected(&platform).await;
        for entity in ["Nobody", "a\r\nb", "Good\0", "", "*", "../Good", "Good?x=1"] {
            let answer = platform.read(entity).await;
            assert_eq!(answer.code, Code::NOT_FOUND, "{entity:?}: {answer:?}");
        }
        let request = |name: &str| {
            Request::thing(Method::Get, "Good", Characteristic::Properties, name, Content::Nothing)
        };
        for name in ["p\r\nX-Evil: 1", "p\0"] {
            assert_eq!(platform.ask(request(name)).await.code, Code::BAD_REQUEST, "{name:?}");
        }
        let resource = Request { entity_type: EntityType::from_name("Resources").unwrap(), ..request("p") };
        assert_eq!(platform.ask(resource).await.code, Code::NOT_FOUND);
        assert!(platform.read("Good").await.code.is_success());
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
    });
}

#[test]
fn a_flood_of_requests_is_answered_to_the_last() {
    on_actix(async {
        let platform = Hostile::start();
        let tree = connected(&platform).await;
        let answers = futures_util::future::join_all((0..400).map(|_| platform.read("Good"))).await;
        let good = answers.iter().filter(|answer| answer.code.is_success()).count();
        let refused = answers.iter().filter(|answer| answer.code == Code::SERVICE_UNAVAILABLE).count();
        assert_eq!(good + refused, answers.len(), "{answers:?}");
        assert!(good > 0);
        assert!(platform.read("Good").await.code.is_success());
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
    });
}

#[test]
fn servers_are_tried_in_order_until_one_answers() {
    on_actix(async {
        let platform = Hostile::start();
        let mut settings = settings(platform.port);
        let good = settings.link.targets[0].clone();
        // One refuses the connection, one accepts and closes, one says nothing.
        let refusing = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let resetting = open(Manner::Reset).await;
        let silent = open(Manner::Silent).await;
        let bad = [refusing, resetting, silent].map(|port| Target {
            port,
            timeout: Duration::from_millis(300),
            ..good.clone()
        });
        settings.link.targets = bad.into_iter().chain([good]).collect();
        let tree = Tree::start(settings, Vec::new());
        until("the last server is reached", async || {
            tree.units().link_status.borrow().is_online().then_some(())
        })
        .await;
        assert_eq!(tree.units().link_status.borrow().server, format!("127.0.0.1:{}", platform.port));
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
    });
}

#[test]
fn a_half_open_connection_is_noticed_soon_after_a_request_stays_unanswered() {
    on_actix(async {
        // A relay that stops passing anything on, but keeps both connections open.
        let platform = Hostile::start();
        let (port, stall) = relay(platform.port).await;
        let mut settings = settings(port);
        settings.link.session.pong_timeout = Duration::from_secs(1);
        settings.link.session.ping_rate = Duration::from_secs(55);
        let tree = Tree::start(settings, vec![thing("Good", open(Manner::Good).await)]);
        until("the thing is served", async || {
            let online = tree.units().link_status.borrow().is_online();
            (online && platform.read("Good").await.code.is_success()).then_some(())
        })
        .await;
        let before = tree.units().link_status.borrow().connection;
        stall.send(true).unwrap();
        let stalled = clock::now();
        let units = tree.units().clone();
        let request = Request::thing(Method::Get, "Good", Characteristic::Properties, "x", Content::Nothing);
        let call = edgebind_actors::relay(&units, request, tracing::Span::none());
        assert!(call.await.is_err());
        // 2 s without an answer, a ping at once, 1 s without its pong; far below msg_timeout and ping_rate.
        let took = clock::now() - stalled;
        assert!(took >= Duration::from_millis(2900) && took < Duration::from_secs(8), "{took:?}");
        stall.send(false).unwrap();
        until("a new connection", async || {
            let status = tree.units().link_status.borrow().clone();
            (status.phase == Phase::Online && status.connection > before).then_some(())
        })
        .await;
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
    });
}

#[test]
fn the_end_of_the_connection_is_noticed_at_once() {
    on_actix(async {
        let platform = Hostile::start();
        let (port, stall) = relay(platform.port).await;
        let tree = Tree::start(settings(port), Vec::new());
        until("the tree is online", async || tree.units().link_status.borrow().is_online().then_some(()))
            .await;
        // The relay ends: both its sockets close without a Close frame.
        drop(stall);
        let ended = clock::now();
        let mut status = tree.units().link_status.clone();
        let lost = status.wait_for(|status| !status.is_online());
        tokio::time::timeout(PATIENCE, lost).await.expect("it is noticed").expect("the tree runs");
        // 0.1 s is promised; a busy machine may need a little more to run this test at all.
        assert!(clock::now() - ended < Duration::from_secs(1), "{:?}", clock::now() - ended);
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
    });
}

/// Passes bytes on to `target` and back, and keeps them while it is told to; dropping the sender ends it.
async fn relay(target: u16) -> (u16, tokio::sync::watch::Sender<bool>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stall, stalled) = tokio::sync::watch::channel(false);
    actix_rt::spawn(async move {
        let mut ended = stalled.clone();
        loop {
            let (near, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _ = async { while ended.changed().await.is_ok() {} } => return,
            };
            let far = tokio::net::TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            // Connections that began before a stall stay stalled for ever.
            actix_rt::spawn(pass(near_in, far_out, stalled.clone()));
            actix_rt::spawn(pass(far_in, near_out, stalled.clone()));
        }
    });
    (port, stall)
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut into: tokio::net::tcp::OwnedWriteHalf,
    mut stalled: tokio::sync::watch::Receiver<bool>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(count) if count > 0 => {
                    if into.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            changed = stalled.changed() => {
                if changed.is_err() {
                    return;
                }
                if *stalled.borrow() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
