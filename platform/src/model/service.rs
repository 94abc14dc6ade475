//! A service of a thing that runs at the edge, as the platform declares it.

use edgebind_alwayson::{BaseType, Field};

/// Declaration of a remote service; it looks like a local one and runs at the edge.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDefinition {
    /// Name on the platform.
    pub name: String,
    /// Text for people, empty if there is none.
    pub description: String,
    /// Name at the edge.
    pub remote_name: String,
    /// Parameters, in order.
    pub inputs: Vec<Field>,
    /// Type of the result, `NOTHING` for none.
    pub output: BaseType,
}
