//! Subscribed properties: what the edge is to push, and what it pushed (protocol notes, section 10).

use edgebind_alwayson::{BaseType, Code, Content, Field, InfoTable, Response, Value};

use super::{
    AccessError, Change, Model, Property, PushType, Quality, RemoteBinding, Sample, Thing, coerce::coerce,
    params::Params,
};

/// Services by which an edge pushes values; the second belongs to newer platforms and takes the same table.
pub(super) const PUSH_SERVICES: [&str; 2] =
    ["UpdateSubscribedPropertyValues", "UpdateSubscribedPropertyValuesBatched"];
/// Service by which an edge asks what to push.
pub(super) const GET_SUBSCRIPTIONS: &str = "GetPropertySubscriptions";
/// Service by which an edge asks which events to report.
pub(super) const EVENT_SUBSCRIPTIONS: &str = "GetEventSubscriptions";
/// Service by which an edge reports events in bulk.
pub(super) const PROCESS_EVENTS: &str = "ProcessRemoteEvents";

/// What became of the rows of a push: good rows are applied, whatever the others are.
#[derive(Debug, Default)]
pub(super) struct PushReport {
    applied: usize,
    unknown: Vec<String>,
    refused: Vec<String>,
}

impl PushReport {
    /// Success if every row was applied; NOT_FOUND if every row names an unknown property; else BAD_REQUEST,
    /// since a repetition would not mend it.
    pub(super) fn into_response(self) -> Response {
        let Self { applied, unknown, refused } = self;
        if unknown.is_empty() && refused.is_empty() {
            return Response::success();
        }
        let total = applied + unknown.len() + refused.len();
        let code = if applied == 0 && refused.is_empty() { Code::NOT_FOUND } else { Code::BAD_REQUEST };
        let mut reason = format!("{applied} of {total} values applied");
        for (label, names) in [("unknown properties", unknown), ("refused", refused)] {
            if !names.is_empty() {
                let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if names.len() > 5 { ", ..." } else { "" };
                reason.push_str(&format!("; {label}: {shown}{more}"));
            }
        }
        Response::error(code, reason)
    }
}

