//! The code byte of a message: method or status (protocol notes, section 3.1).

use std::fmt;

/// Method or status of a message, one byte on the wire.
///
/// Codes without a name are legal on the wire and keep their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u8);

impl Code {
    /// Read a property.
    pub const GET: Self = Self(0x01);
    /// Write a property.
    pub const PUT: Self = Self(0x02);
    /// Call a service or fire an event.
    pub const POST: Self = Self(0x03);
    /// Exists on the wire, has no known use.
    pub const DELETE: Self = Self(0x04);
    /// Associates names with the connection.
    pub const BIND: Self = Self(0x0A);
    /// Ends the association of names with the connection.
    pub const UNBIND: Self = Self(0x0B);
    /// Authenticates the connection.
    pub const AUTH: Self = Self(0x14);
    /// Dropped by the reference client.
    pub const KEEP_ALIVE: Self = Self(0x1F);
    /// 2.00
    pub const SUCCESS: Self = Self(0x40);
    /// 4.00
    pub const BAD_REQUEST: Self = Self(0x80);
    /// 4.01
    pub const UNAUTHORIZED: Self = Self(0x81);
    /// 4.02
    pub const BAD_OPTION: Self = Self(0x82);
    /// 4.03
    pub const FORBIDDEN: Self = Self(0x83);
    /// 4.04
    pub const NOT_FOUND: Self = Self(0x84);
    /// 4.05
    pub const METHOD_NOT_ALLOWED: Self = Self(0x85);
    /// 4.06
    pub const NOT_ACCEPTABLE: Self = Self(0x86);
    /// 4.12
    pub const PRECONDITION_FAILED: Self = Self(0x8C);
    /// 4.13
    pub const ENTITY_TOO_LARGE: Self = Self(0x8D);
    /// 4.15
    pub const UNSUPPORTED_CONTENT_FORMAT: Self = Self(0x8F);
    /// 5.00
    pub const INTERNAL_SERVER_ERROR: Self = Self(0xA0);
    /// 5.01
    pub const NOT_IMPLEMENTED: Self = Self(0xA1);
    /// 5.02
    pub const BAD_GATEWAY: Self = Self(0xA2);
    /// 5.03
    pub const SERVICE_UNAVAILABLE: Self = Self(0xA3);
    /// 5.04
    pub const GATEWAY_TIMEOUT: Self = Self(0xA4);

    /// The code that `name` (as in [`Code::name`], or `0x41`) stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(hex) = name.strip_prefix("0x") {
            return u8::from_str_radix(hex, 16).ok().map(Self);
        }
        NAMES.iter().find(|(_, known)| *known == name).map(|(code, _)| *code)
    }

    /// Name of the code in the protocol notes, `None` for a number without one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(code, _)| *code == self).map(|(_, name)| *name)
    }

    /// Whether the code belongs to a response (0x40 and above).
    #[must_use]
    pub const fn is_response(self) -> bool {
        self.0 >= 0x40
    }

    /// Whether the code says that a request succeeded: 0x40 is sent, 0x40-0x5F are accepted.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.0, 0x40..=0x5F)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const NAMES: &[(Code, &str)] = &[
    (Code(0x00), "UNKNOWN"),
    (Code::GET, "GET"),
    (Code::PUT, "PUT"),
    (Code::POST, "POST"),
    (Code::DELETE, "DELETE"),
    (Code::BIND, "BIND"),
    (Code::UNBIND, "UNBIND"),
    (Code::AUTH, "AUTH"),
    (Code::KEEP_ALIVE, "KEEP_ALIVE"),
    (Code::SUCCESS, "SUCCESS"),
    (Code::BAD_REQUEST, "BAD_REQUEST"),
    (Code::UNAUTHORIZED, "UNAUTHORIZED"),
    (Code::BAD_OPTION, "BAD_OPTION"),
    (Code::FORBIDDEN, "FORBIDDEN"),
    (Code::NOT_FOUND, "NOT_FOUND"),
    (Code::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
    (Code::NOT_ACCEPTABLE, "NOT_ACCEPTABLE"),
    (Code::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
    (Code::ENTITY_TOO_LARGE, "ENTITY_TOO_LARGE"),
    (Code::UNSUPPORTED_CONTENT_FORMAT, "UNSUPPORTED_CONTENT_FORMAT"),
    (Code::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
    (Code::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
    (Code::BAD_GATEWAY, "BAD_GATEWAY"),
    (Code::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
    (Code::GATEWAY_TIMEOUT, "GATEWAY_TIMEOUT"),
];
