//! The platform over real sockets: edges, REST clients and browsers of a few lines each.

mod connection;
mod live;
mod requests;
mod rest;
mod subscriptions;
mod support;
