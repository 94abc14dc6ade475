//! The configuration of the gateway: `config.json` as deployments of the original have it, with the defaults the
//! original really uses (EMS notes, 3), and a few groups of our own.
//!
//! A text goes through five steps: `jsonc-parser` reads it with positions; the *schema* gives every key its canonical
//! spelling, its kind and its range; the `config` crate lays environment and flags over the file; serde makes a
//! [`Config`] of it; a last look compares keys with each other. Every complaint is a [`Diagnostic`] that knows file,
//! line, column and key, and shows the line with a caret.
//!
//! The crate reads the configuration file and the files that secrets refer to, and nothing else; the environment is
//! handed in by the caller. It writes only in [`edit`], when a service of the original asks for it.

mod credentials;
mod diagnostic;
mod document;
pub mod edit;
pub mod explain;
mod layers;
mod load;
mod mask;
pub mod migrate;
mod model;
mod node;
mod normalise;
mod report;
mod schema;
mod sealed;
mod secrets;
mod settings;
mod state_dir;
mod validate;

pub use credentials::Credentials;
pub use diagnostic::{Code, Diagnostic, Excerpt, Severity};
pub use load::{Document, FileText, LoadError, Loaded, Origin, Origins, Sources, load};
pub use model::{
    AutoBind, Certificates, Config, Edgebind, Encryption, Fips, HttpServer, LogFormat, LogLevel, Logger,
    NameConflict, Observability, OfflineStore, Protocol, Proxy, RawGroup, Server, WsConnection,
};
pub use sealed::{InstallKey, SealError};
pub use settings::{Difference, Settings};
pub use state_dir::{configured_state_dir, usual_state_dir};
