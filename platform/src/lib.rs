//! A development platform: small, real, and right by the protocol notes.
//!
//! [`model`] is the pure core: things, values, bindings. [`start`] puts it behind `/Thingworx/WS`, a REST subset
//! and a page. It serves people who write agents and templates, and it is the other half of our tests; it is not
//! a platform for production: no users, no storage, no TLS.

mod faults;
pub mod model;
mod server;

pub use server::{
    AppKey, CallError, Counts, KeyError, News, Platform, Right, Rights, Settings, StartError, Watch, start,
};
