//! Another configuration for a gateway that runs: what can be applied without dropping a binding is, the rest is named.

use std::collections::{BTreeMap, BTreeSet};

use edgebind_actors::{
    Registration, Source, Units,
    link::{KeyTaken, OfferKey},
    registrar::{deregister, register},
};
use edgebind_config::{AutoBind, Config, Difference, FileText, Loaded, Sources, load};
use edgebind_observability::log::level;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::last_good::LastGood;

/// Somebody asks for a reload.
pub(crate) struct Request {
    /// Whether the gateway is to start anew when changes wait for that.
    pub(crate) restart: bool,
    pub(crate) answer: oneshot::Sender<Result<Report, String>>,
}

/// What a reload came to.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) changes: Vec<Change>,
    /// Whether the gateway starts anew for the changes that need it.
    pub(crate) restarts: bool,
}

/// One key whose value is not what it was; secrets are shown as asterisks, absent values are left to the default.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) effect: Effect,
    /// What else there is to say.
    pub(crate) note: Option<String>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// In force.
    Applied,
    /// In force after `edgebind reload --restart`, or the next start.
    Restart,
    /// Tried, and not possible; what was before stays in force.
    Refused,
}

impl Report {
    /// How many changes wait for a restart.
    pub(crate) fn waiting(&self) -> usize {
        self.changes.iter().filter(|change| change.effect == Effect::Restart).count()
    }

    /// Says every change in the log.
    pub(crate) fn log(&self) {
        if self.changes.is_empty() {
            info!("The configuration was read again; nothing has changed.");
        }
        for Change { key, before, after, effect, note } in &self.changes {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(default)".to_owned());
            let (before, after, note) = (shown(before), shown(after), note.as_deref().unwrap_or_default());
            match effect {
                Effect::Applied => info!(key, before, after, note, "Changed."),
                Effect::Restart => {
                    warn!(key, before, after, note, "Changed in the file; needs edgebind reload --restart.")
                }
                Effect::Refused => warn!(key, before, after, note, "Not changed."),
            }
        }
    }
}

/// Reads the configuration again for one run of the gateway.
pub(crate) struct Reloader<'a> {
    sources: &'a Sources<'a>,
    /// What the gateway was started with: changes that need a restart are told until there is one.
    started: &'a Loaded,
    /// What is in force, where that is not what the gateway was started with.
    current: Option<Loaded>,
    last_good: Option<LastGood>,
    units: Units,
}

impl<'a> Reloader<'a> {
    /// `last_good` is kept once the platform has accepted the gateway, and again after a reload that left nothing over.
    pub(crate) fn new(
        sources: &'a Sources<'a>,
        started: &'a Loaded,
        last_good: Option<LastGood>,
        units: Units,
    ) -> Self {
        let reloader = Self { sources, started, current: None, last_good, units };
        reloader.keep(&started.text);
        reloader
    }

    /// Reloads for somebody who waits for the report; true if the gateway is to start anew.
    pub(crate) async fn answer(&mut self, request: Request) -> bool {
        let mut outcome = self.reload().await;
        if let Ok(report) = &mut outcome {
            report.restarts = request.restart && report.waiting() > 0;
            report.log();
        }
        let restarts = outcome.as_ref().is_ok_and(|report| report.restarts);
        // Whoever asked may have gone; the reload counts all the same.
        request.answer.send(outcome).unwrap_or_default();
        restarts
    }

    /// Brings the running gateway to what the configuration says now, as far as that goes without a restart.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration; everything stays as it was, and the log says so.
    pub(crate) async fn reload(&mut self) -> Result<Report, String> {
        let after = load(self.sources).map_err(|error| {
            error!(%error, "The changed configuration cannot be used; everything stays as it was.");
            error.to_string()
        })?;
        let report = self.apply(&after).await;
        if report.waiting() == 0 {
            self.keep(&after.text);
        }
        if report.changes.iter().all(|change| change.effect != Effect::Refused) {
            self.current = Some(after);
        }
        Ok(report)
    }

    async fn apply(&self, after: &Loaded) -> Report {
        let before = self.current.as_ref().unwrap_or(self.started);
        let live = before.settings.differences(&after.settings);
        let waiting = self.started.settings.differences(&after.settings);
        let waiting = waiting.into_iter().filter(|found| matches!(area(&found.key), Area::Rest));
        let live = live.into_iter().filter(|found| !matches!(area(&found.key), Area::Rest));
        let live: Vec<Difference> = live.collect();
        let names: BTreeSet<String> = live.iter().filter_map(|found| thing(&found.key)).collect();
        let mut things = change_things(&self.units, &before.config, &after.config, names.into_iter()).await;
        let mut report = Report::default();
        for Difference { key, before, after: now } in live.into_iter().chain(waiting) {
            let (effect, note) = match area(&key) {
                Area::Key => offer_key(&self.units, &after.config).await,
                Area::Log => turn_log(&after.config),
                Area::Thing(name) => match things.get_mut(name) {
                    // The note stands once, however many keys of the entry are different.
                    Some((effect, note)) => (*effect, note.take()),
                    None => (Effect::Restart, None),
                },
                Area::Rest => (Effect::Restart, None),
            };
            report.changes.push(Change { key, before, after: now, effect, note });
        }
        if !things.is_empty() {
            self.units.local.relist(after.config.auto_bind.iter().map(|entry| entry.name.to_string()));
        }
        report
    }

