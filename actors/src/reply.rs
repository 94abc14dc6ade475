//! The duty to answer a request of the platform exactly once.

use std::time::Instant;

use actix::prelude::*;
use edgebind_alwayson::{Code, InboundId, Response};
use edgebind_kernel::clock;
use edgebind_observability::{
    instruments,
    instruments::{Direction, Outcome, RequestKind},
    trace,
};
use tracing::Span;

use crate::link::Link;

/// Travels with a request of the platform; dropped unused, it answers that the request got lost on the way.
pub(crate) struct Reply {
    link: Addr<Link>,
    connection: u64,
    id: InboundId,
    kind: RequestKind,
    span: Span,
    begun: Instant,
    answered: bool,
}

/// The answer to a request of the platform.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Respond {
    pub(crate) connection: u64,
    pub(crate) id: InboundId,
    pub(crate) response: Response,
}

impl Reply {
    pub(crate) fn new(
        link: Addr<Link>,
        connection: u64,
        id: InboundId,
        kind: RequestKind,
        span: Span,
    ) -> Self {
        Self { link, connection, id, kind, span, begun: clock::now(), answered: false }
    }

    /// Answers the request.
    pub(crate) fn answer(mut self, response: Response) {
        self.send(response);
    }

    /// Span of the whole request.
    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "one answer for each request that the session has admitted: bounded by its number of open requests"
    )]
    fn send(&mut self, response: Response) {
        self.answered = true;
        let took = clock::now().duration_since(self.begun);
        instruments().request(Direction::Down, self.kind, Outcome::of_code(response.code.0), took);
        trace::record_code(&self.span, response.code.0);
        self.link.do_send(Respond { connection: self.connection, id: self.id, response });
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            self.send(Response::error(
                Code::SERVICE_UNAVAILABLE,
                "the gateway lost the request before it was answered",
            ));
        }
    }
}
