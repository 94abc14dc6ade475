//! The platform over real sockets: edges, REST clients and browsers of a few lines each.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod connection;
mod crowd;
mod live;
mod relay;
mod requests;
mod rest;
mod subscriptions;
mod support;
