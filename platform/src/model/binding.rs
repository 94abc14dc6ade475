//! Who may bind what: BIND, UNBIND and the loss of a connection (protocol notes, sections 7.3 to 7.5).

use edgebind_alwayson::{Bind, Code, Gateway};

use super::{Binding, Change, ConnectionId, Model, Template, Thing};

/// Who keeps a thing that two connections want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The connection that has it; the other BIND is refused.
    #[default]
    FirstInWins,
    /// The connection that binds it last.
    LastInWins,
}

/// Why a BIND was refused; nothing of it was bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Names that no thing has.
    #[error("unknown: {}", list(.0))]
    Unknown(Vec<String>),
    /// Things with an identifier, named by their name.
    #[error("to be bound by identifier, not by name: {}", list(.0))]
    NeedsIdentifier(Vec<String>),
    /// Things that a live connection holds already.
    #[error("bound by another connection: {}", list(.0))]
    Held(Vec<String>),
    /// A gateway marker for a thing of another template.
    #[error("gateway {name} is a {actual} on the platform, not a {wanted}")]
    Template {
        /// Name in the marker.
        name: String,
        /// Template in the marker.
        wanted: String,
        /// Template of the thing.
        actual: String,
    },
    /// A name that no thing could have.
    #[error("a gateway name has 1 to {} bytes without control characters", Model::MAX_NAME_BYTES)]
    BadName,
}

impl BindError {
    /// Status of the refusal.
    ///
    /// The protocol notes leave the codes open (section 7.3). Ours: NOT_FOUND for unknown names,
    /// PRECONDITION_FAILED for names that are held elsewhere and may be free later, BAD_REQUEST for what no
    /// repetition would mend.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unknown(_) => Code::NOT_FOUND,
            Self::Held(_) => Code::PRECONDITION_FAILED,
            Self::NeedsIdentifier(_) | Self::Template { .. } | Self::BadName => Code::BAD_REQUEST,
        }
    }
}

impl Model {
    /// Binds all names of `bind` to `connection`, or none of them.
    ///
    /// A name bound on the same connection already is bound again without complaint (section 7.3). A gateway marker
    /// whose name no thing has makes an ephemeral gateway thing; several connections may use one such name, the
    /// first of them answers for it.
    ///
    /// # Errors
    ///
    /// [`BindError`] when a name is unknown, held by another connection or wrongly spelled; names every name that is.
    pub fn bind(&mut self, connection: ConnectionId, bind: &Bind, now_ms: i64) -> Result<(), BindError> {
        self.check_gateway(connection, bind.gateway.as_ref())?;
        self.check_names(connection, bind)?;
        if let Some(gateway) = &bind.gateway {
            self.hold_ephemeral(connection, gateway, now_ms);
        }
        for bound_name in &bind.names {
            if let Some(name) = self.resolve(bound_name).map(|thing| thing.name.clone()) {
                self.attach(connection, &name, bound_name, now_ms);
            }
        }
        Ok(())
    }

    /// Ends the binding of the names of `bind` on `connection`; names that are not bound there are passed over.
    ///
    /// The gateway marker is repeated in every UNBIND (section 5.4) and ends nothing by itself.
    pub fn unbind(&mut self, connection: ConnectionId, bind: &Bind, now_ms: i64) {
        for bound_name in &bind.names {
            if let Some(name) = self.resolve(bound_name).map(|thing| thing.name.clone()) {
                self.detach(connection, &name, now_ms);
            }
        }
    }

    /// Ends every binding of `connection`, as its loss does (section 7.5).
    pub fn disconnect(&mut self, connection: ConnectionId, now_ms: i64) {
        for name in self.connections.remove(&connection).unwrap_or_default() {
            self.detach(connection, &name, now_ms);
        }
    }

