//! Messages of the delivery on their way: each lands once, and once more if its answer comes late.

use std::collections::VecDeque;

use actix::prelude::*;
use edgebind_alwayson::{Code, RequestId, Response};
use edgebind_kernel::clock;
use tokio::sync::oneshot;

use super::{CallError, Link, MAX_WAITING_BYTES, unsent};
use crate::delivery::{FlightTicket, Fly, Landed, Landing};

/// Who waits for the answer to a request.
pub(super) enum Waiter {
    Caller(oneshot::Sender<Result<Response, CallError>>),
    Flight(FlightTicket),
}

/// What the delivery is to be told, and whose late answers it wants.
#[derive(Default)]
pub(super) struct Flights {
    landings: Vec<Landing>,
    expired: VecDeque<(RequestId, FlightTicket)>,
}

impl Flights {
    pub(super) fn landed(
        &mut self,
        id: RequestId,
        ticket: FlightTicket,
        result: Result<Response, CallError>,
    ) {
        if result == Err(CallError::TimedOut) {
            self.expired.push_back((id, ticket));
            if self.expired.len() > REMEMBERED {
                self.expired.pop_front();
            }
        }
        self.landings.push(Landing { ticket, result });
    }
}

impl Link {
    /// An answer that cannot be read still has its code: an update needs no more.
    pub(super) fn resolve_garbled(&mut self, id: RequestId, code: Code, reason: String) {
        let flight = self
            .connection
            .as_ref()
            .is_some_and(|connection| matches!(connection.pending.get(&id), Some(Waiter::Flight(_))));
        let result = if flight {
            Ok(Response { code, ..Response::success() })
        } else {
            Err(CallError::Garbled(reason))
        };
        self.resolve(id, result);
    }

    pub(super) fn resolve_late(&mut self, id: RequestId, response: Response) {
        let Some(connection) = &mut self.connection else { return };
        let flights = &mut connection.flights;
        if let Some(place) = flights.expired.iter().position(|(expired, _)| *expired == id)
            && let Some((_, ticket)) = flights.expired.remove(place)
        {
            flights.landings.push(Landing { ticket, result: Ok(response) });
        }
    }

    /// Tells the delivery what has landed, all of it at once.
    pub(super) fn tell_delivery(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if !connection.flights.landings.is_empty() {
            let landings = std::mem::take(&mut connection.flights.landings);
            self.tell_landed(landings);
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "one answer for each message that the delivery has sent: bounded by the session's open requests"
    )]
    fn tell_landed(&self, landings: Vec<Landing>) {
        // A delivery that is being restarted begins anew with what is on disk.
        if let Some(delivery) = self.units.delivery() {
            delivery.do_send(Landed(landings));
        }
    }

    fn fly(
        &mut self,
        Fly { ticket, message, timeout }: Fly,
        ctx: &mut Context<Self>,
    ) -> Result<(), CallError> {
        if self.is_draining() {
            return Err(CallError::NotConnected);
        }
        let Some(connection) = &mut self.connection else { return Err(CallError::NotConnected) };
        if connection.outlet.waiting_bytes() > MAX_WAITING_BYTES {
            return Err(CallError::Busy(connection.pending.len()));
        }
        let id = connection
            .session
            .forward(clock::now(), &message, Some(timeout))
            .map_err(|error| unsent(error, connection.pending.len()))?;
        connection.pending.insert(id, Waiter::Flight(ticket));
        connection.last_sent = clock::now();
        self.watch_silence(ctx);
        self.pump(ctx);
        Ok(())
    }
}

impl Handler<Fly> for Link {
    type Result = ();

    fn handle(&mut self, message: Fly, ctx: &mut Self::Context) {
        self.fairness.tick(ctx);
        let ticket = message.ticket;
        if let Err(error) = self.fly(message, ctx) {
            self.tell_landed(vec![Landing { ticket, result: Err(error) }]);
        }
    }
}

/// Expired messages whose late answer is still passed on; the session remembers as many.
const REMEMBERED: usize = 1024;
