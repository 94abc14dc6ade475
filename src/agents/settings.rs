//! What to simulate, and whether that is possible.

use std::io;
use std::time::Duration;

use secrecy::SecretString;

/// Everything that can be chosen about a set of simulated agents.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Host and port of the gateway's HTTP server, as in `127.0.0.1:8000`.
    pub(crate) gateway: String,
    /// Basic credentials that the gateway demands.
    pub(crate) credentials: Option<Credentials>,
    /// Which things there are.
    pub(crate) names: Names,
    /// Registers as `*identifier`; with several things `*identifier-0001` and so on.
    pub(crate) identifier: Option<String>,
    /// Where to listen, and what the gateway is told; a name or an address.
    pub(crate) host: String,
    /// First port, one for each thing; 0 lets the system choose.
    pub(crate) port: u16,
    /// All things on one port, as the scripts of one script resource.
    pub(crate) shared_port: bool,
    /// Pushes per second and thing; 0 pushes only after a registration and a write.
    pub(crate) rate_per_s: f64,
    /// Properties of each thing, at least the four that every thing has.
    pub(crate) properties: usize,
    /// Registers with the gateway; without, the things are served and pushed only.
    pub(crate) register: bool,
    /// Pushes everything, whatever the platform subscribes to.
    pub(crate) push_all: bool,
    /// Time between two HasEdgeThing, and the `keepalive` that is sent with the registration.
    pub(crate) keepalive: Duration,
    /// Time from a failed registration or subscription to the next attempt.
    pub(crate) retry: Duration,
    /// The `timeout` that is sent with the registration: how long the gateway waits for the endpoint.
    pub(crate) timeout: Duration,
    /// How long a request to the gateway may take.
    pub(crate) deadline: Duration,
    /// Fires the event `Heartbeat` this often.
    pub(crate) event_every: Option<Duration>,
    /// Requests to the gateway at the same time, over all things.
    pub(crate) connections: usize,
    /// Keeps connections to the gateway open; a script resource opens one for each request.
    pub(crate) keep_connections: bool,
}

/// User and password for Basic authentication.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// User.
    pub(crate) user: String,
    /// Password.
    pub(crate) password: SecretString,
}

/// Names of the things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// One thing of exactly this name.
    Exact(String),
    /// `prefix-0001`, `prefix-0002` and so on.
    Numbered {
        /// What stands before the number.
        prefix: String,
        /// How many.
        count: usize,
    },
}

/// Why the agents could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StartError {
    /// The gateway is not given as host and port.
    #[error("gateway address {0:?} is not host:port, for example 127.0.0.1:8000")]
    Gateway(String),
    /// No thing at all.
    #[error("count 0 simulates nothing: 1 or more is needed")]
    Count,
    /// An empty name, prefix or identifier.
    #[error("a name, prefix or identifier must not be empty")]
    EmptyName,
    /// A rate that is no number of pushes.
    #[error("rate {0} is not a number of pushes per second from 0 to 1000")]
    Rate(f64),
    /// Not one request at a time is allowed.
    #[error("connections 0 allows no request: 1 or more is needed")]
    Connections,
    /// Ports beyond the last one.
    #[error("{count} ports from {first} on end after 65535: use a lower port, port 0 or one port for all")]
    Ports {
        /// The first port.
        first: u16,
        /// How many are needed.
        count: usize,
    },
    /// The host has no address.
    #[error("host {0:?} has no address on this machine")]
    Host(String),
    /// The operating system allows no further open files.
    #[error(
        "{opened} of {wanted} ports are open, then the limit of open files was reached: \
         raise `ulimit -n` or use one port for all (--shared-port)"
    )]
    OpenFiles {
        /// Ports that were opened.
        opened: usize,
        /// Ports that are needed.
        wanted: usize,
    },
    /// An address is taken, or not ours.
    #[error("{host}:{port} cannot be listened on")]
    Listen {
        /// Host as given.
        host: String,
        /// Port, 0 for any.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The address of an open port cannot be read.
    #[error("the address of an open port cannot be read")]
    Local(#[source] io::Error),
    /// The HTTP server could not take a listener.
    #[error("the HTTP server cannot use an open port")]
    Server(#[source] io::Error),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            gateway: "127.0.0.1:8000".to_owned(),
            credentials: None,
            names: Names::Numbered { prefix: "Agent".to_owned(), count: 1 },
            identifier: None,
            host: "127.0.0.1".to_owned(),
            port: 0,
            shared_port: false,
            rate_per_s: 1.0,
            properties: 4,
            register: true,
            push_all: false,
            keepalive: Duration::from_secs(60),
            retry: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            deadline: Duration::from_secs(20),
            event_every: None,
            // A gateway with the original's default of 15 `max_clients` serves 30 connections.
            connections: 24,
            keep_connections: false,
        }
    }
}

