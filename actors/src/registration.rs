//! What the gateway knows of a thing behind it: an `auto_bind` entry or an AddEdgeThing (EMS notes, 3.7 and 7.3).

use std::{fmt, net::IpAddr, time::Duration};

use edgebind_alwayson::json::Inputs;
use secrecy::{ExposeSecret, SecretString};

use crate::ThingName;

/// One thing that the gateway binds, and where its requests go.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Name as bound.
    pub name: ThingName,
    /// HTTP server that answers for the thing.
    pub endpoint: Endpoint,
    /// Protocol as it was given; anything but `https` is spoken to in clear, as the original does.
    pub proto: String,
    /// Media type as it was given; shown and without effect.
    pub accept: String,
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
    const PROTO: &str = "http";
    const ACCEPT: &str = "application/json";
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
        let or = |given: String, default: &str| if given.is_empty() { default.to_owned() } else { given };
        let host = or(text("host")?, "localhost");
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')) {
            return Err(wrong("host", format!("{host:?}"), "a host name or address"));
        }
        let proto = or(text("proto")?, Self::PROTO);
        let path = if inputs.has("path") { text("path")? } else { "/".to_owned() };
        for (input, text) in [("proto", &proto), ("path", &path)] {
            if text.chars().any(char::is_control) {
                return Err(wrong(input, format!("{text:?}"), "a text without control characters"));
            }
        }
        Ok(Self {
            name,
            endpoint: Endpoint {
                scheme: Scheme::of(&proto),
                host,
                port: u16::try_from(port).map_err(|_| wrong("port", port, "a port from 1 to 65535"))?,
            },
            proto,
            accept: or(text("accept")?, Self::ACCEPT),
            path,
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
                scheme: Scheme::of(entry.proto.as_str()),
                host: entry.host.clone(),
                port: entry.port,
            },
            proto: entry.proto.as_str().to_owned(),
            accept: entry.accept.clone(),
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

    /// Whether both say the same in every point that outlives a restart.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.same_target(other)
            && self.name == other.name
            && self.proto == other.proto
            && self.accept == other.accept
            && self.keepalive == other.keepalive
            && self.timeout == other.timeout
            && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl RegistrationError {
    /// Whether the original answers such an AddEdgeThing as if it had registered something (EMS notes, 7.3).
    #[must_use]
    pub fn is_answered_ok(&self) -> bool {
        matches!(self, Self::Input { input: "port", .. })
    }
}

impl Scheme {
    pub(crate) fn of(proto: &str) -> Self {
        if proto.eq_ignore_ascii_case("https") { Self::Https } else { Self::Http }
    }
}

impl Endpoint {
    /// `host:port` as it stands in a URL.
    pub(crate) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Whether the endpoint is on the machine with `address`; a host name is looked up.
    pub(crate) async fn is_at(&self, address: IpAddr) -> bool {
        if let Ok(host) = self.host.parse::<IpAddr>() {
            return host == address;
        }
        let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
        match tokio::time::timeout(LOOKUP_DEADLINE, lookup).await {
            Ok(Ok(mut found)) => found.any(|found| found.ip() == address),
            _ => false,
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
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

fn wrong(input: &'static str, found: impl fmt::Display, wanted: &'static str) -> RegistrationError {
    RegistrationError::Input { input, found: found.to_string(), wanted }
}

const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Registration, RegistrationError> {
        Registration::from_inputs(&Inputs::from_json(json).unwrap())
    }

    #[test]
    fn a_name_is_enough() {
        let thing = read(r#"{"name":"T1"}"#).unwrap();
        assert_eq!(thing.endpoint.to_string(), "http://localhost:8001");
        assert_eq!((thing.path.as_str(), thing.proto.as_str()), ("/", "http"));
        assert_eq!((thing.keepalive.as_secs(), thing.timeout.as_secs()), (60, 30));
    }

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        let thing = read(r#"{"name":"T1","port":"8302","keepalive":6000,"timeout":"3000"}"#).unwrap();
        assert_eq!(thing.endpoint.port, 8302);
        assert_eq!((thing.keepalive.as_millis(), thing.timeout.as_millis()), (6000, 3000));
        assert_eq!(read(r#"{"name":"T1","keepalive":0}"#).unwrap().keepalive, Registration::MIN_KEEPALIVE);
    }

    #[test]
    fn any_protocol_is_kept_and_only_https_is_spoken_in_tls() {
        for (proto, scheme) in [("http", Scheme::Http), ("HTTPS", Scheme::Https), ("ftp", Scheme::Http)] {
            let thing = read(&format!(r#"{{"name":"T1","proto":"{proto}"}}"#)).unwrap();
            assert_eq!((thing.proto.as_str(), thing.endpoint.scheme), (proto, scheme));
        }
    }

    #[test]
    fn a_port_nobody_can_dial_is_the_one_mistake_that_is_not_told() {
        for port in ["0", "-1", "65536", "\"abc\"", "1.5", "1e99", "null", "[]", "{}", "true"] {
            let error = read(&format!(r#"{{"name":"T1","port":{port}}}"#)).unwrap_err();
            assert!(error.is_answered_ok(), "{port}: {error}");
        }
    }

    #[test]
    fn everything_else_that_is_wrong_is_refused_with_a_sentence() {
        for json in [
            r#"{}"#,
            r#"{"name":""}"#,
            r#"{"name":5}"#,
            r#"{"name":null}"#,
            r#"{"name":["T1"]}"#,
            r#"{"name":"*"}"#,
            r#"{"name":"a\u0000b"}"#,
            r#"{"name":"T1","host":"a b"}"#,
            r#"{"name":"T1","host":"a@b"}"#,
            r#"{"name":"T1","host":"a\r\nX: 1"}"#,
            r#"{"name":"T1","host":7}"#,
            r#"{"name":"T1","path":"/a\r\nX: 1"}"#,
            r#"{"name":"T1","path":{}}"#,
            r#"{"name":"T1","proto":"a\nb"}"#,
            r#"{"name":"T1","keepalive":-1}"#,
            r#"{"name":"T1","keepalive":"soon"}"#,
            r#"{"name":"T1","timeout":0}"#,
            r#"{"name":"T1","timeout":1e18}"#,
            r#"{"name":"T1","user":5}"#,
        ] {
            let error = read(json).unwrap_err();
            assert!(!error.is_answered_ok() && !error.to_string().is_empty(), "{json}");
        }
    }

    #[test]
    fn an_address_in_brackets_is_one_without() {
        let thing = read(r#"{"name":"T1","host":"[::1]","port":81}"#).unwrap();
        assert_eq!(thing.endpoint.to_string(), "http://[::1]:81");
    }
}
