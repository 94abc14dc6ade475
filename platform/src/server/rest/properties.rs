//! `/Thingworx/Things/<thing>/Properties`: reads and writes, through to the edge where the property lives there.

use actix_web::{HttpResponse, web};
use edgebind_kernel::clock;

use super::{MayRead, MayWrite, RestError, ask, params, table};
use crate::{
    model::{Access, Caller},
    server::shared::Shared,
};

/// What the platform knows; a list of all properties never goes to the edge.
pub(super) async fn read_all(
    _: MayRead,
    shared: web::Data<Shared>,
    thing: web::Path<String>,
) -> Result<HttpResponse, RestError> {
    Ok(table(&shared.with_model(|model| model.values(&thing))?))
}

pub(super) async fn read(
    _: MayRead,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, RestError> {
    let (thing, property) = path.into_inner();
    if property == "*" {
        return Ok(table(&shared.with_model(|model| model.values(&thing))?));
    }
    let value = match shared.with_model(|model| model.read(&thing, &property, clock::unix_millis()))? {
        Access::Here(value) => value,
        Access::Remote(call) => {
            let answer = ask(&shared, call).await?;
            shared.with_model(|model| model.take_read(&thing, &property, &answer, clock::unix_millis()))?
        }
    };
    Ok(table(&value))
}

pub(super) async fn write(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let (thing, property) = path.into_inner();
    put(&shared, &thing, &property, body).await
}

pub(super) async fn write_several(
    _: MayWrite,
    shared: web::Data<Shared>,
    thing: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    put(&shared, &thing, "*", body).await
}

async fn put(
    shared: &Shared,
    thing: &str,
    property: &str,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let params = params(shared, body).await?;
    let now_ms = clock::unix_millis();
    match shared.with_model(|model| model.write(thing, property, &params, Caller::Rest, now_ms))? {
        Access::Here(()) => {}
        Access::Remote(call) => drop(ask(shared, call).await?),
    }
    Ok(HttpResponse::Ok().finish())
}
