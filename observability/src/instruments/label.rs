//! Labels: small closed sets, so that every series has its cell from the start.

/// A label or several, with a number for each combination.
pub(super) trait Label: Copy {
    /// How many combinations there are.
    const COUNT: usize;
    /// Number of this one, below [`Label::COUNT`].
    fn index(self) -> usize;
    /// Names and values of the combination with this number; empty when there is none.
    fn describe(index: usize) -> Vec<(&'static str, String)>;
    /// Names and values of this one, without allocating.
    fn visit(self, each: &mut impl FnMut(&'static str, &'static str));
}

macro_rules! label {
    ($(#[$meta:meta])* $name:ident $key:literal { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            const EVERY: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the label's value.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl Label for $name {
            const COUNT: usize = Self::EVERY.len();

            fn index(self) -> usize {
                Self::EVERY.iter().position(|&known| known == self).unwrap_or(0)
            }

            fn describe(index: usize) -> Vec<(&'static str, String)> {
                Self::EVERY.get(index).map(|label| ($key, label.as_str().to_owned())).into_iter().collect()
            }

            fn visit(self, each: &mut impl FnMut(&'static str, &'static str)) {
                each($key, self.as_str());
            }
        }
    };
}

label! {
    /// What became of an attempt to reach the platform.
    Connect "outcome" {
        /// The WebSocket stands.
        Connected = "connected",
        /// Name, TCP, TLS, proxy or upgrade failed.
        Failed = "failed",
        /// `connect_timeout` passed.
        Timeout = "timeout",
        /// A connection that stood was lost.
        Lost = "lost",
    }
}

label! {
    /// Which way a request goes.
    Direction "direction" {
        /// From a local caller or an agent to the platform.
        Up = "up",
        /// From the platform to a thing.
        Down = "down",
    }
}

label! {
    /// What a request wants (design of delivery: push, write, event, call, read).
    RequestKind "kind" {
        /// A property is read.
        Read = "read",
        /// A property is written.
        Write = "write",
        /// A service is called.
        Call = "call",
        /// Values are pushed.
        Push = "push",
        /// An event is fired.
        Event = "event",
        /// Anything else, LocalEms for example.
        Other = "other",
    }
}

label! {
    /// How a request ended.
    Outcome "outcome" {
        /// As it should.
        Success = "success",
        /// Kept in the spool.
        Stored = "stored",
        /// Refused for what it is: 4xx.
        Rejected = "rejected",
        /// Refused for the state of things: 503.
        Unavailable = "unavailable",
        /// No answer in time: 504.
        Timeout = "timeout",
        /// Any other failure.
        Failed = "failed",
    }
}

impl Outcome {
    /// Reads a status of HTTP.
    pub fn of_status(status: u16) -> Self {
        match status {
            202 => Self::Stored,
            200..=299 => Self::Success,
            503 => Self::Unavailable,
            504 => Self::Timeout,
            400..=499 => Self::Rejected,
            _ => Self::Failed,
        }
    }

    /// Reads a code of the platform's protocol (protocol notes, 3.1).
    pub fn of_code(code: u8) -> Self {
        match code {
            0x40..=0x5F => Self::Success,
            0x80..=0x9F => Self::Rejected,
            0xA3 => Self::Unavailable,
            0xA4 => Self::Timeout,
            _ => Self::Failed,
        }
    }
}

label! {
    /// Who sent a message that is against the protocol.
    Peer "peer" {
        /// The platform.
        Platform = "platform",
        /// An agent or script resource that was asked.
        Agent = "agent",
        /// A caller of the local HTTP server.
        Caller = "caller",
    }
}

label! {
    /// What became of a registration.
    Registration "result" {
        /// A new name.
        Added = "added",
        /// The same name with the same endpoint.
        Renewed = "renewed",
        /// The name went to another endpoint.
        Moved = "moved",
        /// Taken back by the agent.
        Removed = "removed",
        /// Ended because the endpoint was dead.
        Expired = "expired",
        /// Refused.
        Refused = "refused",
    }
}

label! {
    /// Kind of a supervised unit.
    Unit "unit" {
        /// The connection to the platform.
        Link = "link",
        /// Desired against actual bindings.
        Binder = "binder",
        /// Updates in order, and from the spool to the platform.
        Delivery = "delivery",
        /// The spool.
        Spool = "spool",
        /// One thing.
        Thing = "thing",
        /// One endpoint of agents.
        Session = "session",
        /// The local HTTP server.
        Front = "front",
        /// Anything else.
        Other = "other",
    }
}

/// A code of the platform's protocol, as two hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeLabel(pub(super) u8);

impl Label for CodeLabel {
    const COUNT: usize = 256;