impl Model {
    /// Rows of GetPropertySubscriptions: the push rules of the remote bindings (section 10.2).
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownThing`], or a refusal of the options.
    pub fn subscriptions(&self, entity: &str, params: &Content) -> Result<InfoTable, AccessError> {
        let thing = self.thing(entity)?;
        let deadband = has_deadband(params)?;
        let mut table = InfoTable::new(vec![
            Field::new("edgeName", BaseType::String),
            Field::new("pushType", BaseType::String),
            Field::new("pushThreshold", BaseType::Number),
        ]);
        for remote in thing.properties().filter_map(|property| property.remote.as_ref()) {
            let Some(push) = remote.push else { continue };
            let push_type = match push.push_type {
                PushType::Deadband if !deadband => PushType::Value,
                other => other,
            };
            table.rows.push(vec![
                Value::string(&remote.name),
                Value::string(push_type.name()),
                Value::Number(push.threshold),
            ]);
        }
        Ok(table)
    }

    /// Applies the rows of UpdateSubscribedPropertyValues (section 10.1).
    ///
    /// # Errors
    ///
    /// [`AccessError`] for an unknown thing, or parameters without a table of values.
    pub(super) fn push(
        &mut self,
        entity: &str,
        params: &Content,
        now_ms: i64,
    ) -> Result<PushReport, AccessError> {
        let learns = self.auto_properties;
        let decoded;
        let table = match pushed_table(params) {
            Some(table) => table,
            None => {
                decoded = Params::read(params)?.value("values", BaseType::Infotable)?;
                decoded.as_ref().and_then(Value::as_table).ok_or_else(|| {
                    AccessError::BadParams(
                        "a push needs the table values with the columns name and value".to_owned(),
                    )
                })?
            }
        };
        let columns = Columns::of(table)?;
        // The change names the thing, not the identifier that the edge knows it by.
        let thing = self.thing_mut(entity)?;
        let name = thing.name.clone();
        let learns = learns || thing.learn;
        let mut report = PushReport::default();
        let mut changes = Vec::new();
        for row in &table.rows {
            let Some(edge_name) = row.get(columns.name).and_then(Value::as_text) else {
                report.refused.push("a row without a name".to_owned());
                continue;
            };
            let value = row.get(columns.value).cloned().unwrap_or(Value::Nothing);
            if thing.property_at_edge(edge_name).is_none() && learns && !learn(thing, edge_name, &value) {
                report.refused.push(format!("{edge_name} (cannot be added)"));
                continue;
            }
            let Some(property) = thing.property_at_edge(edge_name) else {
                report.unknown.push(edge_name.to_owned());
                continue;
            };
            match coerce(value, property.base_type) {
                Ok(value) => {
                    property.take(columns.sample(row, value, now_ms));
                    report.applied += 1;
                    changes.push(Change::Value {
                        thing: name.clone(),
                        property: property.name.clone(),
                        sample: property.sample.clone(),
                    });
                }
                Err(mismatch) => report.refused.push(format!("{edge_name} ({mismatch})")),
            }
        }
        self.changes.append(&mut changes);
        Ok(report)
    }
}

/// Where the cells of a pushed row stand.
struct Columns {
    name: usize,
    value: usize,
    time: Option<usize>,
    quality: Option<usize>,
}

impl Columns {
    fn of(table: &InfoTable) -> Result<Self, AccessError> {
        let need = |column: &str| {
            table
                .column(column)
                .ok_or_else(|| AccessError::BadParams(format!("the table values has no column {column}")))
        };
        Ok(Self {
            name: need("name")?,
            value: need("value")?,
            time: table.column("time"),
            quality: table.column("quality"),
        })
    }

    fn sample(&self, row: &[Value], value: Value, now_ms: i64) -> Sample {
        let time = match self.time.and_then(|column| row.get(column)) {
            Some(Value::Datetime(time)) => *time,
            _ => now_ms,
        };
        let quality = self.quality.and_then(|column| row.get(column)).and_then(Value::as_text);
        Sample { value, time: Some(time), quality: quality.map_or(Quality::GOOD, Quality::new) }
    }
}

/// The typed table of values; `None` when it has to be read from a JSON document first.
fn pushed_table(params: &Content) -> Option<&InfoTable> {
    let table = params.as_table()?;
    match table.cell(0, "values") {
        Some(cell) => cell.as_table(),
        None => Some(table).filter(|table| table.column("name").is_some() && table.column("value").is_some()),
    }
}

/// Adds a property of the type of its first value; it reads and writes through, its push rule is the edge's.
fn learn(thing: &mut Thing, edge_name: &str, value: &Value) -> bool {
    let base_type = match value {
        Value::Variant(inner) => inner.base_type(),
        other => other.base_type(),
    };
    let known = Thing::BUILT_IN.iter().any(|(name, _)| *name == edge_name);
    if base_type == BaseType::Nothing
        || known
        || !Model::is_name(edge_name)
        || thing.properties().len() >= Thing::MAX_PROPERTIES
    {
        return false;
    }
    let remote = Some(RemoteBinding::new(edge_name));
    thing.set_property(Property { remote, ..Property::new(edge_name, base_type) });
    true
}

/// Whether the edge said that it understands DEADBAND; older ones send no options.
fn has_deadband(params: &Content) -> Result<bool, AccessError> {
    let Some(options) = Params::read(params)?.value("options", BaseType::Json)? else { return Ok(false) };
    let bad = |error: serde_json::Error| AccessError::BadValue {
        name: "options".to_owned(),
        problem: format!("not a JSON object with hasDeadband: {error}"),
    };
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Options {
        has_deadband: bool,
    }
    match options.as_text() {
        Some(text) => serde_json::from_str::<Options>(text).map(|options| options.has_deadband).map_err(bad),
        None => Ok(false),
    }
}
