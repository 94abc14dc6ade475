//! The relay over real sockets: every fault has a test that sees its effect.

mod control;
mod edges;
mod peers;
mod plain;