impl Settings {
    /// Checks what can be checked before anything is opened; answers the names of the things, one each.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting that cannot be.
    pub(super) fn check(&self) -> Result<Vec<ThingName>, StartError> {
        let port = self.gateway.rsplit_once(':').map(|(host, port)| (host.is_empty(), port.parse::<u16>()));
        if !matches!(port, Some((false, Ok(1..)))) {
            return Err(StartError::Gateway(self.gateway.clone()));
        }
        if !(0.0..=1000.0).contains(&self.rate_per_s) {
            return Err(StartError::Rate(self.rate_per_s));
        }
        if self.connections == 0 {
            return Err(StartError::Connections);
        }
        let count = self.names.count();
        if count == 0 {
            return Err(StartError::Count);
        }
        if self.names.text().is_empty() || self.identifier.as_deref() == Some("") {
            return Err(StartError::EmptyName);
        }
        if self.ports() > usize::from(u16::MAX - self.port) + 1 && self.port != 0 {
            return Err(StartError::Ports { first: self.port, count: self.ports() });
        }
        Ok((1..=count).map(|number| self.thing_name(number)).collect())
    }

    /// How many ports are needed.
    pub(super) fn ports(&self) -> usize {
        if self.shared_port { 1 } else { self.names.count() }
    }

    /// Time between two pushes of one thing, `None` if it pushes nothing by itself.
    pub(super) fn push_interval(&self) -> Option<Duration> {
        (self.rate_per_s > 0.0).then(|| Duration::from_secs_f64(1.0 / self.rate_per_s))
    }

    fn thing_name(&self, number: usize) -> ThingName {
        let name = match &self.names {
            Names::Exact(name) => name.clone(),
            Names::Numbered { prefix, .. } => format!("{prefix}-{number:04}"),
        };
        let bound = match (&self.identifier, self.names.count()) {
            (None, _) => name.clone(),
            (Some(identifier), 1) => format!("*{identifier}"),
            (Some(identifier), _) => format!("*{identifier}-{number:04}"),
        };
        ThingName { name, bound }
    }
}

/// What a thing is called, and under what it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ThingName {
    /// Name of the script.
    pub(super) name: String,
    /// The name, or `*identifier`.
    pub(super) bound: String,
}

impl Names {
    fn count(&self) -> usize {
        match self {
            Self::Exact(_) => 1,
            Self::Numbered { count, .. } => *count,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Exact(name) => name,
            Self::Numbered { prefix, .. } => prefix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_things_have_numbered_names_and_identifiers() {
        let names = Names::Numbered { prefix: "Pump".to_owned(), count: 2 };
        let settings = Settings { names, identifier: Some("SN".to_owned()), ..Settings::default() };
        let things = settings.check().unwrap();
        let pairs: Vec<_> = things.iter().map(|thing| (thing.name.as_str(), thing.bound.as_str())).collect();
        assert_eq!(pairs, [("Pump-0001", "*SN-0001"), ("Pump-0002", "*SN-0002")]);
    }

    #[test]
    fn one_thing_takes_name_and_identifier_as_given() {
        let settings = Settings {
            names: Names::Exact("OtherEdgeThing".to_owned()),
            identifier: Some("SN 1".to_owned()),
            ..Settings::default()
        };
        let expected = ThingName { name: "OtherEdgeThing".to_owned(), bound: "*SN 1".to_owned() };
        assert_eq!(settings.check().unwrap(), [expected]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_value() {
        let text = |settings: Settings| settings.check().unwrap_err().to_string();
        let base = Settings::default;
        for gateway in ["nowhere", ":8000", "host:0", "host:70000", "host:"] {
            let message = text(Settings { gateway: gateway.to_owned(), ..base() });
            assert!(message.contains(gateway), "{message}");
        }
        assert!(text(Settings { rate_per_s: f64::NAN, ..base() }).contains("NaN"));
        assert!(text(Settings { rate_per_s: -1.0, ..base() }).contains("-1"));
        let many = || Names::Numbered { prefix: "A".to_owned(), count: 3 };
        assert!(text(Settings { names: many(), port: 65_534, ..base() }).contains("65534"));
        assert!(Settings { names: many(), port: 65_533, ..base() }.check().is_ok());
        assert!(Settings { names: many(), port: 65_535, shared_port: true, ..base() }.check().is_ok());
        assert!(text(Settings { names: Names::Exact(String::new()), ..base() }).contains("empty"));
    }
}
