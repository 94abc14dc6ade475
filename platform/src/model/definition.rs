//! Changing what things are made of: properties, remote bindings, services; by hand, or from what an edge offers.
//!
//! Every change of a remote binding is noted for [`Model::take_rebound`]: the edge has to be told, so that it asks
//! for its subscriptions again (protocol notes, section 9.5).

use edgebind_alwayson::{Characteristic, Content, Method};

use super::{
    AccessError, Change, Model, Property, Push, PushType, RemoteBinding, RemoteCall, RemoteMetadata,
    RemoteProperty, RemoteService, ServiceDefinition, Thing,
    access::{call, unknown_property},
};

/// What an edge offers, beside what the thing has of it already.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Properties, each with whether one of the platform is bound to it.
    pub properties: Vec<(RemoteProperty, bool)>,
    /// Services, each with whether a definition stands for it.
    pub services: Vec<(RemoteService, bool)>,
    /// What the edge declares and nobody can use.
    pub skipped: Vec<String>,
}

/// What of an offer is to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything that is not there yet.
    All,
    /// These, by their names at the edge.
    Named {
        /// Properties.
        properties: Vec<String>,
        /// Services.
        services: Vec<String>,
    },
}

/// What was added, by the names at the edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Properties.
    pub properties: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// What could not be added, each with the reason.
    pub refused: Vec<(String, AccessError)>,
}

impl Model {
    /// The request by which the edge of a thing is asked for its metadata.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing, or one that is not connected.
    pub fn browse(&self, entity: &str) -> Result<RemoteCall, AccessError> {
        let thing = self.thing(entity)?;
        call(thing, Method::Post, Characteristic::Services, RemoteMetadata::SERVICE, Content::Nothing)
    }

    /// What of `metadata` the thing has already, and what it has not.
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownThing`].
    pub fn offer(&self, entity: &str, metadata: RemoteMetadata) -> Result<Offer, AccessError> {
        let thing = self.thing(entity)?;
        let RemoteMetadata { properties, services, skipped } = metadata;
        let has = |service: &RemoteService| thing.services().any(|known| known.remote_name == service.name);
        Ok(Offer {
            properties: properties
                .into_iter()
                .map(|property| {
                    let added = thing.bound_property(&property.name).is_some();
                    (property, added)
                })
                .collect(),
            services: services
                .into_iter()
                .map(|service| {
                    let added = has(&service);
                    (service, added)
                })
                .collect(),
            skipped,
        })
    }

    /// Adds what is selected of `metadata` to the definitions of a thing, under the names at the edge.
    ///
    /// A property without a push type of its own is subscribed with VALUE: one that is missing from the answer of
    /// GetPropertySubscriptions would never be pushed by a script resource (LSR notes, 5.2). A property of the platform that has
    /// the name already, without a remote binding, is bound. What is there already is passed over.
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownThing`], [`AccessError::NotOfferedRemotely`] when a selected name is not in `metadata`:
    /// then nothing is added.
    pub fn adopt(
        &mut self,
        entity: &str,
        metadata: RemoteMetadata,
        selection: &Selection,
    ) -> Result<Adopted, AccessError> {
        let name = self.thing(entity)?.name.clone();
        let (properties, services) = match selection {
            Selection::All => (metadata.properties, metadata.services),
            Selection::Named { properties, services } => (
                selected(&name, "property", metadata.properties, properties, |property| &property.name)?,
                selected(&name, "service", metadata.services, services, |service| &service.name)?,
            ),
        };
        let mut adopted = Adopted::default();
        for property in properties {
            let edge_name = property.name.clone();
            match self.adopt_property(&name, property) {
                Ok(true) => adopted.properties.push(edge_name),
                Ok(false) => {}
                Err(error) => adopted.refused.push((edge_name, error)),
            }
        }
        for service in services {
            let edge_name = service.name.clone();
            match self.adopt_service(&name, service) {
                Ok(true) => adopted.services.push(edge_name),
                Ok(false) => {}
                Err(error) => adopted.refused.push((edge_name, error)),
            }
        }
        Ok(adopted)
    }

    /// Adds a property, or replaces the one of its name; a property of the same type keeps its value and history.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing, a name that is none or taken, or a remote name that is bound already.
    pub fn define_property(&mut self, entity: &str, mut property: Property) -> Result<(), AccessError> {
        let thing = self.thing_mut(entity)?;
        check_property(thing, &property)?;
        let former = thing.property(&property.name);
        let rebound = former.and_then(|former| former.remote.as_ref()) != property.remote.as_ref();
        if let Some(former) = former.filter(|former| former.base_type == property.base_type) {
            if property.sample.time.is_none() {
                property.sample = former.sample.clone();
            }
            let limit = property.history.limit();
            property.history = former.history.limited(limit);
        }
        thing.set_property(property);
        let name = thing.name.clone();
        self.defined(name, rebound);
        Ok(())
    }

    /// Takes a property away, and its remote binding with it.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing or property.
    pub fn remove_property(&mut self, entity: &str, property: &str) -> Result<(), AccessError> {
        let thing = self.thing_mut(entity)?;
        let unknown = unknown_property(thing, property);
        let removed = thing.remove_property(property).ok_or(unknown)?;
        let name = thing.name.clone();
        self.defined(name, removed.remote.is_some());
        Ok(())
    }

    /// Binds a property to one at the edge, changes its binding, or with `None` ends it: then the property lives here.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing or property, or a remote name that is bound already.
    pub fn bind_property(
        &mut self,
        entity: &str,
        property: &str,
        remote: Option<RemoteBinding>,
    ) -> Result<(), AccessError> {
        let thing = self.thing(entity)?;
        let known = thing.property(property).ok_or_else(|| unknown_property(thing, property))?;
        self.define_property(entity, Property { remote, ..known.clone() })
    }

    /// Adds a service definition, or replaces the one of its name.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing, a name that is none, or a thing that has too many.
    pub fn define_service(&mut self, entity: &str, service: ServiceDefinition) -> Result<(), AccessError> {
        let thing = self.thing_mut(entity)?;
        check_service(thing, &service)?;
        thing.set_service(service);
        let name = thing.name.clone();
        self.defined(name, false);
        Ok(())
    }

    /// Takes a service definition away.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing or service.
    pub fn remove_service(&mut self, entity: &str, service: &str) -> Result<(), AccessError> {
        let thing = self.thing_mut(entity)?;
        let name = thing.name.clone();
        if thing.remove_service(service).is_none() {
            return Err(AccessError::UnknownService { thing: name, service: service.to_owned() });
        }
        self.defined(name, false);
        Ok(())
    }

    fn adopt_property(&mut self, thing: &str, remote: RemoteProperty) -> Result<bool, AccessError> {
        let known = self.thing(thing)?;
        if known.bound_property(&remote.name).is_some() {
            return Ok(false);
        }
        let push = remote.push.unwrap_or(Push { push_type: PushType::Value, threshold: 0.0 });
        let binding = RemoteBinding { push: Some(push), ..RemoteBinding::new(&remote.name) };
        let property = match known.property(&remote.name) {
            Some(Property { remote: Some(other), name, .. }) => {
                return Err(AccessError::AlreadyBound {
                    thing: thing.to_owned(),
                    property: name.clone(),
                    remote: other.name.clone(),
                });
            }
            Some(local) => Property { remote: Some(binding), ..local.clone() },
            None => Property {
                description: remote.description,
                remote: Some(binding),
                ..Property::new(remote.name, remote.base_type)
            },
        };
        self.define_property(thing, property).map(|()| true)
    }

    fn adopt_service(&mut self, thing: &str, remote: RemoteService) -> Result<bool, AccessError> {
        let known = self.thing(thing)?;
        if known.services().any(|service| service.remote_name == remote.name) {
            return Ok(false);
        }
        if known.service(&remote.name).is_some() {
            return Err(AccessError::ServiceTaken { thing: thing.to_owned(), service: remote.name });
        }
        let RemoteService { name, description, inputs, output } = remote;
        let service = ServiceDefinition { remote_name: name.clone(), name, description, inputs, output };
        self.define_service(thing, service).map(|()| true)
    }

    fn defined(&mut self, thing: String, rebound: bool) {
        if rebound {
            self.rebound.insert(thing.clone());
        }
        self.changes.push(Change::Defined { thing });
    }
}

