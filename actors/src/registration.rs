//! What the gateway knows of a thing behind it: an `auto_bind` entry or an AddEdgeThing (EMS notes, 3.7 and 7.3).

use std::{fmt, time::Duration};

use edgebind_alwayson::json::Inputs;
use secrecy::SecretString;

use crate::ThingName;

/// One thing that the gateway binds, and where its requests go.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Name as bound.
    pub name: ThingName,
    /// HTTP server that answers for the thing.
    pub endpoint: Endpoint,
    /// Prefix of every path, as it was given: the original does not trim it either (EMS notes, 9.1).
    pub path: String,
    /// Interval of the probe of the endpoint, at least [`Registration::MIN_KEEPALIVE`].
    pub keepalive: Duration,
    /// How long a request to the endpoint may take.
    pub timeout: Duration,
    /// User of HTTP Basic authentication towards the endpoint, empty for none.
    pub user: String,
    /// Password that belongs to `user`.
    pub password: SecretString,
    /// Where the registration comes from.
    pub source: Source,
}

/// Address of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host name or address, an IPv6 address without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

/// Scheme of an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

/// Origin of a registration; it decides what a dead endpoint means (design: end of a registration).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An `auto_bind` entry: never unbound for a dead endpoint.
    AutoBind,
    /// An `auto_bind` entry with `gateway` true: the gateway answers by itself.
    Gateway,
    /// AddEdgeThing: unbound when the endpoint is dead.
    Dynamic,
}

/// Why the inputs of AddEdgeThing are no registration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Without a name nothing can be bound.
    #[error("AddEdgeThing needs the input 'name'")]
    NameMissing,
    /// The name cannot be bound.
    #[error(transparent)]
    Name(#[from] crate::NameError),
    /// An input is of another type or out of range.
    #[error("the input '{input}' is {found}, it must be {wanted}")]
    Input {
        /// Name of the input.
        input: &'static str,
        /// What was found.
        found: String,
        /// What is possible.
        wanted: &'static str,
    },
}

impl Registration {
    /// Shortest probe interval; shorter ones are raised to it (EMS notes, 16: 0 probed without pause).
    pub const MIN_KEEPALIVE: Duration = Duration::from_secs(1);
    const KEEPALIVE_MS: i64 = 60_000;
    const TIMEOUT_MS: i64 = 30_000;
    const PORT: i64 = 8001;
    /// A day: longer intervals and waits are certainly mistakes of unit.
    const LONGEST_MS: i64 = 86_400_000;

    /// Reads the inputs of AddEdgeThing, with the defaults of the EMS notes, 7.3.
    ///
    /// # Errors
    ///
    /// [`RegistrationError`] names the input.
    pub fn from_inputs(inputs: &Inputs) -> Result<Self, RegistrationError> {
        let name = match inputs.text("name") {
            Some(name) => ThingName::parse(name)?,
            None if inputs.has("name") => return Err(wrong("name", "not a text", "a text")),
            None => return Err(RegistrationError::NameMissing),
        };
        let text = |input: &'static str| match inputs.text(input) {
            Some(text) => Ok(text.to_owned()),
            None if inputs.has(input) => Err(wrong(input, "not a text", "a text")),
            None => Ok(String::new()),
        };
        let number =
            |input: &'static str, default: i64, range: std::ops::RangeInclusive<i64>, wanted| match inputs
                .integer(input)
            {
                Some(number) if range.contains(&number) => Ok(number),
                Some(number) => Err(wrong(input, number, wanted)),
                None if inputs.has(input) => Err(wrong(input, "not a number", wanted)),
                None => Ok(default),
            };
        let port = number("port", Self::PORT, 1..=65_535, "a port from 1 to 65535")?;
        let keepalive = number("keepalive", Self::KEEPALIVE_MS, 0..=Self::LONGEST_MS, "0 to 86400000 ms")?;
        let timeout = number("timeout", Self::TIMEOUT_MS, 1..=Self::LONGEST_MS, "1 to 86400000 ms")?;
        let host =
            Some(text("host")?).filter(|host| !host.is_empty()).unwrap_or_else(|| "localhost".to_owned());
        if host.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '/' | '?' | '#' | '@')) {
            return Err(wrong("host", format!("{host:?}"), "a host name or address"));
        }
        Ok(Self {
            name,
            endpoint: Endpoint {
                scheme: Scheme::parse(&text("proto")?)?,
                host,
                port: u16::try_from(port).map_err(|_| wrong("port", port, "a port from 1 to 65535"))?,
            },
            path: Some(text("path")?).filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned()),
            keepalive: Duration::from_millis(keepalive.unsigned_abs()).max(Self::MIN_KEEPALIVE),
            timeout: Duration::from_millis(timeout.unsigned_abs()),
            user: text("user")?,
            password: text("password")?.into(),
            source: Source::Dynamic,
        })
    }

    /// Reads an `auto_bind` entry.
    ///
    /// # Errors
    ///
    /// [`crate::NameError`] if the entry's name cannot be bound.
    pub fn from_auto_bind(entry: &edgebind_config::AutoBind) -> Result<Self, RegistrationError> {
        Ok(Self {
            name: ThingName::parse(&entry.name)?,
            endpoint: Endpoint {
                scheme: Scheme::parse(entry.protocol.as_str())?,
                host: entry.host.clone(),
                port: entry.port,
            },
            path: entry.path.clone(),
            keepalive: entry.keepalive.max(Self::MIN_KEEPALIVE),
            timeout: entry.timeout,
            user: entry.user.clone().unwrap_or_default(),
            password: entry.password.clone().unwrap_or_default(),
            source: if entry.gateway { Source::Gateway } else { Source::AutoBind },
        })
    }

    /// Whether both send their requests to the same place in the same way, so that nothing has to be bound anew.
    #[must_use]
    pub fn same_target(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint && self.path == other.path && self.user == other.user
    }
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, RegistrationError> {
        match text {
            "" => Ok(Self::Http),
            text if text.eq_ignore_ascii_case("http") => Ok(Self::Http),
            text if text.eq_ignore_ascii_case("https") => Ok(Self::Https),
            text => Err(wrong("proto", format!("{text:?}"), "http or https")),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{}://[{}]:{}", self.scheme, self.host, self.port)
        } else {
            write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
        }
    }
}

fn wrong(input: &'static str, found: impl fmt::Display, wanted: &'static str) -> RegistrationError {
    RegistrationError::Input { input, found: found.to_string(), wanted }
}
