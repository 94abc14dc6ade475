//! The things that the gateway is to bind, by name: read by every thread, changed by the registrar alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use edgebind_alwayson::Gateway;

use crate::{Endpoint, Registration, Source, ThingName};

/// Desired things (design: binding). A clone sees the same things.
#[derive(Clone, Default)]
pub struct Registry(Arc<RwLock<Inner>>);

#[derive(Default)]
struct Inner {
    things: HashMap<ThingName, Arc<Registration>>,
    /// Names by their spelling without case: the order of GetEdgeThings, and how callers find a name.
    spellings: BTreeMap<Box<str>, BTreeSet<ThingName>>,
    endpoints: HashMap<Endpoint, HashSet<ThingName>>,
    gateway: Option<ThingName>,
    /// Names that the platform told of things bound by identifier.
    real_names: HashMap<String, ThingName>,
}

impl Registry {
    /// Template that the gateway marker of a BIND names (EMS notes, 10.3).
    pub const GATEWAY_TEMPLATE: &str = "EMSGateway";

    /// Puts a thing in; returns what stood under its name before.
    pub fn insert(&self, registration: Arc<Registration>) -> Option<Arc<Registration>> {
        self.write(|inner| {
            let before = inner.remove(&registration.name);
            if registration.source == Source::Gateway {
                // The last gateway entry gives the marker (EMS notes, 10.3).
                inner.gateway = Some(registration.name.clone());
            }
            if registration.source != Source::Gateway {
                let names = inner.endpoints.entry(registration.endpoint.clone()).or_default();
                names.insert(registration.name.clone());
            }
            let spelling = fold(registration.name.as_str());
            inner.spellings.entry(spelling).or_default().insert(registration.name.clone());
            inner.things.insert(registration.name.clone(), registration);
            before
        })
    }

    /// Takes a thing out.
    pub fn remove(&self, name: &ThingName) -> Option<Arc<Registration>> {
        self.write(|inner| {
            if name.as_str().starts_with('*') {
                inner.real_names.retain(|_, known| known != name);
            }
            inner.remove(name)
        })
    }

    /// The thing of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Registration>> {
        self.read(|inner| inner.things.get(name).cloned())
    }

    /// Notes the name of a thing that is bound by its identifier: requests may come for either (protocol notes,
    /// section 7.3).
    pub(crate) fn learn(&self, real_name: &str, bound: &ThingName) {
        self.write(|inner| {
            if inner.things.contains_key(bound) && !inner.things.contains_key(real_name) {
                inner.real_names.retain(|_, known| known != bound);
                inner.real_names.insert(real_name.to_owned(), bound.clone());
            }
        });
    }

    /// The name under which the thing called `real_name` is bound, if it is bound by its identifier.
    #[must_use]
    pub fn bound_name(&self, real_name: &str) -> Option<ThingName> {
        self.read(|inner| inner.real_names.get(real_name).cloned())
    }

    /// The thing of this name, else one whose name differs in case only: how HasEdgeThing and RemoveEdgeThing look.
    #[must_use]
    pub fn find_in_any_case(&self, name: &str) -> Option<Arc<Registration>> {
        self.read(|inner| {
            let exact = inner.things.get(name);
            let similar = || inner.things.get(inner.spellings.get(&*fold(name))?.first()?);
            exact.or_else(similar).cloned()
        })
    }

    /// All things, sorted by name without case (GetEdgeThings).
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Registration>> {
        self.read(|inner| {
            let names = inner.spellings.values().flatten();
            names.filter_map(|name| inner.things.get(name).cloned()).collect()
        })
    }

    /// The things that `endpoint` answers for.
    #[must_use]
    pub fn at(&self, endpoint: &Endpoint) -> Vec<Arc<Registration>> {
        self.read(|inner| {
            let names = inner.endpoints.get(endpoint).into_iter().flatten();
            names.filter_map(|name| inner.things.get(name).cloned()).collect()
        })
    }

    /// How many things there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read(|inner| inner.things.len())
    }

    /// Whether there is no thing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Marker for every BIND and UNBIND, if a gateway thing is configured.
    #[must_use]
    pub fn gateway(&self) -> Option<Gateway> {
        let name = self.read(|inner| inner.gateway.clone())?;
        Some(Gateway { name: name.to_string(), template: Self::GATEWAY_TEMPLATE.to_owned() })
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        // A panic in a reader or writer cannot leave a half-made entry behind: every change is one call of a map.
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn remove(&mut self, name: &ThingName) -> Option<Arc<Registration>> {
        let before = self.things.remove(name)?;
        let spelling = fold(name.as_str());
        if let Some(names) = self.spellings.get_mut(&spelling) {
            names.remove(name);
            if names.is_empty() {
                self.spellings.remove(&spelling);
            }
        }
        if let Some(names) = self.endpoints.get_mut(&before.endpoint) {
            names.remove(name);
            if names.is_empty() {
                self.endpoints.remove(&before.endpoint);
            }
        }
        // The marker stays: the gateway is the same also when its own thing is gone (EMS notes, 7.4).
        Some(before)
    }
}

fn fold(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

#[cfg(test)]
mod tests {
    use edgebind_alwayson::json::Inputs;

    use super::*;

    fn registry(names: &[&str]) -> Registry {
        let registry = Registry::default();
        for name in names {
            let inputs = Inputs::from_json(&format!(r#"{{"name":"{name}"}}"#)).unwrap();
            registry.insert(Arc::new(Registration::from_inputs(&inputs).unwrap()));
        }
        registry
    }

    #[test]
    fn names_are_sorted_and_found_without_case() {
        let registry = registry(&["zz", "GW1", "aa", "Mm", "mm"]);
        let all: Vec<String> = registry.all().iter().map(|thing| thing.name.to_string()).collect();
        assert_eq!(all, ["aa", "GW1", "Mm", "mm", "zz"]);
        let found = |name: &str| registry.find_in_any_case(name).map(|thing| thing.name.to_string());
        assert_eq!(found("gw1").as_deref(), Some("GW1"));
        assert_eq!(found("mm").as_deref(), Some("mm"), "the exact spelling goes first");
        assert_eq!(found("other"), None);
        assert!(registry.find("gw1").is_none(), "the platform knows names with their case");
    }

    #[test]
    fn what_is_removed_is_found_under_no_spelling() {
        let registry = registry(&["Mm", "mm"]);
        registry.remove(&ThingName::parse("Mm").unwrap()).unwrap();
        assert_eq!(registry.find_in_any_case("MM").unwrap().name.as_str(), "mm");
        registry.remove(&ThingName::parse("mm").unwrap()).unwrap();
        assert!(registry.find_in_any_case("MM").is_none());
        assert!(registry.is_empty());
    }
}
