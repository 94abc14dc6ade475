//! The actors of the gateway, and the decisions that they carry out.
//!
//! One folder a kind of actor: [`link`] (the connection to the platform), [`binder`] (desired against actual),
//! [`delivery`] (updates in order, kept while they cannot go),
//! [`things`], [`sessions`] (HTTP to the script resources), [`registrar`], [`spool`] (the durable store). [`tree`] puts them
//! under supervision.

pub mod binder;
pub mod delivery;
pub mod link;
pub mod local;
pub mod registrar;
pub mod sessions;
pub mod spool;
pub mod things;
pub mod tree;

#[cfg(feature = "fault-injection")]
pub mod fault;
mod journal;
mod name;
mod proxy;
mod registration;
mod registry;
mod reply;
mod roster;
mod tcp;
mod units;
mod upstream;

pub use journal::{Journal, JournalHealth};
pub use name::{NameError, ThingName};
pub use proxy::{Proxy, ProxyError};
pub use registration::{Endpoint, Registration, RegistrationError, Scheme, Source};
pub use registry::Registry;
pub use roster::{BindState, Conflict, EndpointStanding, EndpointState, Refusal, Roster, Standing};
pub use units::Units;
pub use upstream::relay;

#[cfg(test)]
mod tests {
    /// A point in time for tests of pure code: all others are counted from it.
    #[expect(clippy::disallowed_methods, reason = "the tests have no other source of an Instant")]
    pub(crate) fn instant() -> std::time::Instant {
        std::time::Instant::now()
    }
}
