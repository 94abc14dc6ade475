//! A group that is known, but not used yet.

use serde::Deserialize;

/// The JSON text of a group the gateway does not act on; its presence is what matters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RawGroup {
    /// The group as JSON, without comments.
    pub json: String,
}
