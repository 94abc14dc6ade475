//! Reads, writes and calls: answered here, or carried to the edge that the thing is bound to.

use edgebind_alwayson::{Characteristic, Content, Field, InfoTable, Method, Request, Response, Value};

use super::{
    AccessError, Change, ConnectionId, Model, Property, Sample, Thing, coerce::coerce, params::Params,
};

/// A result that is at hand, or a request that has to go to the edge for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Access<T> {
    /// The model had it.
    Here(T),
    /// The edge has it.
    Remote(RemoteCall),
}

/// A request to the edge that a thing is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteCall {
    /// Name of the thing on the platform.
    pub thing: String,
    /// Connection that the thing is bound to.
    pub connection: ConnectionId,
    /// Request with the name as bound and the name at the edge.
    pub request: Request,
}

/// Who asks; an edge reaches less than a REST client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// REST: reads and writes through, calls what the platform has no definition of.
    Rest,
    /// An edge: reads and writes what the platform holds, calls only services that are defined.
    Edge,
}

impl Model {
    /// Reads a property; one with a remote binding is read at the edge, unless its cache serves.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing or property, or when the edge is needed and not there.
    pub fn read(&self, entity: &str, property: &str, now_ms: i64) -> Result<Access<InfoTable>, AccessError> {
        let thing = self.thing(entity)?;
        match thing.property(property) {
            Some(Property { remote: Some(remote), sample, .. }) if !remote.cache.serves(sample, now_ms) => {
                let call =
                    call(thing, Method::Get, Characteristic::Properties, &remote.name, Content::Nothing);
                call.map(Access::Remote)
            }
            _ => cached(thing, property).map(Access::Here),
        }
    }

    /// A request for the edge of a thing that no definition stands behind.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing, or one that is not connected.
    pub fn relay(
        &self,
        entity: &str,
        method: Method,
        characteristic: Characteristic,
        name: &str,
        params: Content,
    ) -> Result<RemoteCall, AccessError> {
        call(self.thing(entity)?, method, characteristic, name, params)
    }

    /// Takes the edge's answer to a read: the value becomes the property's newest.
    ///
    /// # Errors
    ///
    /// [`AccessError::BadValue`] when the answer holds no value, or one that does not fit the property.
    pub fn take_read(
        &mut self,
        entity: &str,
        property: &str,
        answer: &Content,
        now_ms: i64,
    ) -> Result<InfoTable, AccessError> {
        let thing = self.thing_mut(entity)?;
        let unknown = unknown_property(thing, property);
        let Some(known) = thing.property_mut(property) else { return Err(unknown) };
        let missing = || AccessError::BadValue {
            name: property.to_owned(),
            problem: "the edge answered without a value".to_owned(),
        };
        let params = Params::read(answer)?;
        let value = match params.value(known.edge_name(), known.base_type)? {
            Some(value) => value,
            None => params.only(known.base_type)?.ok_or_else(missing)?,
        };
        known.take(Sample::good(value, now_ms));
        let (table, change) = (single(known), value_change(entity, known));
        self.changes.push(change);
        Ok(table)
    }

