//! Misbehaviour on request: rules that say when the platform answers late, wrongly or not at all. Pure.
//!
//! A test writes rules over the control API (`docs/reference/platform-control.md`); connections ask here before they
//! do what is usual. Of several rules that match, the oldest that is not used up applies.

use std::time::Duration;

use edgebind_alwayson::{Bind, Code, Request, Response};
use serde_json::Value as Json;

mod pattern;
mod rule;

use rule::{BindRefusal, Effect, PingAnswer};
pub(crate) use rule::{Kind, RuleError};

/// The rules in force, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next_id: u64,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    kind: Kind,
    /// As it was written, for those who ask.
    spec: Json,
    effect: Effect,
    /// How often it may still apply, `None` for always.
    left: Option<u32>,
    hits: u64,
}

/// What to do with a request, a BIND or an AUTH instead of the usual.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Wait before anything is done.
    pub(crate) delay: Duration,
    /// What is done then.
    pub(crate) conduct: Conduct,
}

/// What a misbehaving platform does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Conduct {
    /// The usual, perhaps late.
    Usual,
    /// The usual is done, but nobody is told.
    DoneSilently,
    /// Nothing is done, and nobody is told.
    Ignored,
    /// The usual is done, but this is the answer.
    DoneThen(Response),
    /// Nothing is done, and this is the answer.
    Answered(Response),
}

/// What to do with a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pong {
    /// The same payload goes back.
    Usual,
    /// Nothing goes back.
    None,
    /// A pong without payload, which the reference client does not take for one (protocol notes, section 2.6).
    Empty,
}

/// One rule as it is shown.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct RuleView {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) rule: Json,
    pub(crate) hits: u64,
    pub(crate) left: Option<u32>,
}

impl Faults {
    /// Rules at a time.
    pub(crate) const MAX_RULES: usize = 1_000;

    /// Adds a rule behind the others and returns its number.
    ///
    /// # Errors
    ///
    /// [`RuleError`] for a rule that is not understood, or one too many.
    pub(crate) fn add(&mut self, kind: Kind, text: &str) -> Result<u64, RuleError> {
        if self.rules.len() >= Self::MAX_RULES {
            return Err(RuleError::TooMany);
        }
        let (effect, times) = Effect::parse(kind, text)?;
        let spec = serde_json::from_str(text).unwrap_or(Json::Null);
        self.next_id += 1;
        self.rules.push(Rule { id: self.next_id, kind, spec, effect, left: times, hits: 0 });
        Ok(self.next_id)
    }

    /// Takes a rule away; false if there is none of this number.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    /// Takes every rule away; numbers are not used again.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules, oldest first, those that are used up included.
    pub(crate) fn view(&self) -> Vec<RuleView> {
        let view = |rule: &Rule| RuleView {
            id: rule.id,
            kind: rule.kind,
            rule: rule.spec.clone(),
            hits: rule.hits,
            left: rule.left,
        };
        self.rules.iter().map(view).collect()
    }

    /// What to do with a request of an edge.
    pub(crate) fn on_request(&mut self, request: &Request) -> Option<Verdict> {
        self.first(|effect| match effect {
            Effect::Answer { target, verdict } if target.matches(request) => Some(verdict.clone()),
            _ => None,
        })
    }

    /// What to do with an AUTH.
    pub(crate) fn on_auth(&mut self) -> Option<Verdict> {
        self.first(|effect| match effect {
            Effect::Auth { verdict } => Some(verdict.clone()),
            _ => None,
        })
    }

    /// What to do with a BIND; an UNBIND is always met as usual.
    pub(crate) fn on_bind(&mut self, bind: &Bind) -> Option<Verdict> {
        if bind.unbind {
            return None;
        }
        self.first(|effect| {
            let Effect::Bind { refusal, code, reason, delay, silent } = effect else { return None };
            let refused: Vec<&str> = match refusal {
                None => Vec::new(),
                Some(BindRefusal::All) => bind.names.iter().map(String::as_str).collect(),
                Some(BindRefusal::Gateway) => vec![bind.gateway.as_ref()?.name.as_str()],
                Some(BindRefusal::Names(patterns)) => {
                    let bad = |name: &&String| patterns.iter().any(|pattern| pattern.matches(name));
                    let names: Vec<&str> = bind.names.iter().filter(bad).map(String::as_str).collect();
                    if names.is_empty() {
                        return None;
                    }
                    names
                }
            };
            let conduct = match (refusal, silent) {
                (None, false) => Conduct::Usual,
                (None, true) => Conduct::DoneSilently,
                (Some(_), true) => Conduct::Ignored,
                (Some(_), false) => Conduct::Answered(Response::error(*code, explained(reason, &refused))),
            };
            Some(Verdict { delay: *delay, conduct })
        })
    }

    /// What to do with a ping.
    pub(crate) fn on_ping(&mut self) -> Pong {
        let answer = self.first(|effect| match effect {
            Effect::Ping { answer } => Some(*answer),
            _ => None,
        });
        match answer {
            None => Pong::Usual,
            Some(PingAnswer::None) => Pong::None,
            Some(PingAnswer::Empty) => Pong::Empty,
        }
    }

    /// The oldest rule that is not used up and applies.
    fn first<T>(&mut self, apply: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        for rule in self.rules.iter_mut().filter(|rule| rule.left != Some(0)) {
            if let Some(verdict) = apply(&rule.effect) {
                rule.left = rule.left.map(|left| left - 1);
                rule.hits += 1;
                return Some(verdict);
            }
        }
        None
    }
}

/// The reason of a refusal, with the names that it is about.
fn explained(reason: &str, names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if shown.is_empty() { reason.to_owned() } else { format!("{reason}: {shown}{more}") }
}

/// Code of a refusal that does not say.
const REFUSED: Code = Code::UNAUTHORIZED;

#[cfg(test)]
mod tests;
