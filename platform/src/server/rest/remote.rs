//! `/edgebind/v1/platform/things/<thing>/remote`: what the connected edge offers, and adding it to the definitions.

use actix_web::{HttpResponse, http::StatusCode, web};
use edgebind_alwayson::{BaseType, Field};
use serde::{Deserialize, Serialize};

use super::{MayRead, MayWrite, RestError, ask, bytes};
use crate::{
    model::{Adopted, Offer, RemoteMetadata, RemoteProperty, RemoteService, Selection},
    server::shared::Shared,
};

pub(super) async fn browse(
    _: MayRead,
    shared: web::Data<Shared>,
    thing: web::Path<String>,
) -> Result<HttpResponse, RestError> {
    let metadata = metadata(&shared, &thing).await?;
    let offer = shared.with_model(|model| model.offer(&thing, metadata))?;
    Ok(HttpResponse::Ok().json(OfferJson::of(&offer)))
}

pub(super) async fn add(
    _: MayWrite,
    shared: web::Data<Shared>,
    thing: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let body = bytes(&shared, body).await?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| {
        let right = "right would be {\"all\": true} or {\"properties\": [names], \"services\": [names]}";
        RestError::new(StatusCode::BAD_REQUEST, format!("the body is not understood: {error}; {right}"))
    })?;
    let selection = wanted.selection()?;
    let metadata = metadata(&shared, &thing).await?;
    let adopted = shared.with_model(|model| model.adopt(&thing, metadata, &selection))?;
    Ok(HttpResponse::Ok().json(AdoptedJson::of(&adopted)))
}

async fn metadata(shared: &Shared, thing: &str) -> Result<RemoteMetadata, RestError> {
    let call = shared.with_model(|model| model.browse(thing))?;
    Ok(RemoteMetadata::read(&ask(shared, call).await?)?)
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Wanted {
    all: bool,
    properties: Vec<String>,
    services: Vec<String>,
}

impl Wanted {
    fn selection(self) -> Result<Selection, RestError> {
        let Self { all, properties, services } = self;
        match (all, properties.is_empty() && services.is_empty()) {
            (true, true) => Ok(Selection::All),
            (false, false) => Ok(Selection::Named { properties, services }),
            (true, false) => Err(RestError::new(
                StatusCode::BAD_REQUEST,
                "the body asks for all and for some: one of them would be right",
            )),
            (false, true) => {
                Err(RestError::new(StatusCode::BAD_REQUEST, "the body asks for nothing to be added"))
            }
        }
    }
}

#[derive(Serialize)]
struct OfferJson<'a> {
    properties: Vec<PropertyJson<'a>>,
    services: Vec<ServiceJson<'a>>,
    skipped: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertyJson<'a> {
    name: &'a str,
    base_type: &'static str,
    description: &'a str,
    push_type: Option<&'static str>,
    push_threshold: Option<f64>,
    added: bool,
}

#[derive(Serialize)]
struct ServiceJson<'a> {
    name: &'a str,
    description: &'a str,
    inputs: Vec<InputJson<'a>>,
    output: OutputJson,
    added: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InputJson<'a> {
    name: &'a str,
    base_type: &'static str,
    description: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputJson {
    base_type: &'static str,
}

#[derive(Serialize)]
struct AdoptedJson<'a> {
    properties: &'a [String],
    services: &'a [String],
    refused: Vec<RefusedJson<'a>>,
}

#[derive(Serialize)]
struct RefusedJson<'a> {
    name: &'a str,
    reason: String,
}

impl<'a> OfferJson<'a> {
    fn of(offer: &'a Offer) -> Self {
        Self {
            properties: offer.properties.iter().map(PropertyJson::of).collect(),
            services: offer.services.iter().map(ServiceJson::of).collect(),
            skipped: &offer.skipped,
        }
    }
}

impl<'a> PropertyJson<'a> {
    fn of((property, added): &'a (RemoteProperty, bool)) -> Self {
        Self {
            name: &property.name,
            base_type: property.base_type.name(),
            description: &property.description,
            push_type: property.push.map(|push| push.push_type.name()),
            push_threshold: property.push.map(|push| push.threshold),
            added: *added,
        }
    }
}

impl<'a> ServiceJson<'a> {
    fn of((service, added): &'a (RemoteService, bool)) -> Self {
        let input = |field: &'a Field| InputJson {
            name: &field.name,
            base_type: BaseType::name(field.base_type),
            description: &field.description,
        };
        Self {
            name: &service.name,
            description: &service.description,
            inputs: service.inputs.iter().map(input).collect(),
            output: OutputJson { base_type: service.output.name() },
            added: *added,
        }
    }
}

impl<'a> AdoptedJson<'a> {
    fn of(adopted: &'a Adopted) -> Self {
        let refused = |(name, error): &'a (String, crate::model::AccessError)| RefusedJson {
            name,
            reason: RestError::from(error.clone()).to_string(),
        };
        Self {
            properties: &adopted.properties,
            services: &adopted.services,
            refused: adopted.refused.iter().map(refused).collect(),
        }
    }
}
