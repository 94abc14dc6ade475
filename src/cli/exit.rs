//! Exit codes, as service managers and scripts see them.

use std::process::ExitCode;

/// A part of the gateway has failed for good; the service manager starts us again (EX_SOFTWARE).
pub(super) fn defect() -> ExitCode {
    ExitCode::from(70)
}

/// The configuration must be changed first (EX_CONFIG).
pub(super) fn configuration() -> ExitCode {
    ExitCode::from(78)
}

/// The command line asks for something that does not exist.
pub(super) fn usage() -> ExitCode {
    ExitCode::from(2)
}