    /// All properties of a thing as the platform knows them, in one row (protocol notes, section 8).
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownThing`].
    pub fn values(&self, entity: &str) -> Result<InfoTable, AccessError> {
        let thing = self.thing(entity)?;
        let built_in = Thing::BUILT_IN
            .iter()
            .filter(|(name, _)| thing.property(name).is_none())
            .filter_map(|(name, base_type)| Some((Field::new(*name, *base_type), thing.built_in(name)?)));
        let own = thing.properties().map(|property| {
            let field = Field {
                description: property.description.clone(),
                ..Field::new(&property.name, property.base_type)
            };
            (field, property.sample.value.clone())
        });
        let (fields, row) = built_in.chain(own).unzip();
        Ok(InfoTable { fields, rows: vec![row] })
    }

    /// Writes one property, or several with the name `*`: remote ones at the edge, the others here.
    ///
    /// A write through changes nothing here: the value is new when the edge pushes it back. Several properties are
    /// written all or none; several remote ones at once are refused, since the edge takes one a request.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for unknown names, values that do not fit, or an edge that is needed and not there.
    pub fn write(
        &mut self,
        entity: &str,
        property: &str,
        params: &Content,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Access<()>, AccessError> {
        let thing = self.thing(entity)?;
        let values = written_values(thing, property, params)?;
        let remote = values.iter().find_map(|(name, value)| {
            let remote = thing.property(name)?.remote.as_ref()?;
            Some((remote.name.as_str(), value))
        });
        if let (Caller::Rest, Some((edge_name, value))) = (caller, remote) {
            if values.len() > 1 {
                return Err(AccessError::BadParams(format!(
                    "remote properties are written one at a time, and {edge_name} is one"
                )));
            }
            let params = Content::Table(InfoTable::single(edge_name, value.clone()));
            let call = call(thing, Method::Put, Characteristic::Properties, edge_name, params);
            return call.map(Access::Remote);
        }
        let name = thing.name.clone();
        for (property, value) in values {
            self.set(&name, &property, Sample::good(value, now_ms));
        }
        Ok(Access::Here(()))
    }

    /// Calls a service: one of the platform itself, one that is defined as remote, or (for REST only) whatever
    /// the connected edge offers under that name.
    ///
    /// # Errors
    ///
    /// [`AccessError`] for unknown names, parameters that do not fit, or an edge that is needed and not there.
    pub fn invoke(
        &mut self,
        entity: &str,
        service: &str,
        params: &Content,
        caller: Caller,
        now_ms: i64,
    ) -> Result<Access<Response>, AccessError> {
        if let Some(response) = self.platform_service(entity, service, params, now_ms)? {
            return Ok(Access::Here(response));
        }
        let thing = self.thing(entity)?;
        let (remote_name, params) = match thing.service(service) {
            Some(definition) if definition.inputs.is_empty() && matches!(params, Content::Nothing) => {
                (definition.remote_name.as_str(), Content::Nothing)
            }
            Some(definition) => {
                let row = Params::read(params)?.row(&definition.inputs)?;
                let params = if row.fields.is_empty() { Content::Nothing } else { Content::Table(row) };
                (definition.remote_name.as_str(), params)
            }
            None if caller == Caller::Rest => (service, params.clone()),
            None => {
                let (thing, service) = (thing.name.clone(), service.to_owned());
                return Err(AccessError::UnknownService { thing, service });
            }
        };
        call(thing, Method::Post, Characteristic::Services, remote_name, params).map(Access::Remote)
    }

    /// Sets value, time and quality of a property that is known to exist.
    pub(super) fn set(&mut self, thing: &str, property: &str, sample: Sample) {
        if let Some(known) = self.things.get_mut(thing).and_then(|thing| thing.property_mut(property)) {
            known.take(sample);
            self.changes.push(value_change(thing, known));
        }
    }
}

/// The value that the platform holds, as the one-column table of a read (protocol notes, section 4.5).
pub(super) fn cached(thing: &Thing, property: &str) -> Result<InfoTable, AccessError> {
    if let Some(known) = thing.property(property) {
        return Ok(single(known));
    }
    let base_type =
        Thing::BUILT_IN.iter().find(|(name, _)| *name == property).map(|(_, base_type)| *base_type);
    match (base_type, thing.built_in(property)) {
        (Some(base_type), Some(value)) => {
            Ok(InfoTable { fields: vec![Field::new(property, base_type)], rows: vec![vec![value]] })
        }
        _ => Err(unknown_property(thing, property)),
    }
}

fn single(property: &Property) -> InfoTable {
    let field =
        Field { description: property.description.clone(), ..Field::new(&property.name, property.base_type) };
    InfoTable { fields: vec![field], rows: vec![vec![property.sample.value.clone()]] }
}

fn value_change(thing: &str, property: &Property) -> Change {
    Change::Value {
        thing: thing.to_owned(),
        property: property.name.clone(),
        sample: property.sample.clone(),
    }
}

/// The values that a write names, each of the type of its property; refused as a whole if one does not fit.
fn written_values(
    thing: &Thing,
    property: &str,
    params: &Content,
) -> Result<Vec<(String, Value)>, AccessError> {
    let several = matches!(property, "" | "*");
    if let Content::Bare(value) = params
        && !several
    {
        let base_type = writable(thing, property)?.base_type;
        let bad = |problem: String| AccessError::BadValue { name: property.to_owned(), problem };
        let value = coerce(value.clone(), base_type).map_err(|error| bad(error.to_string()))?;
        return Ok(vec![(property.to_owned(), value)]);
    }
    let params = Params::read(params)?;
    if several {
        return params
            .names()
            .map(|name| {
                let base_type = writable(thing, name)?.base_type;
                Ok((name.to_owned(), params.value(name, base_type)?.unwrap_or(Value::Nothing)))
            })
            .collect();
    }
    let base_type = writable(thing, property)?.base_type;
    let value = match params.value(property, base_type)? {
        Some(value) => Some(value),
        None => params.only(base_type)?,
    };
    let missing = || AccessError::BadParams(format!("the body holds no value for {property}"));
    Ok(vec![(property.to_owned(), value.ok_or_else(missing)?)])
}

fn writable<'a>(thing: &'a Thing, property: &str) -> Result<&'a Property, AccessError> {
    thing.property(property).ok_or_else(|| match thing.built_in(property) {
        Some(_) => AccessError::ReadOnly { thing: thing.name.clone(), property: property.to_owned() },
        None => unknown_property(thing, property),
    })
}

pub(super) fn unknown_property(thing: &Thing, property: &str) -> AccessError {
    AccessError::UnknownProperty { thing: thing.name.clone(), property: property.to_owned() }
}

/// The request for the edge; it uses the name as bound (protocol notes, section 7.3).
pub(super) fn call(
    thing: &Thing,
    method: Method,
    characteristic: Characteristic,
    name: &str,
    params: Content,
) -> Result<RemoteCall, AccessError> {
    let binding = thing.binding().ok_or_else(|| AccessError::NotConnected(thing.name.clone()))?;
    Ok(RemoteCall {
        thing: thing.name.clone(),
        connection: binding.connection,
        request: Request::thing(method, &binding.bound_name, characteristic, name, params),
    })
}
