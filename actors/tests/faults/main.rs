//! One bad neighbour harms only itself: faults in the running tree, between a real platform and real endpoints.
//!
//! After each fault all other things answer as before, which is seen by requests that the platform's callers make.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by them")]

mod agents_in_tls;
#[path = "../../../tls/src/test_certificates.rs"]
mod certificates;
mod deliveries;
mod endpoints;
mod floods;
mod hostile;
mod names;
mod panics;
mod plant;
mod strangers;
