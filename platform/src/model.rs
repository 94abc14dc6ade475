//! The model of the platform: things, their values and who is bound to them. Pure: no socket, no clock.
//!
//! Requests of an edge are answered by [`Model::answer`], those of a REST client begin with [`Model::read`],
//! [`Model::write`] and [`Model::invoke`]; both may end in a [`RemoteCall`] that the caller carries to the edge.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

mod access;
mod answer;
mod binding;
mod change;
mod coerce;
mod definition;
mod error;
mod file;
mod history;
mod metadata;
mod params;
mod property;
mod push;
mod save;
mod service;
mod thing;
mod view;

pub use access::{Access, Caller, RemoteCall};
pub use binding::{BindError, Policy};
pub use change::Change;
pub use definition::{Adopted, Offer, Selection};
pub use error::AccessError;
pub use file::ModelError;
pub use history::History;
pub use metadata::{RemoteMetadata, RemoteProperty, RemoteService};
pub use property::{Cache, Property, Push, PushType, Quality, RemoteBinding, Sample};
pub use save::Snapshot;
pub use service::ServiceDefinition;
pub use thing::{Binding, ConnectionId, Event, Template, Thing};
pub(crate) use view::value_as_json;
pub use view::{PropertyView, ServiceView, ThingView};

/// Things by name, their bindings, and what changed since somebody looked.
#[derive(Clone, Debug, Default)]
pub struct Model {
    things: BTreeMap<String, Thing>,
    /// Identifier to name.
    identifiers: HashMap<String, String>,
    /// Names of things bound on each connection, and of the ephemeral gateways it holds.
    connections: HashMap<ConnectionId, BTreeSet<String>>,
    policy: Policy,
    auto_properties: bool,
    changes: Vec<Change>,
    /// Things whose edge has to be told that their remote bindings changed (protocol notes, section 9.5).
    rebound: BTreeSet<String>,
}

impl Model {
    /// Longest name and identifier of a thing in bytes.
    pub const MAX_NAME_BYTES: usize = 255;

    /// A model without things.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides who keeps a thing that two connections want.
    pub const fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Decides whether a push of an unknown property creates it on every thing, not only on those that learn.
    pub const fn set_auto_properties(&mut self, auto_properties: bool) {
        self.auto_properties = auto_properties;
    }

    /// Adds a thing.
    ///
    /// # Errors
    ///
    /// [`AccessError::NameTaken`] or [`AccessError::IdentifierTaken`] when another thing has one of its keys,
    /// [`AccessError::BadName`] when a key is empty, too long, or holds control characters or a leading `*`.
    pub fn add(&mut self, thing: Thing) -> Result<(), AccessError> {
        let bad_key = |key: &str| !Self::is_name(key) || key.starts_with('*');
        if let Some(bad) =
            [Some(&thing.name), thing.identifier.as_ref()].into_iter().flatten().find(|key| bad_key(key))
        {
            return Err(AccessError::BadName(bad.clone()));
        }
        if self.things.contains_key(&thing.name) {
            return Err(AccessError::NameTaken(thing.name));
        }
        if let Some(identifier) = &thing.identifier {
            if self.identifiers.contains_key(identifier) {
                return Err(AccessError::IdentifierTaken(identifier.clone()));
            }
            self.identifiers.insert(identifier.clone(), thing.name.clone());
        }
        self.changes.push(Change::Added { thing: thing.name.clone() });
        self.things.insert(thing.name.clone(), thing);
        Ok(())
    }

    /// Deletes a thing; a binding of it ends without a word to the edge, as on the real platform.
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownThing`].
    pub fn remove(&mut self, name: &str) -> Result<(), AccessError> {
        let thing = self.things.remove(name).ok_or_else(|| AccessError::UnknownThing(name.to_owned()))?;
        if let Some(identifier) = &thing.identifier {
            self.identifiers.remove(identifier);
        }
        for names in self.connections.values_mut() {
            names.remove(name);
        }
        self.changes.push(Change::Removed { thing: thing.name });
        Ok(())
    }

    /// Takes what changed since the last call, oldest first.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes the edges that have to be told that bindings changed since the last call: connection and name as bound.
    ///
    /// A thing that is not connected is not among them: its edge is told after the next BIND anyway.
    pub fn take_rebound(&mut self) -> Vec<(ConnectionId, String)> {
        let bound = |name: String| {
            let binding = self.things.get(&name)?.binding.as_ref()?;
            Some((binding.connection, binding.bound_name.clone()))
        };
        std::mem::take(&mut self.rebound).into_iter().filter_map(bound).collect()
    }

    /// Notes once more that the edge of a thing has to be told, because it could not be.
    pub fn rebound_again(&mut self, bound_name: &str) {
        if let Some(name) = self.resolve(bound_name).map(|thing| thing.name.clone()) {
            self.rebound.insert(name);
        }
    }

    /// The thing of this name, or of the identifier behind a leading `*`.
    #[must_use]
    pub fn resolve(&self, entity: &str) -> Option<&Thing> {
        match entity.strip_prefix('*') {
            Some(identifier) => self.things.get(self.identifiers.get(identifier)?),
            None => self.things.get(entity),
        }
    }

    /// Things in the order of their names.
    pub fn things(&self) -> impl ExactSizeIterator<Item = &Thing> {
        self.things.values()
    }

    /// The things whose names come behind `name`, in the order of the names.
    pub fn things_behind(&self, name: &str) -> impl Iterator<Item = &Thing> {
        self.things.range::<str, _>((Bound::Excluded(name), Bound::Unbounded)).map(|(_, thing)| thing)
    }

    /// Names of the things bound to `connection` and of the ephemeral gateways it holds.
    pub fn bound_to(&self, connection: ConnectionId) -> impl Iterator<Item = &str> {
        self.connections.get(&connection).into_iter().flatten().map(String::as_str)
    }

    fn thing(&self, entity: &str) -> Result<&Thing, AccessError> {
        self.resolve(entity).ok_or_else(|| AccessError::UnknownThing(entity.to_owned()))
    }

    fn thing_mut(&mut self, entity: &str) -> Result<&mut Thing, AccessError> {
        let name = match entity.strip_prefix('*') {
            Some(identifier) => self.identifiers.get(identifier).map(String::as_str),
            None => Some(entity),
        };
        name.and_then(|name| self.things.get_mut(name))
            .ok_or_else(|| AccessError::UnknownThing(entity.to_owned()))
    }

    fn is_name(text: &str) -> bool {
        (1..=Self::MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
    }
}
