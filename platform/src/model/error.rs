//! Why a read, a write or a call was not carried out.

use edgebind_alwayson::Code;

/// Refusal by the model, as a sentence for people and a status for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No thing has this name or identifier.
    #[error("thing {0} does not exist")]
    UnknownThing(String),
    /// The thing has no such property.
    #[error("thing {thing} has no property {property}")]
    UnknownProperty {
        /// Name of the thing.
        thing: String,
        /// Name that was asked for.
        property: String,
    },
    /// The thing offers no such service.
    #[error("thing {thing} has no service {service}")]
    UnknownService {
        /// Name of the thing.
        thing: String,
        /// Name that was asked for.
        service: String,
    },
    /// A property that the platform keeps by itself.
    #[error("property {property} of thing {thing} can be read only")]
    ReadOnly {
        /// Name of the thing.
        thing: String,
        /// Name of the property.
        property: String,
    },
    /// No edge has bound the thing.
    #[error("thing {0} is not connected")]
    NotConnected(String),
    /// A value or parameter that does not fit its declaration.
    #[error("value of {name}: {problem}")]
    BadValue {
        /// Property or parameter.
        name: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Parameters that cannot be understood as a whole.
    #[error("{0}")]
    BadParams(String),
    /// Another thing has this name.
    #[error("thing {0} exists already")]
    NameTaken(String),
    /// Another thing has this identifier.
    #[error("identifier {0} belongs to another thing already")]
    IdentifierTaken(String),
    /// Text that cannot be a name or identifier.
    #[error("{0:?} is no name: 1 to 255 bytes without control characters and without a leading *")]
    BadName(String),
    /// A thing cannot have more properties or services.
    #[error("thing {0} has as many properties or services as a thing can have")]
    Full(String),
    /// The property of the edge stands behind another property already.
    #[error("{remote} at the edge stands behind property {property} of thing {thing} already")]
    AlreadyBound {
        /// Name of the thing.
        thing: String,
        /// Property that is bound to it.
        property: String,
        /// Name at the edge.
        remote: String,
    },
    /// The thing has a service of this name that stands for another one.
    #[error("thing {thing} has another service {service} already")]
    ServiceTaken {
        /// Name of the thing.
        thing: String,
        /// Name of the service.
        service: String,
    },
    /// A name that the platform itself gives to a property of every thing.
    #[error("property {0} is one that every thing has already")]
    BuiltIn(String),
    /// An answer to GetMetadata that cannot be read.
    #[error("the edge's answer to GetMetadata is not understood: {0}")]
    BadMetadata(String),
    /// The edge does not offer what was asked for.
    #[error("thing {thing} offers no {kind} {names} at the edge")]
    NotOfferedRemotely {
        /// Name of the thing.
        thing: String,
        /// `property` or `service`.
        kind: &'static str,
        /// Names that are not offered.
        names: String,
    },
    /// A collection that this platform does not have.
    #[error("{0} is not offered by this platform")]
    NotOffered(String),
    /// A method that means nothing for this target.
    #[error("{0} is not possible here")]
    BadMethod(String),
}

impl AccessError {
    /// Status of the refusal on the wire (protocol notes, section 13).
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownThing(_)
            | Self::UnknownProperty { .. }
            | Self::UnknownService { .. }
            | Self::NotOfferedRemotely { .. }
            | Self::NotOffered(_) => Code::NOT_FOUND,
            Self::ReadOnly { .. } | Self::BadMethod(_) => Code::METHOD_NOT_ALLOWED,
            Self::NotConnected(_) => Code::SERVICE_UNAVAILABLE,
            Self::BadValue { .. } | Self::BadParams(_) | Self::BadName(_) | Self::BuiltIn(_) => {
                Code::BAD_REQUEST
            }
            Self::BadMetadata(_) => Code::BAD_GATEWAY,
            Self::NameTaken(_)
            | Self::IdentifierTaken(_)
            | Self::AlreadyBound { .. }
            | Self::ServiceTaken { .. } => Code::PRECONDITION_FAILED,
            Self::Full(_) => Code::ENTITY_TOO_LARGE,
        }
    }
}
