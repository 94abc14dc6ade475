//! Moves frames between the WebSocket and the link: two tasks a connection, nothing is decided here.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use actix_http::ws::{CloseCode, CloseReason, Frame as WsFrame, Item, Message as WsMessage};
use bytes::{Bytes, BytesMut};
use edgebind_alwayson::Frame;
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{Link, connect::Socket};

/// Frames read in one go; the link handles them before more are read.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Received {
    pub(crate) connection: u64,
    pub(crate) frames: Vec<Inbound>,
}

/// One frame, or one message that came in several.
pub(crate) enum Inbound {
    Binary(Bytes),
    Ping(Bytes),
    Pong(Bytes),
    Close {
        code: Option<u16>,
        text: String,
    },
    /// Text belongs to tunnels (protocol notes, section 1); counted and dropped.
    Text,
}

/// The socket is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SocketLost {
    pub(crate) connection: u64,
    pub(crate) reason: String,
}

/// Way out for frames; the bytes that wait in it are counted.
pub(crate) struct Outlet {
    frames: mpsc::UnboundedSender<Frame>,
    waiting_bytes: Arc<AtomicUsize>,
    gone: oneshot::Receiver<()>,
}

impl Outlet {
    /// Starts the tasks of a connection; both end with it, or when the outlet is dropped.
    pub(crate) fn open(
        socket: Socket,
        connection: u64,
        link: Addr<Link>,
        max_message_bytes: usize,
        write_deadline: Duration,
    ) -> Self {
        let (sink, stream) = socket.split();
        // Bounded by what the session admits: open requests of both sides, and `waiting_bytes` is asked before each.
        let (frames, queue) = mpsc::unbounded_channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let (end, gone) = oneshot::channel();
        let outlet = Self { frames, waiting_bytes: Arc::clone(&waiting_bytes), gone };
        let writer = actix_rt::spawn(write(sink, queue, waiting_bytes, write_deadline));
        actix_rt::spawn(async move {
            let mut reader = Reader { joined: None, max_message_bytes };
            let mut read = pin!(async {
                let mut chunks = stream.ready_chunks(READ_BATCH);
                while let Some(chunk) = chunks.next().await {
                    let (frames, end) = reader.take(chunk);
                    if !frames.is_empty() && link.send(Received { connection, frames }).await.is_err() {
                        return "the link has stopped".to_owned();
                    }
                    if let Some(reason) = end {
                        return reason;
                    }
                }
                "end of file".to_owned()
            });
            let reason = tokio::select! {
                reason = &mut read => reason,
                written = writer => {
                    // To drop a socket with bytes that nobody has read makes TCP reset it, and the reset overtakes the
                    // Close frame at the peer: the last answers are taken until the peer closes, too.
                    drop(timeout(LINGER, read).await);
                    written.unwrap_or_else(|error| error.to_string())
                }
            };
            // Nobody waits unless the link is about to open the next connection.
            end.send(()).unwrap_or_default();
            // Fails only if the link is gone, which then has no connection to lose.
            link.send(SocketLost { connection, reason }).await.unwrap_or_default();
        });
        outlet
    }

    /// Puts a frame on its way.
    pub(crate) fn send(&self, frame: Frame) {
        self.waiting_bytes.fetch_add(size(&frame), Ordering::Relaxed);
        // Fails only after the writer has ended, and that is reported by SocketLost.
        self.frames.send(frame).unwrap_or_default();
    }

    /// Lets what was given to the outlet go out; what is returned is answered or dropped when the socket is closed.
    pub(crate) fn end(self) -> oneshot::Receiver<()> {
        self.gone
    }

    /// Bytes that were given to [`Outlet::send`] and not yet to the socket.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }
}

/// Joins the frames of a message (protocol notes, section 2.5: EMS 5.4 cut them after the first).
struct Reader {
    joined: Option<BytesMut>,
    max_message_bytes: usize,
}

