//! A thing: what it is, what it has, and which connection it is bound to.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
};

use edgebind_alwayson::{BaseType, Content, Value};

use super::{
    History, Property, ServiceDefinition,
    history::{table_weight, weight},
};

/// One thing of the model.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Unique name.
    pub name: String,
    /// Second key; a thing that has one is bound as `*identifier` only (protocol notes, section 7.3).
    pub identifier: Option<String>,
    /// What the thing was made from.
    pub template: Template,
    /// Text for people, empty if there is none.
    pub description: String,
    /// Whether a push of an unknown property creates it.
    pub learn: bool,
    properties: BTreeMap<String, Property>,
    /// Name at the edge to name here, for the properties where they differ.
    renamed: HashMap<String, String>,
    services: BTreeMap<String, ServiceDefinition>,
    pub(super) binding: Option<Binding>,
    /// Connections that hold an ephemeral gateway thing; empty for a thing of the model.
    pub(super) holders: Vec<ConnectionId>,
    pub(super) ephemeral: bool,
    pub(super) last_connection: Option<i64>,
    /// With the bytes of their data.
    events: VecDeque<(Event, usize)>,
    event_bytes: usize,
}

/// Name of the template of a thing, for example `RemoteThing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// Number of an edge connection, unique for the life of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// The connection that a thing is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Connection of the edge.
    pub connection: ConnectionId,
    /// Name as bound, with the `*` of an identifier: requests to the edge use it (section 7.3).
    pub bound_name: String,
}

/// An event that the edge fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name of the event.
    pub name: String,
    /// Milliseconds since 1970.
    pub time: i64,
    /// Event data as it came.
    pub data: Content,
}

impl Thing {
    /// Properties that every thing has besides its own; they can be read only.
    pub const BUILT_IN: [(&'static str, BaseType); 6] = [
        ("name", BaseType::String),
        ("description", BaseType::String),
        ("identifier", BaseType::String),
        ("thingTemplate", BaseType::ThingTemplateName),
        ("isConnected", BaseType::Boolean),
        ("lastConnection", BaseType::Datetime),
    ];

    /// Most properties of one thing: pushes of unknown names must not fill the memory.
    pub const MAX_PROPERTIES: usize = 1_000;

    /// Most service definitions of one thing.
    pub const MAX_SERVICES: usize = 1_000;

    /// Events kept of one thing; the oldest goes first.
    pub const MAX_EVENTS: usize = 64;

    /// Bytes that the data of the events kept may have; the newest event stays, however long it is.
    pub const MAX_EVENT_BYTES: usize = 256 << 10;

    /// A thing without properties and services.
    #[must_use]
    pub fn new(name: impl Into<String>, template: Template) -> Self {
        Self {
            name: name.into(),
            identifier: None,
            template,
            description: String::new(),
            learn: false,
            properties: BTreeMap::new(),
            renamed: HashMap::new(),
            services: BTreeMap::new(),
            binding: None,
            holders: Vec::new(),
            ephemeral: false,
            last_connection: None,
            events: VecDeque::new(),
            event_bytes: 0,
        }
    }

    /// The thing as it is, without what was: histories, events, its connection.
    pub(super) fn without_past(&self) -> Self {
        let property = |property: &Property| Property {
            name: property.name.clone(),
            description: property.description.clone(),
            base_type: property.base_type,
            sample: property.sample.clone(),
            remote: property.remote.clone(),
            history: History::new(property.history.limit()),
        };
        Self {
            identifier: self.identifier.clone(),
            description: self.description.clone(),
            learn: self.learn,
            properties: self.properties.values().map(|own| (own.name.clone(), property(own))).collect(),
            renamed: self.renamed.clone(),
            services: self.services.clone(),
            last_connection: self.last_connection,
            ..Self::new(&self.name, self.template.clone())
        }
    }

    /// Adds or replaces a property.
    pub fn set_property(&mut self, property: Property) {
        self.renamed.retain(|_, name| *name != property.name);
        if property.edge_name() != property.name {
            self.renamed.insert(property.edge_name().to_owned(), property.name.clone());
        }
        self.properties.insert(property.name.clone(), property);
    }

    /// Adds or replaces a service definition.
    pub fn set_service(&mut self, service: ServiceDefinition) {
        self.services.insert(service.name.clone(), service);
    }

    /// Takes a property away.
    pub fn remove_property(&mut self, name: &str) -> Option<Property> {
        self.renamed.retain(|_, known| *known != name);
        self.properties.remove(name)
    }

    /// Takes a service definition away.
    pub fn remove_service(&mut self, name: &str) -> Option<ServiceDefinition> {
        self.services.remove(name)
    }

    /// The property with a remote binding to `edge_name`.
    #[must_use]
    pub fn bound_property(&self, edge_name: &str) -> Option<&Property> {
        let name = self.renamed.get(edge_name).map_or(edge_name, String::as_str);
        self.properties
            .get(name)
            .filter(|property| property.remote.as_ref().is_some_and(|remote| remote.name == edge_name))
    }

    /// Keeps an event; the oldest go when there are more than [`Thing::MAX_EVENTS`], or too long ones.
    pub fn record(&mut self, event: Event) {
        let bytes = match &event.data {
            Content::Nothing => 0,
            Content::Table(table) => table_weight(table),
            Content::Bare(value) => weight(value),
        };
        self.event_bytes += bytes;
        self.events.push_back((event, bytes));
        while self.events.len() > Self::MAX_EVENTS
            || (self.event_bytes > Self::MAX_EVENT_BYTES && self.events.len() > 1)
        {
            let Some((_, bytes)) = self.events.pop_front() else { break };
            self.event_bytes -= bytes;
        }
    }

    /// The property that the edge calls `edge_name`: a remote binding of that name, else the property of that name.
    pub fn property_at_edge(&mut self, edge_name: &str) -> Option<&mut Property> {
        match self.renamed.get(edge_name) {
            Some(name) => self.properties.get_mut(name),
            None => self.properties.get_mut(edge_name),
        }
    }

    /// The property `name`.
    pub fn property_mut(&mut self, name: &str) -> Option<&mut Property> {
        self.properties.get_mut(name)
    }

    /// The property `name`, not the built-in ones.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name)
    }