    /// Keeps a configuration for the day its file cannot be read.
    fn keep(&self, text: &FileText) {
        if let Some(last_good) = &self.last_good {
            let last_good = LastGood { text: text.clone(), ..last_good.clone() };
            actix_rt::spawn(last_good.keep_when_online(self.units.link_status.clone()));
        }
    }
}

/// What a key belongs to.
enum Area<'k> {
    Key,
    Log,
    Thing(&'k str),
    Rest,
}

fn area(key: &str) -> Area<'_> {
    match key {
        "appKey" => Area::Key,
        "logger.level" | "observability.log_filter" => Area::Log,
        key => match key.strip_prefix("auto_bind[").and_then(|rest| rest.rsplit_once("].")) {
            Some((name, _)) => Area::Thing(name),
            None => Area::Rest,
        },
    }
}

/// The entry of `auto_bind` that a key belongs to.
fn thing(key: &str) -> Option<String> {
    match area(key) {
        Area::Thing(name) => Some(name.to_owned()),
        _ => None,
    }
}

async fn offer_key(units: &Units, config: &Config) -> (Effect, Option<String>) {
    let Some(link) = units.link() else {
        return (Effect::Restart, Some("the connection is being restarted".to_owned()));
    };
    match link.send(OfferKey(config.app_key.clone())).await {
        Ok(Ok(KeyTaken::Accepted)) => (Effect::Applied, Some("the platform accepts it".to_owned())),
        Ok(Ok(KeyTaken::NextConnection)) => {
            (Effect::Applied, Some("offered from the next connection on".to_owned()))
        }
        Ok(Err(refused)) => (Effect::Refused, Some(refused.to_string())),
        Err(_) => (Effect::Restart, Some("the connection is being restarted".to_owned())),
    }
}

fn turn_log(config: &Config) -> (Effect, Option<String>) {
    let filter = config.observability.log_filter.clone();
    let filter = filter.unwrap_or_else(|| config.logger.level.directive().to_owned());
    match level::set(&filter) {
        Ok(()) => (Effect::Applied, None),
        Err(error) => (Effect::Refused, Some(error.to_string())),
    }
}

/// What became of each entry of `auto_bind` that is different, however many of its keys are.
type Outcomes = BTreeMap<String, (Effect, Option<String>)>;

/// Changes the entries `names`, all at a time: each may wait for its BIND.
async fn change_things(
    units: &Units,
    before: &Config,
    after: &Config,
    names: impl Iterator<Item = String>,
) -> Outcomes {
    let find =
        |config: &Config, name: &str| config.auto_bind.iter().find(|entry| entry.name == name).cloned();
    let changes = names.map(|name| async {
        let (before, after) = (find(before, &name), find(after, &name));
        let is_gateway = |entry: &Option<AutoBind>| entry.as_ref().is_some_and(|entry| entry.gateway);
        let outcome = match after {
            _ if is_gateway(&before) || is_gateway(&after) => {
                (Effect::Restart, Some("the gateway's own name stands in every BIND".to_owned()))
            }
            Some(after) => take_in(units, &after).await,
            None => let_go(units, &name).await,
        };
        (name, outcome)
    });
    join_all(changes).await.into_iter().collect()
}

async fn take_in(units: &Units, entry: &AutoBind) -> (Effect, Option<String>) {
    let registration = match Registration::from_auto_bind(entry) {
        Ok(registration) => registration,
        Err(error) => return (Effect::Refused, Some(error.to_string())),
    };
    match register(units, registration).await {
        Ok(()) => (Effect::Applied, None),
        Err(error) => (Effect::Refused, Some(error.to_string())),
    }
}

/// A thing that registered itself meanwhile stays: its agent wants it.
async fn let_go(units: &Units, name: &str) -> (Effect, Option<String>) {
    let configured = units.registry.find(name).is_some_and(|thing| thing.source != Source::Dynamic);
    if !configured {
        return (Effect::Applied, Some("it stays as its agent has registered it".to_owned()));
    }
    match deregister(units, name.to_owned()).await {
        Ok(()) => (Effect::Applied, None),
        Err(error) => (Effect::Refused, Some(error.to_string())),
    }
}
