//! Faults on demand, for tests of whole trees (feature `fault-injection`).

use actix::{Context, Handler, Message};

use crate::Supervisor;

/// Makes whoever handles it panic, as a defect would.
#[derive(Clone, Copy, Debug)]
pub struct InjectPanic;

impl Message for InjectPanic {
    type Result = ();
}

impl InjectPanic {
    /// The defect.
    ///
    /// # Panics
    ///
    /// Always.
    pub fn strike(self) {
        panic!("injected fault");
    }
}

impl Handler<InjectPanic> for Supervisor {
    type Result = ();

    fn handle(&mut self, fault: InjectPanic, _: &mut Context<Self>) {
        fault.strike();
    }
}
