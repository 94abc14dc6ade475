//! One connection to the platform for somebody who looks for a fault: WebSocket, AUTH and perhaps one BIND, with the time
//! that each step took, then UNBIND and Close. No actor, no retry.

use std::time::{Duration, Instant};

use actix_http::ws::Frame as WsFrame;
use edgebind_alwayson::{Bind, Code, EdgeSession, Event, SessionSettings};
use edgebind_kernel::clock;
use futures_util::{SinkExt, StreamExt};
use secrecy::ExposeSecret;
use tokio::time::timeout_at;

use super::{ConnectError, Target, connect::Socket, socket::message};

/// How far one connection came.
#[derive(Debug)]
pub struct Trial {
    /// Host name, TCP, TLS and the upgrade to WebSocket together, or why there is no connection.
    pub upgrade: Result<Duration, ConnectError>,
    /// The answer to AUTH; `None` when it did not come to that.
    pub auth: Option<Result<Duration, TrialError>>,
    /// The answer to BIND; `None` when it did not come to that or nothing was to be bound.
    pub bind: Option<Result<Duration, TrialError>>,
}

/// Why a step of a [`Trial`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrialError {
    /// The platform said no.
    #[error("the platform answered {code:?}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Refused {
        /// Status of the answer.
        code: Code,
        /// Reason of the answer, may be empty.
        reason: String,
    },
    /// The platform said nothing in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The connection broke.
    #[error("the connection ended: {0}")]
    Ended(String),
    /// The request could not be made.
    #[error("{0}")]
    Request(String),
}

impl Target {
    /// Tries the connection to its end, with `bind` if there is one; every step has `settings.message_timeout`.
    ///
    /// Must run on the runtime of an actix system.
    pub async fn try_out(&self, settings: SessionSettings, bind: Option<Bind>) -> Trial {
        let begin = clock::now();
        let socket = match self.connect().await {
            Ok(socket) => socket,
            Err(error) => return Trial { upgrade: Err(error), auth: None, bind: None },
        };
        let upgrade = Ok(clock::now().duration_since(begin));
        let patience = settings.message_timeout;
        let key = self.app_key.expose_secret().to_owned();
        let session = EdgeSession::new(settings, key, 1, clock::now());
        let mut course = Course { socket, session, patience };
        let auth = course.authenticate().await;
        let bound = match bind {
            Some(bind) if auth.is_ok() => Some(course.bind(bind).await),
            _ => None,
        };
        course.leave().await;
        Trial { upgrade, auth: Some(auth), bind: bound }
    }
}

/// The connection while it is tried out.
struct Course {
    socket: Socket,
    session: EdgeSession,
    patience: Duration,
}

impl Course {
    async fn authenticate(&mut self) -> Result<Duration, TrialError> {
        self.step(|event| match event {
            Event::Authenticated { .. } => Some(Ok(())),
            Event::AuthRefused { code, reason } => {
                Some(Err(TrialError::Refused { code, reason: reason.unwrap_or_default() }))
            }
            _ => None,
        })
        .await
    }

    async fn bind(&mut self, bind: Bind) -> Result<Duration, TrialError> {
        let unbind = Bind { unbind: true, ..bind.clone() };
        let asked =
            self.session.bind(clock::now(), bind).map_err(|error| TrialError::Request(error.to_string()))?;
        let took = self
            .step(|event| match event {
                Event::Answered { id, response } if id == asked => {
                    let code = response.code;
                    Some(if code.is_success() {
                        Ok(())
                    } else {
                        Err(TrialError::Refused { code, reason: response.reason.unwrap_or_default() })
                    })
                }
                Event::Garbled { id, reason, .. } if id == asked => Some(Err(TrialError::Request(reason))),
                _ => None,
            })
            .await?;
        // Sent and not waited for: the Close behind it ends the binding as well.
        self.session.bind(clock::now(), unbind).map_err(|error| TrialError::Request(error.to_string()))?;
        Ok(took)
    }

    /// Exchanges frames until `wanted` finds its event.
    async fn step(
        &mut self,
        mut wanted: impl FnMut(Event) -> Option<Result<(), TrialError>>,
    ) -> Result<Duration, TrialError> {
        let begin = clock::now();
        let deadline = begin + self.patience;
        loop {
            self.write(deadline).await?;
            while let Some(event) = self.session.poll_event() {
                if let Event::Closed { code, text, .. } = &event {
                    let code = code.map_or_else(String::new, |code| format!("{code} "));
                    return Err(TrialError::Ended(format!("{code}{text}")));
                }
                if let Some(end) = wanted(event) {
                    return end.map(|()| clock::now().duration_since(begin));
                }
            }
            let frame = timeout_at(deadline.into(), self.socket.next())
                .await
                .map_err(|_| TrialError::Silent(self.patience))?
                .ok_or_else(|| TrialError::Ended("end of file".to_owned()))?
                .map_err(|error| TrialError::Ended(error.to_string()))?;
            let now = clock::now();
            match frame {
                WsFrame::Binary(bytes) => self.session.receive(now, bytes),
                WsFrame::Ping(payload) => self.session.receive_ping(now, payload),
                WsFrame::Pong(payload) => self.session.receive_pong(now, payload),
                WsFrame::Close(reason) => {
                    let text =
                        reason.as_ref().and_then(|reason| reason.description.clone()).unwrap_or_default();
                    self.session.receive_close(now, reason.map(|reason| reason.code.into()), text);
                }
                // A message in several frames is none of the answers that are waited for.
                WsFrame::Text(_) | WsFrame::Continuation(_) => {}
            }
        }
    }

    async fn write(&mut self, deadline: Instant) -> Result<(), TrialError> {
        let ended = |error: actix_http::ws::ProtocolError| TrialError::Ended(error.to_string());
        let writing = async {
            while let Some(frame) = self.session.poll_frame() {
                self.socket.feed(message(frame)).await.map_err(ended)?;
            }
            SinkExt::<actix_http::ws::Message>::flush(&mut self.socket).await.map_err(ended)
        };
        timeout_at(deadline.into(), writing).await.map_err(|_| TrialError::Silent(self.patience))?
    }

    async fn leave(&mut self) {
        self.session.close(clock::now(), 1000, "Normal Close edgebind doctor");
        // What is not said in time is not said: the connection ends either way.
        self.write(clock::now() + FAREWELL).await.unwrap_or_default();
    }
}

const FAREWELL: Duration = Duration::from_secs(1);
