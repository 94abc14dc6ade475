//! What can be wrong with a network: the words of the relay, for programs and for its control interface.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Standing faults: they hold for every connection, present and future, until others are set. `Default` is a good network.
///
/// As JSON, times are whole milliseconds: `{"up": {"latencyMs": 20}, "admission": "forward", "closeDelayMs": 0}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Faults {
    /// Towards the target: what the connecting side sends.
    pub up: WayFaults,
    /// Towards the side that connected.
    pub down: WayFaults,
    /// What becomes of new connections.
    pub admission: Admission,
    /// How much later than it happened one side's end is shown to the other; default 0, at most 1 h.
    #[serde(rename = "closeDelayMs", with = "millis")]
    pub close_delay: Duration,
}

/// Standing faults of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct WayFaults {
    /// Delay of every byte; default 0, at most 1 h.
    #[serde(rename = "latencyMs", with = "millis")]
    pub latency: Duration,
    /// Up to so much more delay, by chance, without changing the order; default 0, at most 1 h.
    #[serde(rename = "jitterMs", with = "millis")]
    pub jitter: Duration,
    /// Most bytes per second and connection; default no limit, at least 1.
    pub bytes_per_s: Option<u64>,
    /// Most bytes that are written at a time; default no limit, at least 1. 1 is "a byte at a time".
    pub piece_bytes: Option<usize>,
    /// Rest between two pieces; default 0, at most 1 h.
    #[serde(rename = "pauseMs", with = "millis")]
    pub pause: Duration,
    /// Whether nothing passes while the sockets stay open; what is under way waits, the rest is not even read.
    pub stalled: bool,
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    /// They are taken and carried to the target.
    #[default]
    Forward,
    /// Nobody listens: the system refuses them.
    Refuse,
    /// They are taken and reset at once.
    Reset,
    /// They are taken and nothing is ever answered, whatever is set later.
    Hang,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cut {
    /// By RST to both sides, as when a process is killed or a firewall forgets.
    #[default]
    Reset,
    /// By FIN to both sides, in good order.
    Finish,
}

/// One direction, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// Towards the target.
    Up,
    /// Towards the side that connected.
    Down,
    /// Both.
    #[default]
    Both,
}

/// Which connections an order is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All that stand now; later ones are not touched.
    #[default]
    All,
    /// The one of this number.
    One(u64),
    /// The next that is taken.
    Next,
}

/// A setting that is out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// A limit of nothing at all would be a stall by another name.
    #[error("{0} is 0: leave it out for no limit, or set stalled")]
    Zero(&'static str),
    /// A time above [`LONGEST`].
    #[error("{name} is {} ms: at most {} ms", .time.as_millis(), LONGEST.as_millis())]
    TooLong {
        /// Name of the setting.
        name: &'static str,
        /// What it was set to.
        time: Duration,
    },
    /// A range that ends before it begins.
    #[error("{0} ends before it begins")]
    Range(&'static str),
    /// A schedule that could never choose anything.
    #[error("the schedule has no fault with a weight above 0")]
    NoFault,
}

/// Longest time that can be set.
pub const LONGEST: Duration = Duration::from_secs(3600);

impl Faults {
    /// Faults of one direction on a network that is otherwise good.
    #[must_use]
    pub fn on(way: Way, faults: WayFaults) -> Self {
        let only = |this: Way| if way.includes(this) { faults } else { WayFaults::default() };
        Self { up: only(Way::Up), down: only(Way::Down), ..Self::default() }
    }

    /// A good network that treats new connections as `admission` says.
    #[must_use]
    pub fn admitting(admission: Admission) -> Self {
        Self { admission, ..Self::default() }
    }

    /// Looks whether everything is in range.
    ///
    /// # Errors
    ///
    /// [`FaultError`] for the first setting that is not.
    pub fn check(&self) -> Result<(), FaultError> {
        for way in [&self.up, &self.down] {
            if way.bytes_per_s == Some(0) {
                return Err(FaultError::Zero("bytesPerS"));
            }
            if way.piece_bytes == Some(0) {
                return Err(FaultError::Zero("pieceBytes"));
            }
            for (name, time) in [("latencyMs", way.latency), ("jitterMs", way.jitter), ("pauseMs", way.pause)]
            {
                at_most_longest(name, time)?;
            }
        }
        at_most_longest("closeDelayMs", self.close_delay)
    }
}

impl WayFaults {
    /// Nothing but delay.
    #[must_use]
    pub fn late(latency: Duration, jitter: Duration) -> Self {
        Self { latency, jitter, ..Self::default() }
    }

    /// Nothing but small pieces with a rest between them.
    #[must_use]
    pub fn in_pieces(piece_bytes: usize, pause: Duration) -> Self {
        Self { piece_bytes: Some(piece_bytes), pause, ..Self::default() }
    }

    /// Nothing but a limit of the rate.
    #[must_use]
    pub fn narrow(bytes_per_s: u64) -> Self {
        Self { bytes_per_s: Some(bytes_per_s), ..Self::default() }
    }

    /// Nothing passes.
    #[must_use]
    pub fn stalled() -> Self {
        Self { stalled: true, ..Self::default() }
    }
}

impl Way {
    /// Whether `other`, one direction, is meant by this.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self == Self::Both || self == other
    }
}

pub(super) fn at_most_longest(name: &'static str, time: Duration) -> Result<(), FaultError> {
    if time > LONGEST { Err(FaultError::TooLong { name, time }) } else { Ok(()) }
}

/// Times as whole milliseconds.
pub(super) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::relay) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in crate::relay) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_good_and_what_is_unknown_is_refused() {
        let faults: Faults =
            serde_json::from_str(r#"{"up": {"latencyMs": 20}, "admission": "hang"}"#).unwrap();
        assert_eq!(faults.up, WayFaults::late(Duration::from_millis(20), Duration::ZERO));
        assert_eq!((faults.down, faults.admission), (WayFaults::default(), Admission::Hang));
        assert!(serde_json::from_str::<Faults>(r#"{"up": {"latency": 20}}"#).is_err());
        let text = serde_json::to_string(&faults).unwrap();
        assert_eq!(serde_json::from_str::<Faults>(&text).unwrap(), faults);
    }

    #[test]
    fn limits_of_nothing_and_endless_times_are_refused() {
        let narrow = Faults::on(Way::Up, WayFaults::narrow(0));
        assert_eq!(narrow.check(), Err(FaultError::Zero("bytesPerS")));
        let pieces = Faults::on(Way::Down, WayFaults::in_pieces(0, Duration::ZERO));
        assert_eq!(pieces.check(), Err(FaultError::Zero("pieceBytes")));
        let late = Faults::on(Way::Both, WayFaults::late(LONGEST * 2, Duration::ZERO));
        assert!(late.check().unwrap_err().to_string().contains("latencyMs is 7200000 ms"));
        assert_eq!(Faults::default().check(), Ok(()));
    }
}
