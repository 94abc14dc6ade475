//! Names, units and meaning of the instruments: the only place they are written.

/// What an instrument is called and means.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// Name in the style of OpenTelemetry, with dots.
    pub name: &'static str,
    /// Unit in UCUM notation; `{…}` counts things.
    pub unit: &'static str,
    /// What it tells, one sentence.
    pub help: &'static str,
    /// How its values behave.
    pub kind: Kind,
}

/// How the values of an instrument behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows only.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

macro_rules! definitions {
    ($($constant:ident: $kind:ident, $name:literal, $unit:literal, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub(super) const $constant: Definition =
                Definition { name: $name, unit: $unit, help: $help, kind: Kind::$kind };
        )*
        /// Every instrument there is.
        pub const ALL: &[Definition] = &[$($constant),*];
    };
}

definitions! {
    LINK_UP: Gauge, "edgebind.link.up", "1",
        "Whether the connection to the platform is authenticated, 1 or 0.";
    CONNECTS: Counter, "edgebind.link.connects", "{attempt}",
        "Attempts to reach the platform, by outcome.";
    AUTH: Counter, "edgebind.auth.results", "{answer}",
        "Answers of the platform to AUTH, by outcome.";
    BINDS: Counter, "edgebind.bind.results", "{name}",
        "Names the platform answered a BIND for, by the code of the answer.";
    THINGS_BOUND: Gauge, "edgebind.things.bound", "{thing}",
        "Things the platform has confirmed on this connection.";
    THINGS_DESIRED: Gauge, "edgebind.things.desired", "{thing}",
        "Things that ought to be bound: configured and registered ones.";
    REQUESTS: Counter, "edgebind.requests", "{request}",
        "Requests that are over, by direction, kind and outcome.";
    REQUEST_DURATION: Histogram, "edgebind.request.duration", "s",
        "Time from a request's arrival to its answer, by direction and kind.";
    VALUES_PUSHED: Counter, "edgebind.values.pushed", "{value}",
        "Property values pushed by agents and taken by the platform.";
    VIOLATIONS: Counter, "edgebind.protocol.violations", "{message}",
        "Messages against the protocol, by who sent them.";
    REGISTRATIONS: Counter, "edgebind.registrations", "{registration}",
        "Registrations of agents, by what became of them.";
    SPOOL_RECORDS: Gauge, "edgebind.spool.records", "{record}",
        "Records in the spool that wait for the platform.";
    SPOOL_BYTES: Gauge, "edgebind.spool.bytes", "By",
        "Their payloads.";
    SPOOL_OLDEST: Gauge, "edgebind.spool.oldest.age", "s",
        "Age of the oldest of them, 0 when there is none.";
    SPOOL_DEAD: Gauge, "edgebind.spool.dead_letters", "{record}",
        "Records that the platform will not take, kept for the operator.";
    SPOOL_APPENDED: Counter, "edgebind.spool.appended", "{record}",
        "Records put into the spool.";
    SPOOL_DELIVERED: Counter, "edgebind.spool.delivered", "{record}",
        "Records of the spool that the platform has confirmed.";
    SPOOL_DEAD_LETTERED: Counter, "edgebind.spool.dead_lettered", "{record}",
        "Records given up: refused for good, too old, or damaged.";
    RESTARTS: Counter, "edgebind.restarts", "{restart}",
        "Restarts of supervised units, by kind of unit.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_help_is_a_sentence() {
        let mut names: Vec<&str> = ALL.iter().map(|definition| definition.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for definition in ALL {
            assert!(definition.name.starts_with("edgebind."), "{}", definition.name);
            assert!(definition.help.ends_with('.') && !definition.unit.is_empty(), "{}", definition.name);
        }
    }
}
