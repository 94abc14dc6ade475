//! Command line: one file a command, exit codes in one place.
//!
//! Exit codes: 0 fine, 1 failed, 2 wrong usage, 70 defect, 78 bad configuration.

use std::process::ExitCode;

/// Parses the command line and runs the command.
pub(crate) fn main() -> ExitCode {
    ExitCode::SUCCESS
}
