//! The WebSocket of an edge: upgrade, the task that reads and the task that writes (protocol notes, section 2).

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Item, ProtocolError};
use bytes::Bytes;
use edgebind_alwayson::{DEFAULT_CHUNK_BYTES, Frame, PlatformSession, SessionSettings};
use edgebind_kernel::{ChildSpec, Launch, RestartPolicy, clock};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{Arrived, Edge, Held, Writer};
use crate::server::{Settings, rest::RestError, shared::Shared};

/// Upgrades `/Thingworx/WS` and starts the actor of the connection on this thread.
pub(in crate::server) async fn upgrade(
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, actix_web::Error> {
    let shared = shared.into_inner();
    let (response, socket, messages) = actix_ws::handle(&request, body)?;
    let frame_bytes = frame_limit(&request);
    let limit = shared.settings.max_message_bytes.saturating_mul(3) / 2;
    let messages = messages.max_frame_size(limit).aggregate_continuations().max_continuation_size(limit);
    let (frames, queue) = mpsc::channel(QUEUED_FRAMES);
    let writer = actix_rt::spawn(write(socket, queue, frame_bytes));
    let held = Held::new(Arc::clone(&shared));
    let id = held.id;
    let session = PlatformSession::new(session_settings(&shared.settings, frame_bytes), clock::now());
    // A temporary child has one life, so the parts are taken once.
    let parts = Mutex::new(Some((held, session, Writer::new(frames, writer.abort_handle()))));
    let spec =
        ChildSpec::new(format!("edge-{}", id.0), "edge", RestartPolicy::temporary(), move |lifeline| {
            let taken = parts.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (held, session, writer) = taken.expect("a temporary child is built once");
            Edge::new(held, session, writer, lifeline)
        })
        .mailbox(Edge::MAILBOX)
        .on_arbiter(actix_rt::Arbiter::current())
        .listed(shared.edges.clone(), id);
    let launched = shared.supervisor.send(Launch(spec)).await;
    let Some(edge) = shared.edges.resolve(&id).filter(|_| matches!(launched, Ok(Ok(())))) else {
        warn!(connection = id.0, "Connection refused: the platform stops.");
        return Err(RestError::new(StatusCode::SERVICE_UNAVAILABLE, "the platform is being stopped").into());
    };
    debug!(connection = id.0, peer = ?request.peer_addr(), frame_bytes, "Edge connected.");
    drop(actix_rt::spawn(read(messages, edge)));
    Ok(response)
}

/// Longest frame that the edge takes: its header `Max-Frame-Size`, or the default (section 2.2).
fn frame_limit(request: &HttpRequest) -> usize {
    let asked =
        request.headers().get("Max-Frame-Size").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // Below that, the header of a chunk with a name would not fit.
    asked.unwrap_or(usize::from(DEFAULT_CHUNK_BYTES)).clamp(SMALLEST_FRAME, LARGEST_FRAME)
}

fn session_settings(settings: &Settings, frame_bytes: usize) -> SessionSettings {
    SessionSettings {
        message_timeout: settings.request_timeout,
        idle_limit: settings.idle_limit,
        auth_timeout: settings.auth_wait,
        // An answer that has to come from another edge is waited for a little longer than that edge gets.
        inbound_timeout: settings.request_timeout.saturating_mul(2),
        max_message_bytes: settings.max_message_bytes,
        chunk_bytes: DEFAULT_CHUNK_BYTES.min(u16::try_from(frame_bytes).unwrap_or(u16::MAX)),
        ..SessionSettings::platform()
    }
}

async fn read(mut messages: AggregatedMessageStream, edge: Arc<actix::Addr<Edge>>) {
    loop {
        let arrived = match messages.recv().await {
            Some(Ok(AggregatedMessage::Binary(bytes))) => Arrived::Binary(bytes),
            Some(Ok(AggregatedMessage::Text(_))) => Arrived::Text,
            Some(Ok(AggregatedMessage::Ping(payload))) => Arrived::Ping(payload),
            Some(Ok(AggregatedMessage::Pong(payload))) => Arrived::Pong(payload),
            Some(Ok(AggregatedMessage::Close(reason))) => {
                let (code, text) = match reason {
                    Some(CloseReason { code, description }) => (Some(u16::from(code)), description),
                    None => (None, None),
                };
                Arrived::Close { code, text: text.unwrap_or_default() }
            }
            Some(Err(ProtocolError::Io(_))) | None => Arrived::Ended,
            Some(Err(ProtocolError::Overflow)) => {
                Arrived::Broken { code: 1009, text: "Frame too large".to_owned() }
            }
            Some(Err(error)) => Arrived::Broken { code: 1002, text: format!("Protocol Error {error}") },
        };
        let last = matches!(arrived, Arrived::Close { .. } | Arrived::Broken { .. } | Arrived::Ended);
        // An error says that the actor has ended.
        if edge.send(arrived).await.is_err() || last {
            break;
        }
    }
}

async fn write(mut socket: actix_ws::Session, mut frames: mpsc::Receiver<Frame>, frame_bytes: usize) {
    while let Some(frame) = frames.recv().await {
        let written = match frame {
            Frame::Binary(message) if message.len() > frame_bytes => {
                fragments(&mut socket, message, frame_bytes).await
            }
            Frame::Binary(message) => socket.binary(message).await,
            Frame::Ping(payload) => socket.ping(&payload).await,
            Frame::Pong(payload) => socket.pong(&payload).await,
            Frame::Close { code, text } => {
                let reason = CloseReason { code: CloseCode::from(code), description: Some(text) };
                // The body ends behind it, and with it TCP.
                drop(socket.close(Some(reason)).await);
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

/// A message that is longer than a frame may be (section 2.5).
async fn fragments(
    socket: &mut actix_ws::Session,
    mut message: Bytes,
    frame_bytes: usize,
) -> Result<(), actix_ws::Closed> {
    socket.continuation(Item::FirstBinary(message.split_to(frame_bytes))).await?;
    while message.len() > frame_bytes {
        socket.continuation(Item::Continue(message.split_to(frame_bytes))).await?;
    }
    socket.continuation(Item::Last(message)).await
}

/// Frames that may wait between the actor and the task that writes.
const QUEUED_FRAMES: usize = 64;
/// Smallest and largest frame limits that are honoured; the largest is what a 16-bit length can say.
const SMALLEST_FRAME: usize = 512;
const LARGEST_FRAME: usize = 65_535;
