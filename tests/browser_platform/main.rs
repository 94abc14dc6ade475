//! The page of the development platform in a real browser, against real processes (scenario D).
#![cfg(all(unix, feature = "dev"))]

mod browser;
mod looks;
mod processes;
mod scenario;
