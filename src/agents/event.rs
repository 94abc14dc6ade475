//! What happens to agents, for people and for tests.

use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Something that happened to one thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Event {
    /// Name under which the thing is bound.
    #[serde(serialize_with = "text")]
    pub(crate) thing: Arc<str>,
    /// What happened.
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum What {
    /// AddEdgeThing was answered with 200.
    Registered,
    /// AddEdgeThing failed, or the registration is gone.
    Unregistered {
        /// What was answered, or why nothing was.
        reason: String,
    },
    /// The platform's subscriptions are known.
    Subscribed {
        /// How many properties are subscribed.
        properties: usize,
    },
    /// A push was answered.
    Pushed {
        /// Number of the simulation's step, the value of `count`.
        sequence: u32,
        /// Values in the push.
        rows: usize,
        /// HTTP status; 200 and 202 count as accepted.
        status: u16,
    },
    /// A push was not answered.
    PushFailed {
        /// Number of the simulation's step.
        sequence: u32,
        /// Why.
        reason: String,
    },
    /// An event was answered.
    Fired {
        /// Counts the events of this thing from 1.
        number: u64,
        /// HTTP status.
        status: u16,
    },
    /// The platform wrote a property.
    Written {
        /// Its name.
        property: String,
    },
    /// The platform called a service.
    Called {
        /// Its name.
        service: String,
    },
    /// RemoveEdgeThing was answered with 200.
    Removed,
    /// A defect of the simulation itself; the thing starts again.
    Crashed {
        /// The panic's text.
        text: String,
    },
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