    fn check_gateway(&self, connection: ConnectionId, gateway: Option<&Gateway>) -> Result<(), BindError> {
        let Some(gateway) = gateway else { return Ok(()) };
        let Some(thing) = self.resolve(&gateway.name) else {
            return if Self::is_name(&gateway.name) && !gateway.name.starts_with('*') {
                Ok(())
            } else {
                Err(BindError::BadName)
            };
        };
        if thing.ephemeral {
            return Ok(());
        }
        if thing.template.as_str() != gateway.template {
            return Err(BindError::Template {
                name: gateway.name.clone(),
                wanted: gateway.template.clone(),
                actual: thing.template.to_string(),
            });
        }
        if self.is_held_against(thing, connection) {
            return Err(BindError::Held(vec![gateway.name.clone()]));
        }
        Ok(())
    }

    fn check_names(&self, connection: ConnectionId, bind: &Bind) -> Result<(), BindError> {
        let (mut unknown, mut by_name, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for bound_name in &bind.names {
            match self.resolve(bound_name) {
                None if bind.gateway.as_ref().is_some_and(|gateway| gateway.name == *bound_name) => {}
                None => unknown.push(bound_name.clone()),
                Some(thing) if thing.identifier.is_some() && !bound_name.starts_with('*') => {
                    by_name.push(bound_name.clone());
                }
                Some(thing) if self.is_held_against(thing, connection) => held.push(bound_name.clone()),
                Some(_) => {}
            }
        }
        if !unknown.is_empty() {
            Err(BindError::Unknown(unknown))
        } else if !by_name.is_empty() {
            Err(BindError::NeedsIdentifier(by_name))
        } else if !held.is_empty() {
            Err(BindError::Held(held))
        } else {
            Ok(())
        }
    }

    fn is_held_against(&self, thing: &Thing, connection: ConnectionId) -> bool {
        self.policy == Policy::FirstInWins
            && !thing.ephemeral
            && thing.binding.as_ref().is_some_and(|binding| binding.connection != connection)
    }

    fn hold_ephemeral(&mut self, connection: ConnectionId, gateway: &Gateway, now_ms: i64) {
        if self.resolve(&gateway.name).is_none() {
            let mut thing = Thing::new(&gateway.name, Template::new(&gateway.template));
            thing.ephemeral = true;
            self.changes.push(Change::Added { thing: gateway.name.clone() });
            self.things.insert(gateway.name.clone(), thing);
        }
        if self.things.get(&gateway.name).is_some_and(|thing| thing.ephemeral) {
            self.attach(connection, &gateway.name, &gateway.name, now_ms);
        }
    }

    fn attach(&mut self, connection: ConnectionId, name: &str, bound_name: &str, now_ms: i64) {
        let Some(thing) = self.things.get_mut(name) else { return };
        if thing.ephemeral && !thing.holders.contains(&connection) {
            thing.holders.push(connection);
        }
        let held_by = thing.binding.as_ref().map(|binding| binding.connection);
        self.connections.entry(connection).or_default().insert(name.to_owned());
        if thing.ephemeral
            && self.policy == Policy::FirstInWins
            && held_by.is_some_and(|held| held != connection)
        {
            return;
        }
        thing.binding = Some(Binding { connection, bound_name: bound_name.to_owned() });
        thing.last_connection = Some(now_ms);
        if held_by != Some(connection) {
            self.changes.push(Change::Bound { thing: name.to_owned(), time: now_ms });
        }
        if let Some(former) = held_by.filter(|held| *held != connection && !thing.ephemeral)
            && let Some(names) = self.connections.get_mut(&former)
        {
            names.remove(name);
        }
    }

    fn detach(&mut self, connection: ConnectionId, name: &str, now_ms: i64) {
        if let Some(names) = self.connections.get_mut(&connection) {
            names.remove(name);
        }
        let Some(thing) = self.things.get_mut(name) else { return };
        thing.holders.retain(|holder| *holder != connection);
        if thing.binding.as_ref().is_none_or(|binding| binding.connection != connection) {
            return;
        }
        thing.binding = thing
            .holders
            .first()
            .map(|holder| Binding { connection: *holder, bound_name: thing.name.clone() });
        if thing.binding.is_some() {
            return;
        }
        self.changes.push(Change::Unbound { thing: name.to_owned(), time: now_ms });
        if thing.ephemeral {
            self.things.remove(name);
            self.changes.push(Change::Removed { thing: name.to_owned() });
        }
    }
}

/// Names for a reason: the first ten, then how many more.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests;
