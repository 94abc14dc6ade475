//! Application keys: what each opens, and until when.

use std::fmt;

use edgebind_alwayson::{BaseType, Characteristic, Code, Method, Request, Value, json};
use serde::Deserialize;

/// An application key with its rights and its end; never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AppKey {
    text: String,
    grant: Grant,
}

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights(u8);

/// One thing that a key can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Right {
    /// Look at things, properties, histories and events; ask for subscriptions.
    Read = 1,
    /// Set values, push, fire events; make, change and delete things.
    Write = 2,
    /// Call services.
    Invoke = 4,
    /// Connect an edge.
    Bind = 8,
}

/// Rights of a key and the time at which they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    rights: Rights,
    /// Milliseconds since 1970.
    expires: Option<i64>,
}

/// Why a key does not open something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyRefusal {
    #[error("the application key is not known")]
    Unknown,
    #[error("the application key has expired")]
    Expired,
    #[error("the application key has no right to {0}")]
    Lacks(Right),
}

/// A key that cannot be understood; its text is not repeated, it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A right that does not exist.
    #[error("{0:?} is no right of a key; known are read, write, invoke and bind")]
    Right(String),
    /// An end that is no time.
    #[error(
        "{0:?} is no end of a key; right would be 2030-12-31T12:00:00Z, or +90s, +15m, +8h, +30d from now on"
    )]
    Expiry(String),
    /// No key at all.
    #[error("an application key must not be empty")]
    Empty,
    /// A file of keys that is none.
    #[error("the keys are not understood: {0}")]
    File(String),
}

impl AppKey {
    /// The key of this text; it opens everything and has no end.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { text: key.into(), grant: Grant { rights: Rights::ALL, expires: None } }
    }

    /// The same key with these rights.
    #[must_use]
    pub fn with_rights(mut self, rights: Rights) -> Self {
        self.grant.rights = rights;
        self
    }

    /// The same key with an end, in milliseconds since 1970.
    #[must_use]
    pub fn expiring(mut self, at_ms: i64) -> Self {
        self.grant.expires = Some(at_ms);
        self
    }

    /// Reads `KEY[:rights][@expiry]`: rights as in [`Rights::parse`], an end as point in time or as `+` and a span from
    /// `now_ms` on. A key that holds a colon or an at sign itself has to be given in a file.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn parse(text: &str, now_ms: i64) -> Result<Self, KeyError> {
        let (front, expires) = match text.split_once('@') {
            Some((front, expiry)) => (front, Some(expiry)),
            None => (text, None),
        };
        let (key, rights) = match front.split_once(':') {
            Some((key, rights)) => (key, Some(rights)),
            None => (front, None),
        };
        Self::of(
            key,
            rights.map(Rights::parse).transpose()?,
            expires.map(|text| expiry(text, now_ms)).transpose()?,
        )
    }

    /// Reads a file of keys: `{"keys": [{"key": "...", "rights": ["read"], "expires": "2030-12-31T12:00:00Z"}]}`.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn parse_file(text: &str, now_ms: i64) -> Result<Vec<Self>, KeyError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            keys: Vec<Entry>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            key: String,
            rights: Option<Vec<String>>,
            expires: Option<String>,
        }
        // A fault names line and column, never the value, which may be a key.
        let place = |error: &serde_json::Error| format!("line {}, column {}", error.line(), error.column());
        let file: File = serde_json::from_str(text).map_err(|error| {
            KeyError::File(format!(
                "{}: right would be {{\"keys\": [{{\"key\": ..., \"rights\": [...], \"expires\": ...}}]}}",
                place(&error)
            ))
        })?;
        file.keys
            .into_iter()
            .map(|entry| {
                let rights =
                    entry.rights.map(|names| Rights::of(names.iter().map(String::as_str))).transpose()?;
                let expires = entry.expires.map(|text| expiry(&text, now_ms)).transpose()?;
                Self::of(&entry.key, rights, expires)
            })
            .collect()
    }

    /// Whether `offered` is this key; takes the same time wherever they differ.
    #[must_use]
    pub fn opens(&self, offered: &str) -> bool {
        let (known, offered) = (self.text.as_bytes(), offered.as_bytes());
        let difference = known.iter().zip(offered).fold(0, |difference, (a, b)| difference | (a ^ b));
        !known.is_empty() && known.len() == offered.len() && difference == 0
    }

    pub(super) fn reveal(&self) -> &str {
        &self.text
    }

    pub(super) const fn grant(&self) -> Grant {
        self.grant
    }

    fn of(key: &str, rights: Option<Rights>, expires: Option<i64>) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        let grant = Grant { rights: rights.unwrap_or(Rights::ALL), expires };
        Ok(Self { text: key.to_owned(), grant })
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKey").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl Rights {
    /// Every right.
    pub const ALL: Self = Self(15);

    /// Reads names of rights with commas between them: `read,write`; `all` is all of them.
    ///
    /// # Errors
    ///
    /// [`KeyError::Right`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::of(text.split(','))
    }

    /// Whether `right` is among them.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right as u8 != 0
    }

    fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        names.into_iter().map(str::trim).try_fold(Self(0), |rights, name| match name {
            "all" => Ok(Self::ALL),
            name => match Right::ALL.into_iter().find(|right| right.name() == name) {
                Some(right) => Ok(Self(rights.0 | right as u8)),
                None => Err(KeyError::Right(name.to_owned())),
            },
        })
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self(right as u8)
    }
}

