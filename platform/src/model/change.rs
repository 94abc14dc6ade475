//! What happened to the model, for those who watch it: the page's live socket and the account of `demo`.

use edgebind_alwayson::Content;

use super::Sample;

/// One change of the model; all times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A thing was created.
    Added {
        /// Name of the thing.
        thing: String,
    },
    /// A thing was deleted, or an ephemeral one went with its connection.
    Removed {
        /// Name of the thing.
        thing: String,
    },
    /// An edge bound the thing: `isConnected` is true now.
    Bound {
        /// Name of the thing.
        thing: String,
        /// When.
        time: i64,
    },
    /// The thing lost its connection: `isConnected` is false now.
    Unbound {
        /// Name of the thing.
        thing: String,
        /// When.
        time: i64,
    },
    /// Properties, services or remote bindings of the thing are other ones now.
    Defined {
        /// Name of the thing.
        thing: String,
    },
    /// A property has a new value.
    Value {
        /// Name of the thing.
        thing: String,
        /// Name of the property on the platform.
        property: String,
        /// Value, time and quality.
        sample: Sample,
    },
    /// The edge fired an event.
    Event {
        /// Name of the thing.
        thing: String,
        /// Name of the event.
        event: String,
        /// When.
        time: i64,
        /// Event data.
        data: Content,
    },
}

impl Change {
    /// Name of the thing that changed.
    #[must_use]
    pub fn thing(&self) -> &str {
        match self {
            Self::Added { thing }
            | Self::Removed { thing }
            | Self::Bound { thing, .. }
            | Self::Unbound { thing, .. }
            | Self::Defined { thing }
            | Self::Value { thing, .. }
            | Self::Event { thing, .. } => thing,
        }
    }
}
