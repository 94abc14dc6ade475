//! A property of a thing: its type, its newest value and where it lives at the edge.

use std::{borrow::Cow, fmt, time::Duration};

use edgebind_alwayson::{BaseType, Value};

use super::History;

/// One property of a thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Name on the platform.
    pub name: String,
    /// Text for people, empty if there is none.
    pub description: String,
    /// Declared type; every value is brought to it.
    pub base_type: BaseType,
    /// Newest value.
    pub sample: Sample,
    /// Where the property lives at the edge, `None` for one that lives here.
    pub remote: Option<RemoteBinding>,
    pub(super) history: History,
}

/// Value, time and quality.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Value of the declared type, or [`Value::Nothing`].
    pub value: Value,
    /// Milliseconds since 1970, `None` while no value has come.
    pub time: Option<i64>,
    /// How far the value can be trusted.
    pub quality: Quality,
}

/// `GOOD`, `BAD`, `UNKNOWN`, or whatever text the edge sent (protocol notes, section 10.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality(Cow<'static, str>);

/// The property at the edge that a property of the platform stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteBinding {
    /// Name at the edge.
    pub name: String,
    /// What the platform asks the edge to push, `None` to leave that to the edge: such a binding is
    /// missing from the answer of GetPropertySubscriptions (protocol notes, section 10.2).
    pub push: Option<Push>,
    /// When a read goes to the edge.
    pub cache: Cache,
}

/// What the edge is to push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Push {
    /// Rule.
    pub push_type: PushType,
    /// Smallest difference that is pushed, for VALUE and DEADBAND.
    pub threshold: f64,
}

/// Rule by which the edge pushes a value (protocol notes, section 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushType {
    /// Every value.
    Always,
    /// A value that differs from the one before.
    Value,
    /// A value that differs from the one pushed last.
    Deadband,
    /// None.
    Never,
    /// Values that are true.
    On,
    /// Values that are false.
    Off,
}

/// When a read of a remote property goes to the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Every time (`cacheTime` 0, the default).
    Through,
    /// Never: the value pushed last is the answer (`cacheTime` -1).
    Kept,
    /// When the value is older than this (`cacheTime` in milliseconds).
    For(Duration),
}

impl Property {
    /// A property without a value that lives on the platform.
    #[must_use]
    pub fn new(name: impl Into<String>, base_type: BaseType) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            base_type,
            sample: Sample::unknown(),
            remote: None,
            history: History::default(),
        }
    }

    /// Takes a new value; it is the newest, whatever its time is.
    pub fn take(&mut self, sample: Sample) {
        self.history.push(sample.clone());
        self.sample = sample;
    }

    /// The last values that came since the platform started.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Name under which the edge pushes it.
    #[must_use]
    pub fn edge_name(&self) -> &str {
        self.remote.as_ref().map_or(self.name.as_str(), |remote| remote.name.as_str())
    }
}

impl Sample {
    /// No value yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { value: Value::Nothing, time: None, quality: Quality::UNKNOWN }
    }

    /// A good value of `time`, in milliseconds since 1970.
    #[must_use]
    pub const fn good(value: Value, time: i64) -> Self {
        Self { value, time: Some(time), quality: Quality::GOOD }
    }
}

impl Quality {
    /// The value can be trusted.
    pub const GOOD: Self = Self(Cow::Borrowed("GOOD"));
    /// The value must not be trusted.
    pub const BAD: Self = Self(Cow::Borrowed("BAD"));
    /// Nothing is known about the value.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("UNKNOWN"));

    /// The quality of this text; the usual ones are not copied.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text {
            "GOOD" => Self::GOOD,
            "BAD" => Self::BAD,
            "UNKNOWN" => Self::UNKNOWN,
            other => Self(Cow::Owned(other.to_owned())),
        }
    }

    /// The text as on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RemoteBinding {
    /// A binding that leaves the push rule to the edge and reads through.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), push: None, cache: Cache::Through }
    }
}

impl PushType {
    /// Every rule, in the order of the protocol notes.
    pub const ALL: [Self; 6] = [Self::Always, Self::Value, Self::Deadband, Self::Never, Self::On, Self::Off];

    /// The rule of this name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|push_type| push_type.name() == name)
    }

    /// Name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "ALWAYS",
            Self::Value => "VALUE",
            Self::Deadband => "DEADBAND",
            Self::Never => "NEVER",
            Self::On => "ON",
            Self::Off => "OFF",
        }
    }
}

impl Cache {
    /// The rule of a `cacheTime`: -1, 0, or milliseconds; `None` for other negative numbers.
    #[must_use]
    pub fn from_cache_time(cache_time_ms: i64) -> Option<Self> {
        match u64::try_from(cache_time_ms) {
            Ok(0) => Some(Self::Through),
            Ok(ms) => Some(Self::For(Duration::from_millis(ms))),
            Err(_) if cache_time_ms == -1 => Some(Self::Kept),
            Err(_) => None,
        }
    }

    /// The `cacheTime` of this rule.
    #[must_use]
    pub fn cache_time(self) -> i64 {
        match self {
            Self::Through => 0,
            Self::Kept => -1,
            Self::For(limit) => i64::try_from(limit.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Whether `sample` is the answer to a read at `now_ms`, or the edge has to be asked.
    #[must_use]
    pub fn serves(self, sample: &Sample, now_ms: i64) -> bool {
        match self {
            Self::Through => false,
            Self::Kept => true,
            Self::For(limit) => sample.time.is_some_and(|time| {
                let age_ms = u64::try_from(now_ms.saturating_sub(time)).unwrap_or(0);
                Duration::from_millis(age_ms) <= limit
            }),
        }
    }
}
