//! Keeps a flooded actor from starving its neighbours.

use actix::{Actor, AsyncContext, Context, fut::wrap_future};

/// Counts handled messages and gives way after every 64.
///
/// actix drains a mailbox without giving way: while messages come in as fast as they are handled, no other actor and
/// no timer on the same arbiter runs. An actor that is fed from outside calls [`tick`](Self::tick) in its handlers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fairness {
    handled: u8,
}

impl Fairness {
    /// Messages handled in one go.
    pub const BATCH: u8 = 64;

    /// Counts one message; after [`BATCH`](Self::BATCH) of them the actor lets the others run once.
    pub fn tick<A: Actor<Context = Context<A>>>(&mut self, ctx: &mut Context<A>) {
        self.handled += 1;
        if self.handled >= Self::BATCH {
            self.handled = 0;
            ctx.wait(wrap_future::<_, A>(tokio::task::yield_now()));
        }
    }
}
