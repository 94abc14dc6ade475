//! The rules as they are written: JSON with defaults, every unknown key refused.

use std::time::Duration;

use edgebind_alwayson::{
    BaseType, Characteristic, Code, Content, InfoTable, Method, Request, Response, Value, json,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

use super::{Conduct, REFUSED, Verdict, pattern::Pattern};

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Requests of edges.
    Answer,
    /// AUTH.
    Auth,
    /// BIND.
    Bind,
    /// Pings.
    Ping,
}

/// A rule that is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleError {
    /// Not the JSON of a rule.
    #[error("the rule is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// Content that no answer can carry.
    #[error("content: {0}")]
    Content(String),
    /// The bound of rules.
    #[error("there are {} rules already: take some away", super::Faults::MAX_RULES)]
    TooMany,
}

/// What a rule does.
#[derive(Debug)]
pub(super) enum Effect {
    Answer { target: Target, verdict: Verdict },
    Auth { verdict: Verdict },
    Bind { refusal: Option<BindRefusal>, code: Code, reason: String, delay: Duration, silent: bool },
    Ping { answer: PingAnswer },
}

/// Which requests a rule is about.
#[derive(Debug)]
pub(super) struct Target {
    entity: Pattern,
    characteristic: Option<Characteristic>,
    method: Option<Method>,
    name: Pattern,
}

/// Which BINDs are refused.
#[derive(Debug)]
pub(super) enum BindRefusal {
    All,
    Gateway,
    Names(Vec<Pattern>),
}

/// What a ping gets.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PingAnswer {
    None,
    Empty,
}

impl Target {
    pub(super) fn matches(&self, request: &Request) -> bool {
        self.characteristic.is_none_or(|wanted| wanted == request.characteristic)
            && self.method.is_none_or(|wanted| wanted == request.method)
            && self.entity.matches(&request.entity)
            && self.name.matches(&request.name)
    }
}

