//! A development platform: small, real, and right by the protocol notes.
//!
//! [`model`] is the pure core: things, values, bindings. [`start`] puts it behind `/Thingworx/WS`, a REST subset
//! and a page. It serves people who write agents and templates, and it is the other half of our tests; it is not
//! a platform for production: no users, no storage, no TLS. [`relay`] is a network that misbehaves on request, in
//! front of the platform or of any other party.

mod faults;
pub mod model;
pub mod relay;
mod server;

pub use server::{
    AppKey, CallError, Counts, KeyError, News, Platform, Right, Rights, Settings, StartError, Watch, start,
};