impl Right {
    const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Invoke, Self::Bind];

    /// The right that a service needs: the services by which an edge reports and asks are no calls.
    pub(super) fn to_invoke(service: &str) -> Self {
        match service {
            "GetPropertySubscriptions" | "GetEventSubscriptions" | "GetPropertyValues" => Self::Read,
            "UpdateSubscribedPropertyValues"
            | "UpdateSubscribedPropertyValuesBatched"
            | "ProcessRemoteEvents" => Self::Write,
            _ => Self::Invoke,
        }
    }

    /// The right that a request of an edge needs.
    pub(super) fn to_execute(request: &Request) -> Self {
        match (request.method, request.characteristic) {
            (Method::Get, _) => Self::Read,
            (Method::Post, Characteristic::Services) => Self::to_invoke(&request.name),
            _ => Self::Write,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Invoke => "invoke",
            Self::Bind => "bind",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Grant {
    /// Whether the key is still good, and good for `right`.
    pub(super) fn check(self, right: Right, now_ms: i64) -> Result<(), KeyRefusal> {
        self.check_time(now_ms)?;
        if self.rights.has(right) { Ok(()) } else { Err(KeyRefusal::Lacks(right)) }
    }

    /// Whether the key is still good.
    pub(super) fn check_time(self, now_ms: i64) -> Result<(), KeyRefusal> {
        if self.expires.is_some_and(|end| end <= now_ms) { Err(KeyRefusal::Expired) } else { Ok(()) }
    }
}

impl KeyRefusal {
    /// Status on the wire; HTTP has the same classes.
    pub(super) const fn code(self) -> Code {
        match self {
            Self::Unknown | Self::Expired => Code::UNAUTHORIZED,
            Self::Lacks(_) => Code::FORBIDDEN,
        }
    }
}

/// A point in time, or a span from `now_ms` on, as milliseconds since 1970.
fn expiry(text: &str, now_ms: i64) -> Result<i64, KeyError> {
    let bad = || KeyError::Expiry(text.to_owned());
    if let Some(span) = text.strip_prefix('+') {
        let unit_ms = match span.chars().last() {
            Some('s') => 1_000,
            Some('m') => 60_000,
            Some('h') => 3_600_000,
            Some('d') => 86_400_000,
            _ => return Err(bad()),
        };
        let number =
            span.get(..span.len() - 1).and_then(|digits| digits.parse::<u32>().ok()).ok_or_else(bad)?;
        return i64::from(number)
            .checked_mul(unit_ms)
            .and_then(|span| span.checked_add(now_ms))
            .ok_or_else(bad);
    }
    match json::value_from_json(&serde_json::Value::from(text).to_string(), BaseType::Datetime) {
        Ok(Value::Datetime(time)) => Ok(time),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    #[test]
    fn only_the_whole_key_opens_and_an_empty_one_never() {
        let key = AppKey::new("secret");
        assert!(key.opens("secret"));
        for wrong in ["", "secre", "secret ", "Secret"] {
            assert!(!key.opens(wrong), "{wrong:?}");
        }
        assert!(!AppKey::new("").opens(""));
        assert!(!format!("{key:?}").contains("secret"));
    }

    #[test]
    fn rights_and_end_stand_behind_the_key() {
        let key = AppKey::parse("k-1:read,bind@2030-01-01T00:00:00Z", NOW).unwrap();
        assert!(key.opens("k-1"));
        let end = 1_893_456_000_000;
        assert_eq!(key.grant().check(Right::Read, NOW), Ok(()));
        assert_eq!(key.grant().check(Right::Bind, end - 1), Ok(()));
        assert_eq!(key.grant().check(Right::Write, NOW), Err(KeyRefusal::Lacks(Right::Write)));
        assert_eq!(key.grant().check(Right::Read, end), Err(KeyRefusal::Expired));
        let key = AppKey::parse("k@+2h", NOW).unwrap();
        assert_eq!(key.grant().check(Right::Invoke, NOW + 7_199_999), Ok(()));
        assert_eq!(key.grant().check_time(NOW + 7_200_000), Err(KeyRefusal::Expired));
        assert_eq!(AppKey::parse("plain", NOW).unwrap(), AppKey::new("plain"));
        assert_eq!(AppKey::parse("k:all", NOW).unwrap(), AppKey::new("k"));
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_without_the_key() {
        for (text, problem) in [
            ("secret:read,fly", "\"fly\" is no right of a key; known are read, write, invoke and bind"),
            ("secret:", "\"\" is no right of a key; known are read, write, invoke and bind"),
            (":read", "an application key must not be empty"),
        ] {
            assert_eq!(AppKey::parse(text, NOW).unwrap_err().to_string(), problem);
        }
        for end in ["tomorrow", "+", "+h", "+-1h", "+5y", "+é", ""] {
            let error = AppKey::parse(&format!("secret@{end}"), NOW).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{end:?} is no end of a key")), "{error}");
        }
    }

    #[test]
    fn a_file_holds_keys_with_any_character() {
        let text =
            r#"{"keys": [{"key": "a:b@c", "rights": ["read", "write"]}, {"key": "x", "expires": "+1d"}]}"#;
        let keys = AppKey::parse_file(text, NOW).unwrap();
        assert!(keys[0].opens("a:b@c"));
        assert!(keys[0].grant().check(Right::Bind, NOW).is_err());
        assert_eq!(keys[1].grant().check_time(NOW + 86_400_000), Err(KeyRefusal::Expired));
        let error =
            AppKey::parse_file("{\"keys\": [\n {\"key\": \"secret\", \"right\": 1}]}", NOW).unwrap_err();
        assert!(error.to_string().contains("line 2, column 26"), "{error}");
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn every_request_of_an_edge_needs_one_right() {
        use edgebind_alwayson::Content;
        let right = |method, characteristic, name: &str| {
            Right::to_execute(&Request::thing(method, "T", characteristic, name, Content::Nothing))
        };
        assert_eq!(right(Method::Get, Characteristic::Properties, "p"), Right::Read);
        assert_eq!(right(Method::Put, Characteristic::Properties, "p"), Right::Write);
        assert_eq!(right(Method::Post, Characteristic::Events, "e"), Right::Write);
        assert_eq!(right(Method::Post, Characteristic::Services, "s"), Right::Invoke);
        let push = "UpdateSubscribedPropertyValues";
        assert_eq!(right(Method::Post, Characteristic::Services, push), Right::Write);
        assert_eq!(right(Method::Post, Characteristic::Services, "GetPropertySubscriptions"), Right::Read);
    }
}
