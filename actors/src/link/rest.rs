//! The link goes off on purpose and comes back: by the duty cycle, or because somebody asks (EMS notes, 10.8).

use std::time::Duration;

use actix::prelude::*;
use edgebind_alwayson::Bind;
use edgebind_kernel::clock;
use tokio::time::timeout;
use tracing::{debug, info};

use super::{Link, Phase, duty::Advice};
use crate::binder::Part;

/// Somebody wants to send while the link sleeps (`ws_connection.connect_on_demand`).
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Wake;

impl Link {
    /// Counts the time on from the first AUTH of a connection.
    pub(super) fn begin_duty(&mut self, ctx: &mut Context<Self>) {
        let (Some(_), Some(connection)) = (self.settings.duty, &mut self.connection) else { return };
        if connection.online_since.is_none() {
            connection.online_since = Some(clock::now());
            let number = connection.number;
            self.look_at_duty(number, ctx);
        }
    }

    /// Whether nothing new is taken, because the link is about to go off.
    pub(super) fn is_draining(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.draining)
    }

    fn look_at_duty(&mut self, number: u64, ctx: &mut Context<Self>) {
        let (Some(duty), Some(connection)) = (self.settings.duty, &mut self.connection) else { return };
        let Some(since) = connection.online_since.filter(|_| connection.number == number) else { return };
        let last = connection.last_sent.max(connection.last_received);
        let again = match duty.advise(since, last, connection.pending.len(), clock::now()) {
            Advice::Stay(again) => again,
            Advice::Drain(again) => {
                connection.draining = true;
                again
            }
            Advice::Part => return self.part(number, ctx),
        };
        ctx.run_later(again, move |link, ctx| link.look_at_duty(number, ctx));
    }

    /// Unbinds everything, then closes; the platform unbinds by itself if that is not answered.
    fn part(&mut self, number: u64, ctx: &mut Context<Self>) {
        let Some(connection) = &mut self.connection else { return };
        connection.draining = true;
        info!("The duty cycle begins its time off.");
        let binder = self.units.binder();
        let bound = async move { timeout(FAREWELL, binder?.send(Part)).await.ok()?.ok() };
        let unbound = bound.into_actor(self).then(move |bind, link, ctx| {
            let bind = bind.filter(|bind: &Bind| !bind.names.is_empty() && link.is_on(number));
            let answer = bind.map(|bind| link.call(ctx, |session, now| session.bind(now, bind)));
            async move {
                if let Some(answer) = answer
                    && !matches!(timeout(FAREWELL, answer).await, Ok(Ok(_)))
                {
                    debug!("The UNBIND before the time off was not answered.");
                }
            }
            .into_actor(link)
        });
        ctx.spawn(unbound.map(move |(), link, ctx| {
            let Some(connection) = link.connection.as_mut().filter(|connection| connection.number == number)
            else {
                return;
            };
            link.resting = true;
            connection.session.close(clock::now(), 1000, "Normal Close Duty cycle off time");
            link.pump(ctx);
        }));
    }

    fn is_on(&self, number: u64) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.number == number)
    }

    /// Stays away for the time off, and a random part of `max_connect_delay` more.
    pub(super) fn sleep(&mut self, ctx: &mut Context<Self>) {
        let off = self.settings.duty.map(|duty| duty.off()).unwrap_or_default();
        let delay = off + self.settings.reconnect.first(fastrand::f64());
        self.publish(Phase::Sleeping { delay }, |status| status.last_error = None);
        self.asleep = Some(ctx.run_later(delay, Self::connect));
    }
}

impl Handler<Wake> for Link {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        if let Some(handle) = self.asleep.take() {
            info!("Somebody asks in the time off: connecting.");
            ctx.cancel_future(handle);
            self.connect(ctx);
        }
    }
}

/// For the list of what is bound, and for the answer to UNBIND.
const FAREWELL: Duration = Duration::from_secs(2);
