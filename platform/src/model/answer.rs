//! Requests of an edge, answered from the model (protocol notes, section 8).

use edgebind_alwayson::{
    Characteristic, Content, EntityType, Field, InfoTable, Method, Request, Response, Value,
};

use super::{
    Access, AccessError, Caller, Change, Event, Model,
    access::cached,
    params::Params,
    push::{EVENT_SUBSCRIPTIONS, GET_SUBSCRIPTIONS, PROCESS_EVENTS, PUSH_SERVICES, PushReport},
};

impl Model {
    /// Answers a request of an edge, or says which edge has to answer it.
    pub fn answer(&mut self, request: &Request, now_ms: i64) -> Access<Response> {
        self.execute(request, now_ms)
            .unwrap_or_else(|error| Access::Here(Response::error(error.code(), error.to_string())))
    }

    fn execute(&mut self, request: &Request, now_ms: i64) -> Result<Access<Response>, AccessError> {
        let Request { entity, name, params, .. } = request;
        if request.entity_type != EntityType::THINGS {
            return Err(AccessError::NotOffered(format!("{:?} {entity}", request.entity_type)));
        }
        match (request.method, request.characteristic) {
            (Method::Get, Characteristic::Properties) if matches!(name.as_str(), "" | "*") => {
                Ok(Access::Here(Response::table(self.values(entity)?)))
            }
            (Method::Get, Characteristic::Properties) => {
                Ok(Access::Here(Response::table(cached(self.thing(entity)?, name)?)))
            }
            (Method::Put, Characteristic::Properties) => {
                self.write(entity, name, params, Caller::Edge, now_ms)?;
                Ok(Access::Here(Response::success()))
            }
            (Method::Post, Characteristic::Services) => {
                self.invoke(entity, name, params, Caller::Edge, now_ms)
            }
            (Method::Post, Characteristic::Events) => {
                self.record_event(entity, name, now_ms, params.clone())?;
                Ok(Access::Here(Response::success()))
            }
            (method, Characteristic::Other(number)) => {
                Err(AccessError::BadMethod(format!("{} of characteristic {number}", method.code())))
            }
            (method, characteristic) => Err(AccessError::BadMethod(format!(
                "{} of {}",
                method.code(),
                characteristic.name().unwrap_or_default()
            ))),
        }
    }

    /// Keeps an event of a thing.
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownThing`], or [`AccessError::BadName`] for a name that no event could have.
    pub fn record_event(
        &mut self,
        entity: &str,
        event: &str,
        time: i64,
        data: Content,
    ) -> Result<(), AccessError> {
        if !Self::is_name(event) {
            return Err(AccessError::BadName(event.to_owned()));
        }
        let thing = self.thing_mut(entity)?;
        thing.record(Event { name: event.to_owned(), time, data: data.clone() });
        let change = Change::Event { thing: thing.name.clone(), event: event.to_owned(), time, data };
        self.changes.push(change);
        Ok(())
    }

    /// Runs a service that the platform itself offers on every thing; `None` if `service` is none of them.
    pub(super) fn platform_service(
        &mut self,
        entity: &str,
        service: &str,
        params: &Content,
        now_ms: i64,
    ) -> Result<Option<Response>, AccessError> {
        if PUSH_SERVICES.contains(&service) {
            return self.push(entity, params, now_ms).map(|report| Some(PushReport::into_response(report)));
        }
        Ok(Some(match service {
            GET_SUBSCRIPTIONS => Response::table(self.subscriptions(entity, params)?),
            // This platform subscribes to no events: those that come are kept all the same.
            EVENT_SUBSCRIPTIONS => {
                self.thing(entity)?;
                Response::table(InfoTable::new(vec![Field::new(
                    "edgeName",
                    edgebind_alwayson::BaseType::String,
                )]))
            }
            PROCESS_EVENTS => {
                self.process_events(entity, params, now_ms)?;
                Response::success()
            }
            "GetPropertyValues" => Response::table(self.values(entity)?),
            _ => return Ok(None),
        }))
    }

    /// Takes the rows of ProcessRemoteEvents: name, time and data of each event.
    fn process_events(&mut self, entity: &str, params: &Content, now_ms: i64) -> Result<(), AccessError> {
        let table = Params::read(params)?.value("values", edgebind_alwayson::BaseType::Infotable)?;
        let Some(Value::Table(table)) = table else {
            return Err(AccessError::BadParams("ProcessRemoteEvents needs the table values".to_owned()));
        };
        for row in 0..table.rows.len() {
            let name = ["name", "eventName", "edgeName"]
                .iter()
                .find_map(|column| table.cell(row, column).and_then(Value::as_text))
                .ok_or_else(|| AccessError::BadParams(format!("row {row} of values names no event")))?;
            let time = match table.cell(row, "time") {
                Some(Value::Datetime(time)) => *time,
                _ => now_ms,
            };
            let data = table.cell(row, "data").and_then(Value::as_table).cloned();
            self.record_event(entity, name, time, data.map_or(Content::Nothing, Content::Table))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
