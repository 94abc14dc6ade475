//! The platform over real sockets: edges, REST clients and browsers of a few lines each.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod arrivals;
mod connection;
mod crowd;
mod faults;
mod keeping;
mod live;
mod relay;
mod requests;
mod rest;
mod rights;
mod scenario;
mod subscriptions;
mod support;
