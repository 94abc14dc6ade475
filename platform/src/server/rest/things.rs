//! `/Thingworx/Things`: list, show, create and delete.

use actix_web::{HttpResponse, web};
use edgebind_alwayson::{BaseType, Field, InfoTable, Value};

use super::{MayRead, MayWrite, RestError, table, text};
use crate::{
    model::{AccessError, Model, Thing, ThingView},
    server::shared::Shared,
};

pub(super) async fn list(_: MayRead, shared: web::Data<Shared>) -> HttpResponse {
    table(&shared.with_model(|model| rows(model)))
}

pub(super) async fn show(
    _: MayRead,
    shared: web::Data<Shared>,
    name: web::Path<String>,
) -> Result<HttpResponse, RestError> {
    let view = shared.with_model(|model| model.resolve(&name).map(ThingView::of));
    let view = view.ok_or_else(|| AccessError::UnknownThing(name.into_inner()))?;
    Ok(HttpResponse::Ok().json(view))
}

/// Takes an entry of a model file (`docs/reference/platform-model.md`) as body.
pub(super) async fn create(
    _: MayWrite,
    shared: web::Data<Shared>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let thing = Thing::parse(&text(&shared, body).await?)?;
    let view = ThingView::of(&thing);
    shared.with_model(|model| model.add(thing))?;
    Ok(HttpResponse::Created().json(view))
}

pub(super) async fn delete(
    _: MayWrite,
    shared: web::Data<Shared>,
    name: web::Path<String>,
) -> Result<HttpResponse, RestError> {
    shared.with_model(|model| model.remove(&name))?;
    Ok(HttpResponse::Ok().finish())
}

fn rows(model: &Model) -> InfoTable {
    let fields = Thing::BUILT_IN.iter().map(|(name, base_type)| match *name {
        "name" => Field::new(*name, BaseType::ThingName),
        _ => Field::new(*name, *base_type),
    });
    let row = |thing: &Thing| {
        let cells = Thing::BUILT_IN.iter().map(|(name, _)| match thing.built_in(name) {
            Some(Value::Text(_, text)) if *name == "name" => Value::Text(BaseType::ThingName, text),
            Some(value) => value,
            None => Value::Nothing,
        });
        cells.collect()
    };
    InfoTable { fields: fields.collect(), rows: model.things().map(row).collect() }
}