    fn index(self) -> usize {
        usize::from(self.0)
    }

    fn describe(index: usize) -> Vec<(&'static str, String)> {
        vec![("code", format!("{index:02X}"))]
    }

    fn visit(self, _: &mut impl FnMut(&'static str, &'static str)) {}
}

impl Label for () {
    const COUNT: usize = 1;

    fn index(self) -> usize {
        0
    }

    fn describe(_: usize) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn visit(self, _: &mut impl FnMut(&'static str, &'static str)) {}
}

/// Two labels together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<A, B>(pub(super) A, pub(super) B);

impl<A: Label, B: Label> Label for Pair<A, B> {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn describe(index: usize) -> Vec<(&'static str, String)> {
        let mut labels = A::describe(index / B::COUNT);
        labels.extend(B::describe(index % B::COUNT));
        labels
    }

    fn visit(self, each: &mut impl FnMut(&'static str, &'static str)) {
        self.0.visit(each);
        self.1.visit(each);
    }
}

/// Three labels together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triple<A, B, C>(pub(super) A, pub(super) B, pub(super) C);

impl<A: Label, B: Label, C: Label> Label for Triple<A, B, C> {
    const COUNT: usize = A::COUNT * B::COUNT * C::COUNT;

    fn index(self) -> usize {
        Pair(Pair(self.0, self.1), self.2).index()
    }

    fn describe(index: usize) -> Vec<(&'static str, String)> {
        Pair::<Pair<A, B>, C>::describe(index)
    }

    fn visit(self, each: &mut impl FnMut(&'static str, &'static str)) {
        Pair(Pair(self.0, self.1), self.2).visit(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_has_a_number_of_its_own() {
        type All = Triple<Direction, RequestKind, Outcome>;
        let mut seen = vec![false; All::COUNT];
        for &direction in Direction::EVERY {
            for &kind in RequestKind::EVERY {
                for &outcome in Outcome::EVERY {
                    let index = Triple(direction, kind, outcome).index();
                    assert!(!std::mem::replace(&mut seen[index], true));
                    let texts: Vec<String> = All::describe(index).into_iter().map(|(_, text)| text).collect();
                    assert_eq!(texts, [direction.as_str(), kind.as_str(), outcome.as_str()]);
                }
            }
        }
        assert!(seen.into_iter().all(|seen| seen));
    }

    #[test]
    fn outcomes_are_read_from_both_protocols() {
        for (status, outcome) in [
            (200, Outcome::Success),
            (202, Outcome::Stored),
            (402, Outcome::Rejected),
            (503, Outcome::Unavailable),
            (504, Outcome::Timeout),
            (500, Outcome::Failed),
            (0, Outcome::Failed),
        ] {
            assert_eq!(Outcome::of_status(status), outcome, "{status}");
        }
        for (code, outcome) in [
            (0x45, Outcome::Success),
            (0x84, Outcome::Rejected),
            (0xA0, Outcome::Failed),
            (0xA3, Outcome::Unavailable),
            (0xA4, Outcome::Timeout),
            (0x60, Outcome::Failed),
        ] {
            assert_eq!(Outcome::of_code(code), outcome, "{code:02X}");
        }
    }
}
