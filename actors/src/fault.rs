//! Faults on demand, for tests of the running tree (feature `fault-injection`).

use actix::{Addr, Context, Handler};
use edgebind_kernel::InjectPanic;

use crate::{
    Endpoint, Units, binder::Binder, delivery::Delivery, link::Link, registrar::Registrar, sessions::Session,
    spool::SpoolUnit, things::Thing,
};

/// A unit of the tree.
#[derive(Clone, Debug)]
pub enum Victim {
    /// The link.
    Link,
    /// The binder.
    Binder,
    /// The unit that keeps the store open.
    Spool,
    /// The delivery.
    Delivery,
    /// The registrar.
    Registrar,
    /// The thing of this name.
    Thing(String),
    /// The session of this endpoint.
    Session(Endpoint),
    /// The supervisor of this name.
    Supervisor(&'static str),
}

impl Units {
    /// Makes a unit panic; false if it is not there.
    #[must_use]
    pub fn inject_panic(&self, victim: &Victim) -> bool {
        match victim {
            Victim::Link => strike(self.link()),
            Victim::Binder => strike(self.binder()),
            Victim::Spool => strike(self.spool_unit.resolve(&())),
            Victim::Delivery => strike(self.delivery()),
            Victim::Registrar => strike(self.registrar()),
            Victim::Thing(name) => strike(self.thing(name)),
            Victim::Session(endpoint) => strike(self.sessions.resolve(endpoint)),
            Victim::Supervisor(name) => strike(self.supervisors.resolve(name)),
        }
    }
}

fn strike<A>(unit: Option<std::sync::Arc<Addr<A>>>) -> bool
where
    A: Handler<InjectPanic> + actix::Actor<Context = Context<A>>,
{
    unit.is_some_and(|unit| unit.try_send(InjectPanic).is_ok())
}

macro_rules! may_panic {
    ($($unit:ty),*) => {$(
        impl Handler<InjectPanic> for $unit {
            type Result = ();

            fn handle(&mut self, fault: InjectPanic, _: &mut Context<Self>) {
                fault.strike();
            }
        }
    )*};
}
may_panic!(Link, Binder, SpoolUnit, Delivery, Registrar, Thing, Session);
