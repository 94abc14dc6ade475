//! Whole messages, as both ends think of them (protocol notes, sections 3 and 5).

use std::fmt;

use bytes::Bytes;

use crate::{Code, InfoTable, Value};

/// One AlwaysOn message; multipart ones are already joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Chosen by the requester, repeated in the response.
    pub request_id: u32,
    /// Routing mark of a connection server; an edge sends 0 and copies what it received (section 3.3).
    pub endpoint_id: u32,
    /// Assigned by the platform's answer to AUTH (section 3.2).
    pub session_id: u32,
    /// What the message says.
    pub body: Body,
}

/// What a message says; the kind follows from the code of its header.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// GET, PUT, POST or DELETE.
    Request(Request),
    /// Code 0x40 and above.
    Response(Response),
    /// AUTH.
    Auth(Auth),
    /// BIND or UNBIND.
    Bind(Bind),
    /// A code without a known body, kept as it came.
    Other {
        /// Code below 0x40.
        code: Code,
        /// Whole body.
        bytes: Bytes,
    },
}

/// Read, write, call or event (section 5.1).
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Verb.
    pub method: Method,
    /// Collection of the entity.
    pub entity_type: EntityType,
    /// Name of the entity as bound, a leading `*` for an identifier.
    pub entity: String,
    /// What of the entity is meant.
    pub characteristic: Characteristic,
    /// Name of the property, service or event; may be empty or `*` for all properties.
    pub name: String,
    /// Name and value pairs; senders put none, receivers skip them.
    pub headers: Vec<(String, String)>,
    /// Parameters.
    pub params: Content,
}

/// Verb of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read a property.
    Get,
    /// Write a property.
    Put,
    /// Call a service or fire an event.
    Post,
    /// No known use.
    Delete,
}

/// Answer to any request, AUTH and BIND included (section 5.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Status, 0x40 and above.
    pub code: Code,
    /// Text for people.
    pub reason: Option<String>,
    /// Result.
    pub content: Content,
}

/// Content field of a request or response (section 4.5).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content {
    /// No content.
    #[default]
    Nothing,
    /// A table, the only form that is sent.
    Table(InfoTable),
    /// A bare value: accepted, never sent by ourselves.
    Bare(Value),
}

/// First message of a connection (section 5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// Name and value pairs; the application key is the claim `appKey`.
    pub claims: Vec<Claim>,
}

/// One claim of [`Auth`]; its value is a secret and not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// Name, for example `appKey`.
    pub name: String,
    /// Secret value.
    pub value: String,
}

/// BIND or UNBIND (section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// True for UNBIND.
    pub unbind: bool,
    /// Marker that names the connection itself (section 7.4).
    pub gateway: Option<Gateway>,
    /// Names of things, or identifiers with a leading `*`.
    pub names: Vec<String>,
}

/// Gateway marker of a BIND (section 7.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Name of the gateway thing.
    pub name: String,
    /// Template, for example `EMSGateway`.
    pub template: String,
}

/// What of an entity a request means (section 5.1); other numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Characteristic {
    /// 1
    Properties,
    /// 2
    Services,
    /// 3
    Events,
    /// A number without a meaning known to us.
    Other(u8),
}

/// Collection of an entity (section 5.1); numbers without a name are legal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntityType(pub u8);

impl Body {
    /// Code that the header of this body carries.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Request(request) => request.method.code(),
            Self::Response(response) => response.code,
            Self::Auth(_) => Code::AUTH,
            Self::Bind(bind) if bind.unbind => Code::UNBIND,
            Self::Bind(_) => Code::BIND,
            Self::Other { code, .. } => *code,
        }
    }
}

impl Request {
    /// A request to a thing without headers.
    #[must_use]
    pub fn thing(
        method: Method,
        entity: impl Into<String>,
        characteristic: Characteristic,
        name: impl Into<String>,
        params: Content,
    ) -> Self {
        Self {
            method,
            entity_type: EntityType::THINGS,
            entity: entity.into(),
            characteristic,
            name: name.into(),
            headers: Vec::new(),
            params,
        }
    }
}

impl Response {
    /// Success without content.
    #[must_use]
    pub const fn success() -> Self {
        Self { code: Code::SUCCESS, reason: None, content: Content::Nothing }
    }

    /// Success with a table.
    #[must_use]
    pub const fn table(table: InfoTable) -> Self {
        Self { code: Code::SUCCESS, reason: None, content: Content::Table(table) }
    }

    /// An error with a reason.
    #[must_use]
    pub fn error(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: Some(reason.into()), content: Content::Nothing }
    }
}

impl Content {
    /// The table, if there is one.
    #[must_use]
    pub const fn as_table(&self) -> Option<&InfoTable> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }
}

impl Method {
    /// Code of the verb.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Get => Code::GET,
            Self::Put => Code::PUT,
            Self::Post => Code::POST,
            Self::Delete => Code::DELETE,
        }
    }

    /// Verb of a code.
    #[must_use]
    pub const fn from_code(code: Code) -> Option<Self> {
        match code {
            Code::GET => Some(Self::Get),
            Code::PUT => Some(Self::Put),
            Code::POST => Some(Self::Post),
            Code::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

impl Auth {
    /// Authentication by application key.
    #[must_use]
    pub fn app_key(key: impl Into<String>) -> Self {
        Self { claims: vec![Claim { name: "appKey".to_owned(), value: key.into() }] }
    }

    /// Value of the claim `name`.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.iter().find(|claim| claim.name == name).map(|claim| claim.value.as_str())
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.claims).finish()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.name)
    }
}

impl Characteristic {
    /// Number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Properties => 1,
            Self::Services => 2,
            Self::Events => 3,
            Self::Other(number) => number,
        }
    }

    /// Characteristic of a number.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Properties,
            2 => Self::Services,
            3 => Self::Events,
            other => Self::Other(other),
        }
    }

    /// Name as in a URL; `None` for a number without one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Properties => Some("Properties"),
            Self::Services => Some("Services"),
            Self::Events => Some("Events"),
            Self::Other(_) => None,
        }
    }
}

impl EntityType {
    /// What an unknown collection is sent as.
    pub const UNDEFINED: Self = Self(0x00);
    /// `Things`.
    pub const THINGS: Self = Self(0x0A);

    /// Type of a collection name as in a URL.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        COLLECTIONS.iter().find(|(_, known)| *known == name).map(|(number, _)| Self(*number))
    }

    /// Collection name as in a URL; `None` for a number without one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        COLLECTIONS.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }
}

impl fmt::Debug for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

const COLLECTIONS: &[(u8, &str)] = &[
    (0x0A, "Things"),
    (0x0B, "ThingShapes"),
    (0x0C, "ThingTemplates"),
    (0x0D, "ThingPackages"),
    (0x0E, "Networks"),
    (0x0F, "DataShapes"),
    (0x14, "ModelTags"),
    (0x15, "DataTags"),
    (0x1E, "Mashups"),
    (0x1F, "Widgets"),
    (0x20, "StyleDefinitions"),
    (0x21, "StateDefinitions"),
    (0x22, "Menus"),
    (0x23, "MediaEntities"),
    (0x24, "LocalizationTables"),
    (0x27, "Dashboards"),
    (0x28, "Logs"),
    (0x32, "Users"),
    (0x33, "Groups"),
    (0x34, "Organizations"),
    (0x35, "ApplicationKeys"),
    (0x36, "DirectoryServices"),
    (0x3C, "Resources"),
    (0x3D, "ScriptFunctionLibraries"),
    (0x46, "ExtensionPackages"),
    (0x50, "Subsystems"),
];
