//! What the black-box tests share: real processes, real sockets, and one way to wait.
//!
//! A test file takes it in by `#[path = "support/all.rs"] mod support;`.
#![allow(dead_code, unused_imports, reason = "every test file uses a part of it")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

mod http;
mod port;
mod process;
mod recorder;
mod resource;
mod rest;
mod scripts;
mod server;
mod site;
mod wait;

pub(crate) use http::{Answer, Request, exchange};
pub(crate) use port::free_port;
pub(crate) use process::{Process, edgebind};
pub(crate) use recorder::{Recorder, Seen, rows_of};
pub(crate) use resource::Resource;
pub(crate) use rest::{Local, Rest, result};
pub(crate) use scripts::Scripts;
pub(crate) use server::Server;
pub(crate) use site::{EDGE_GATEWAY, Site, remote_thing};
pub(crate) use wait::{SOON, wait_for, wait_until};
