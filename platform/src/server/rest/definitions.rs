//! `/edgebind/v1/platform/things/...`: things as they are shown, and changing what they are made of.

use actix_web::{HttpResponse, http::StatusCode, web};

use super::{MayRead, MayWrite, RestError, text};
use crate::{
    model::{AccessError, Property, RemoteBinding, ServiceDefinition, ThingView},
    server::shared::Shared,
};

pub(super) async fn list(_: MayRead, shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(shared.with_model(|model| model.view()))
}

/// Takes an entry of `properties` of a model file as body.
pub(super) async fn put_property(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let (thing, name) = path.into_inner();
    let property = Property::parse(&text(&shared, body).await?)?;
    same_name(&name, &property.name)?;
    shared.with_model(|model| model.define_property(&thing, property))?;
    shown(&shared, &thing)
}

pub(super) async fn delete_property(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, RestError> {
    let (thing, name) = path.into_inner();
    shared.with_model(|model| model.remove_property(&thing, &name))?;
    shown(&shared, &thing)
}

/// Takes the object `remote` of a model file as body.
pub(super) async fn put_binding(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let (thing, property) = path.into_inner();
    let remote = RemoteBinding::parse(&text(&shared, body).await?, &property)?;
    shared.with_model(|model| model.bind_property(&thing, &property, Some(remote)))?;
    shown(&shared, &thing)
}

pub(super) async fn delete_binding(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, RestError> {
    let (thing, property) = path.into_inner();
    shared.with_model(|model| model.bind_property(&thing, &property, None))?;
    shown(&shared, &thing)
}

/// Takes an entry of `services` of a model file as body.
pub(super) async fn put_service(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let (thing, name) = path.into_inner();
    let service = ServiceDefinition::parse(&text(&shared, body).await?)?;
    same_name(&name, &service.name)?;
    shared.with_model(|model| model.define_service(&thing, service))?;
    shown(&shared, &thing)
}

pub(super) async fn delete_service(
    _: MayWrite,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, RestError> {
    let (thing, name) = path.into_inner();
    shared.with_model(|model| model.remove_service(&thing, &name))?;
    shown(&shared, &thing)
}

fn same_name(path: &str, body: &str) -> Result<(), RestError> {
    if path == body {
        return Ok(());
    }
    let problem = format!("the body is about {body}, the address about {path}");
    Err(RestError::new(StatusCode::BAD_REQUEST, problem))
}

/// The thing as it is after a change.
fn shown(shared: &Shared, name: &str) -> Result<HttpResponse, RestError> {
    let view = shared.with_model(|model| model.resolve(name).map(ThingView::of));
    let view = view.ok_or_else(|| AccessError::UnknownThing(name.to_owned()))?;
    Ok(HttpResponse::Ok().json(view))
}