/// Whether `thing` can have this property, in place of one of the same name.
pub(super) fn check_property(thing: &Thing, property: &Property) -> Result<(), AccessError> {
    let name = &property.name;
    for name in [name.as_str(), property.edge_name()] {
        if !Model::is_name(name) {
            return Err(AccessError::BadName(name.to_owned()));
        }
    }
    if Thing::BUILT_IN.iter().any(|(known, _)| known == name) {
        return Err(AccessError::BuiltIn(name.clone()));
    }
    if thing.property(name).is_none() && thing.properties().len() >= Thing::MAX_PROPERTIES {
        return Err(AccessError::Full(thing.name.clone()));
    }
    let mut others = thing.properties().filter(|other| other.name != *name);
    match others.find(|other| property.remote.is_some() && other.edge_name() == property.edge_name()) {
        Some(other) => Err(AccessError::AlreadyBound {
            thing: thing.name.clone(),
            property: other.name.clone(),
            remote: property.edge_name().to_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether `thing` can have this service definition, in place of one of the same name.
pub(super) fn check_service(thing: &Thing, service: &ServiceDefinition) -> Result<(), AccessError> {
    for name in [&service.name, &service.remote_name] {
        if !Model::is_name(name) {
            return Err(AccessError::BadName(name.clone()));
        }
    }
    if thing.service(&service.name).is_none() && thing.services().len() >= Thing::MAX_SERVICES {
        return Err(AccessError::Full(thing.name.clone()));
    }
    Ok(())
}

/// The members of `offered` that `names` selects; an error if one is not there.
fn selected<T>(
    thing: &str,
    kind: &'static str,
    offered: Vec<T>,
    names: &[String],
    name_of: impl Fn(&T) -> &String,
) -> Result<Vec<T>, AccessError> {
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !offered.iter().any(|item| name_of(item) == *name))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(AccessError::NotOfferedRemotely {
            thing: thing.to_owned(),
            kind,
            names: missing.join(", "),
        });
    }
    Ok(offered.into_iter().filter(|item| names.contains(name_of(item))).collect())
}

#[cfg(test)]
mod tests;