impl Effect {
    /// Reads a rule, and how often it applies.
    pub(super) fn parse(kind: Kind, text: &str) -> Result<(Self, Option<u32>), RuleError> {
        Ok(match kind {
            Kind::Answer => {
                let rule: AnswerRule<'_> = serde_json::from_str(text)?;
                (Self::Answer { target: rule.target(), verdict: rule.verdict()? }, rule.times)
            }
            Kind::Auth => {
                let rule: AuthRule = serde_json::from_str(text)?;
                (Self::Auth { verdict: rule.verdict() }, rule.times)
            }
            Kind::Bind => {
                let rule: BindRule = serde_json::from_str(text)?;
                let effect = Self::Bind {
                    refusal: rule.refuse,
                    code: rule.code.unwrap_or(Code::NOT_FOUND),
                    reason: rule.reason.unwrap_or_else(|| "refused on request".to_owned()),
                    delay: Duration::from_millis(rule.delay_ms),
                    silent: rule.silent,
                };
                (effect, rule.times)
            }
            Kind::Ping => {
                let rule: PingRule = serde_json::from_str(text)?;
                (Self::Ping { answer: rule.answer }, rule.times)
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AnswerRule<'a> {
    entity: Option<String>,
    #[serde(default, deserialize_with = "characteristic")]
    characteristic: Option<Characteristic>,
    #[serde(default, deserialize_with = "method")]
    method: Option<Method>,
    name: Option<String>,
    #[serde(default, deserialize_with = "code")]
    code: Option<Code>,
    reason: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    execute: bool,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    delay_ms: u64,
    times: Option<u32>,
}

impl AnswerRule<'_> {
    fn target(&self) -> Target {
        let pattern = |text: &Option<String>| text.as_ref().map_or_else(Pattern::any, Pattern::new);
        Target {
            entity: pattern(&self.entity),
            characteristic: self.characteristic,
            method: self.method,
            name: pattern(&self.name),
        }
    }

    /// A rule that says nothing about the answer leaves it as it is, perhaps late.
    fn verdict(&self) -> Result<Verdict, RuleError> {
        let says = self.code.is_some() || self.reason.is_some() || self.content.is_some();
        let conduct = match (self.silent, self.execute, says) {
            (true, false, _) => Conduct::Ignored,
            (true, true, _) => Conduct::DoneSilently,
            (false, _, false) => Conduct::Usual,
            (false, true, true) => Conduct::DoneThen(self.response()?),
            (false, false, true) => Conduct::Answered(self.response()?),
        };
        Ok(Verdict { delay: Duration::from_millis(self.delay_ms), conduct })
    }

    fn response(&self) -> Result<Response, RuleError> {
        let content = match self.content {
            Some(raw) => content(raw.get())?,
            None => Content::Nothing,
        };
        Ok(Response { code: self.code.unwrap_or(Code::SUCCESS), reason: self.reason.clone(), content })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthRule {
    #[serde(default, deserialize_with = "code")]
    code: Option<Code>,
    reason: Option<String>,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    delay_ms: u64,
    times: Option<u32>,
}

impl AuthRule {
    fn verdict(&self) -> Verdict {
        let says = self.code.is_some() || self.reason.is_some();
        let conduct = match (self.silent, says) {
            (true, _) => Conduct::Ignored,
            (false, false) => Conduct::Usual,
            (false, true) => Conduct::Answered(Response {
                code: self.code.unwrap_or(REFUSED),
                reason: Some(self.reason.clone().unwrap_or_else(|| "refused on request".to_owned())),
                content: Content::Nothing,
            }),
        };
        Verdict { delay: Duration::from_millis(self.delay_ms), conduct }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BindRule {
    #[serde(default)]
    refuse: Option<BindRefusal>,
    #[serde(default, deserialize_with = "code")]
    code: Option<Code>,
    reason: Option<String>,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    delay_ms: u64,
    times: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PingRule {
    answer: PingAnswer,
    times: Option<u32>,
}

impl<'de> Deserialize<'de> for BindRefusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            Names(Vec<String>),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Word(word)) if word == "all" => Ok(Self::All),
            Ok(Written::Word(word)) if word == "gateway" => Ok(Self::Gateway),
            Ok(Written::Names(names)) => Ok(Self::Names(names.into_iter().map(Pattern::new).collect())),
            _ => Err(D::Error::custom("refuse is \"all\", \"gateway\" or a list of names")),
        }
    }
}

/// Content of a scripted answer: an infotable as it is, any other JSON as the single column `result`.
pub(super) fn content(text: &str) -> Result<Content, RuleError> {
    let bad = |error: json::JsonError| RuleError::Content(error.to_string());
    if let Some(table) = json::table_from_json(text.as_bytes()).map_err(bad)? {
        return Ok(Content::Table(table));
    }
    let base_type = match text.trim_start().as_bytes().first() {
        Some(b'"') => BaseType::String,
        Some(b't' | b'f') => BaseType::Boolean,
        Some(b'{' | b'[') => BaseType::Json,
        _ => BaseType::Number,
    };
    let value = match base_type {
        BaseType::Json => Value::json(text),
        base_type => json::value_from_json(text, base_type).map_err(bad)?,
    };
    Ok(Content::Table(InfoTable::single(InfoTable::RESULT, value)))
}

/// A code by its name, or by its number (132, "0x84").
pub(crate) fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Code>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u8),
        Name(String),
    }
    let known = match Written::deserialize(deserializer) {
        Ok(Written::Number(number)) => Some(Code(number)),
        Ok(Written::Name(name)) => Code::from_name(&name),
        Err(_) => None,
    };
    let known = known.filter(|code| code.0 >= Code::SUCCESS.0);
    known.map(Some).ok_or_else(|| {
        D::Error::custom("code is a status such as \"NOT_FOUND\", \"0x84\" or 132, from 64 (0x40) to 255")
    })
}

fn characteristic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Characteristic>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "Properties" => Ok(Some(Characteristic::Properties)),
        "Services" => Ok(Some(Characteristic::Services)),
        "Events" => Ok(Some(Characteristic::Events)),
        other => Err(D::Error::custom(format!("{other:?} is none of Properties, Services and Events"))),
    }
}

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Method>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = [Method::Get, Method::Put, Method::Post, Method::Delete]
        .into_iter()
        .find(|method| method.code().name() == Some(name.as_str()));
    known.map(Some).ok_or_else(|| D::Error::custom(format!("{name:?} is none of GET, PUT, POST and DELETE")))
}