    /// Properties in the order of their names, without the built-in ones.
    pub fn properties(&self) -> impl ExactSizeIterator<Item = &Property> {
        self.properties.values()
    }

    /// The service definition `name`.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&ServiceDefinition> {
        self.services.get(name)
    }

    /// Service definitions in the order of their names.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &ServiceDefinition> {
        self.services.values()
    }

    /// Events kept, oldest first.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.events.iter().map(|(event, _)| event)
    }

    /// The connection that the thing is bound to, `None` while it is not connected.
    #[must_use]
    pub const fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// Whether an edge has bound it (`isConnected`).
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.binding.is_some()
    }

    /// When it was bound last, milliseconds since 1970 (`lastConnection`).
    #[must_use]
    pub const fn last_connection(&self) -> Option<i64> {
        self.last_connection
    }

    /// Whether it goes with its connection: made by a gateway marker without a thing (section 7.4).
    #[must_use]
    pub const fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }

    /// Value of a property that every thing has, `None` for any other name.
    #[must_use]
    pub fn built_in(&self, name: &str) -> Option<Value> {
        Some(match name {
            "name" => Value::string(&self.name),
            "description" => Value::string(&self.description),
            "identifier" => Value::string(self.identifier.as_deref().unwrap_or_default()),
            "thingTemplate" => Value::Text(BaseType::ThingTemplateName, self.template.to_string()),
            "isConnected" => Value::Boolean(self.is_connected()),
            "lastConnection" => self.last_connection.map_or(Value::Nothing, Value::Datetime),
            _ => return None,
        })
    }
}

impl Template {
    /// Templates that a model file may name.
    pub const KNOWN: [&'static str; 6] = [
        "RemoteThing",
        "RemoteThingWithFileTransfer",
        "RemoteThingWithTunnels",
        "RemoteThingWithTunnelsAndFileTransfer",
        "EMSGateway",
        "SDKGateway",
    ];

    /// The template of this name; a gateway marker may bring any.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// `RemoteThing`, the template of a thing that does not say.
    #[must_use]
    pub fn remote_thing() -> Self {
        Self::new("RemoteThing")
    }

    /// Name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the gateways.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        matches!(self.0.as_str(), "EMSGateway" | "SDKGateway")
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use edgebind_alwayson::InfoTable;

    use super::*;

    #[test]
    fn events_are_bounded_by_number_and_by_bytes() {
        let mut thing = Thing::new("T", Template::remote_thing());
        let event = |time, data| Event { name: "e".to_owned(), time, data };
        for time in 0..100 {
            thing.record(event(time, Content::Nothing));
        }
        let times = |thing: &Thing| thing.events().map(|event| event.time).collect::<Vec<_>>();
        assert_eq!(times(&thing), (36..100).collect::<Vec<_>>());
        let long = || Content::Table(InfoTable::content("x".repeat(100_000)));
        for time in 100..104 {
            thing.record(event(time, long()));
        }
        assert_eq!(times(&thing), [102, 103], "two of them fit");
        thing.record(event(104, Content::Table(InfoTable::content("x".repeat(1_000_000)))));
        assert_eq!(times(&thing), [104]);
        thing.record(event(105, Content::Nothing));
        assert_eq!((times(&thing), thing.event_bytes), (vec![105], 0));
    }
}
