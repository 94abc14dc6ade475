//! The duty to answer a request of the platform exactly once.

use actix::prelude::*;
use edgebind_alwayson::{Code, InboundId, Response};

use crate::link::Link;

/// Travels with a request of the platform; dropped unused, it answers that the request got lost on the way.
pub(crate) struct Reply {
    link: Addr<Link>,
    connection: u64,
    id: InboundId,
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
    pub(crate) const fn new(link: Addr<Link>, connection: u64, id: InboundId) -> Self {
        Self { link, connection, id, answered: false }
    }

    /// Answers the request.
    pub(crate) fn answer(mut self, response: Response) {
        self.send(response);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "one answer for each request that the session has admitted: bounded by its number of open requests"
    )]
    fn send(&mut self, response: Response) {
        self.answered = true;
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