impl Reader {
    fn take(
        &mut self,
        chunk: Vec<Result<WsFrame, actix_http::ws::ProtocolError>>,
    ) -> (Vec<Inbound>, Option<String>) {
        let mut frames = Vec::with_capacity(chunk.len());
        for frame in chunk {
            match frame
                .map_err(|error| format!("WebSocket framing: {error}"))
                .and_then(|frame| self.join(frame))
            {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => {}
                Err(reason) => return (frames, Some(reason)),
            }
        }
        (frames, None)
    }

    fn join(&mut self, frame: WsFrame) -> Result<Option<Inbound>, String> {
        Ok(match frame {
            WsFrame::Binary(bytes) => Some(Inbound::Binary(bytes)),
            WsFrame::Text(_) | WsFrame::Continuation(Item::FirstText(_)) => Some(Inbound::Text),
            WsFrame::Ping(bytes) => Some(Inbound::Ping(bytes)),
            WsFrame::Pong(bytes) => Some(Inbound::Pong(bytes)),
            WsFrame::Close(reason) => {
                let text = reason.as_ref().and_then(|reason| reason.description.clone()).unwrap_or_default();
                Some(Inbound::Close { code: reason.map(|reason| reason.code.into()), text })
            }
            WsFrame::Continuation(Item::FirstBinary(bytes)) => {
                self.joined = Some(BytesMut::from(&bytes[..]));
                None
            }
            WsFrame::Continuation(Item::Continue(bytes)) => {
                self.append(&bytes)?;
                None
            }
            WsFrame::Continuation(Item::Last(bytes)) => {
                self.append(&bytes)?;
                self.joined.take().map(|joined| Inbound::Binary(joined.freeze()))
            }
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        // Without a first part this continues a text message, which is dropped.
        let Some(joined) = &mut self.joined else { return Ok(()) };
        if joined.len() + bytes.len() > self.max_message_bytes + self.max_message_bytes / 2 {
            return Err(format!("a message in frames is larger than 1.5 x {} bytes", self.max_message_bytes));
        }
        joined.extend_from_slice(bytes);
        Ok(())
    }
}

async fn write(
    mut sink: SplitSink<Socket, WsMessage>,
    mut queue: mpsc::UnboundedReceiver<Frame>,
    waiting_bytes: Arc<AtomicUsize>,
    deadline: Duration,
) -> String {
    let mut frames = Vec::new();
    loop {
        if queue.recv_many(&mut frames, WRITE_BATCH).await == 0 {
            return "closed".to_owned();
        }
        let mut closing = false;
        let says_something = frames.iter().any(|frame| matches!(frame, Frame::Binary(_)));
        let bytes: usize = frames.iter().map(size).sum();
        let batch = async {
            for frame in frames.drain(..) {
                closing |= matches!(frame, Frame::Close { .. });
                sink.feed(message(frame)).await?;
            }
            sink.flush().await
        };
        match timeout(deadline, batch).await {
            Ok(Ok(())) if says_something => edgebind_store::fail_point("link.after-send"),
            Ok(Ok(())) => {}
            Ok(Err(error)) => return format!("writing: {error}"),
            Err(_) => return format!("writing took longer than {deadline:?}"),
        }
        waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if closing {
            // The original closes TCP at once (protocol notes, section 2.7). Here the peer goes first, as RFC 6455 has it:
            // an end that comes together with the frame hides the frame from some servers.
            return "closed".to_owned();
        }
    }
}

pub(super) fn message(frame: Frame) -> WsMessage {
    match frame {
        Frame::Binary(bytes) => WsMessage::Binary(bytes),
        Frame::Ping(bytes) => WsMessage::Ping(bytes),
        Frame::Pong(bytes) => WsMessage::Pong(bytes),
        Frame::Close { code, text } => {
            WsMessage::Close(Some(CloseReason { code: CloseCode::from(code), description: Some(text) }))
        }
    }
}

fn size(frame: &Frame) -> usize {
    match frame {
        Frame::Binary(bytes) | Frame::Ping(bytes) | Frame::Pong(bytes) => bytes.len(),
        Frame::Close { text, .. } => text.len(),
    }
}

/// How long the peer may take to close after we have.
const LINGER: Duration = Duration::from_millis(500);
/// Frames handed to the link at a time.
const READ_BATCH: usize = 256;
/// Frames between two flushes.
const WRITE_BATCH: usize = 256;
