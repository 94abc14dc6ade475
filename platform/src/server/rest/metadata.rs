//! `/Thingworx/Things/<thing>/Metadata`: what a thing is made of, in the form of the real interface.

use actix_web::{HttpResponse, web};
use edgebind_alwayson::{BaseType, Field};
use serde_json::{Map, Value as Json, json};

use super::{MayRead, RestError};
use crate::{
    model::{AccessError, Property, ServiceDefinition, Thing},
    server::shared::Shared,
};

pub(super) async fn show(
    _: MayRead,
    shared: web::Data<Shared>,
    name: web::Path<String>,
) -> Result<HttpResponse, RestError> {
    let metadata = shared.with_model(|model| model.resolve(&name).map(metadata));
    let metadata = metadata.ok_or_else(|| AccessError::UnknownThing(name.into_inner()))?;
    Ok(HttpResponse::Ok().json(metadata))
}

/// The same form in which an edge answers GetMetadata (protocol notes, section 9.4).
fn metadata(thing: &Thing) -> Json {
    let built_in = Thing::BUILT_IN.iter().map(|(name, base_type)| {
        let aspects = json!({ "isReadOnly": true, "isBuiltIn": true });
        ((*name).to_owned(), definition(name, "", *base_type, aspects))
    });
    let own = thing.properties().map(|property| (property.name.clone(), of_property(property)));
    let services = thing.services().map(|service| (service.name.clone(), of_service(service)));
    json!({
        "name": thing.name,
        "description": thing.description,
        "identifier": thing.identifier,
        "thingTemplate": thing.template.as_str(),
        "isSystemObject": false,
        "propertyDefinitions": built_in.chain(own).collect::<Map<_, _>>(),
        "serviceDefinitions": services.collect::<Map<_, _>>(),
        "eventDefinitions": {},
    })
}

fn of_property(property: &Property) -> Json {
    let mut aspects = Map::new();
    if let Some(remote) = &property.remote {
        aspects.insert("source".to_owned(), "REMOTE".into());
        aspects.insert("remotePropertyName".to_owned(), remote.name.as_str().into());
        aspects.insert("cacheTime".to_owned(), remote.cache.cache_time().into());
        if let Some(push) = remote.push {
            aspects.insert("pushType".to_owned(), push.push_type.name().into());
            aspects.insert("pushThreshold".to_owned(), push.threshold.into());
        }
    }
    definition(&property.name, &property.description, property.base_type, Json::Object(aspects))
}

fn of_service(service: &ServiceDefinition) -> Json {
    let fields = |(ordinal, field): (usize, &Field)| {
        let aspects = json!({ "ordinal": ordinal + 1 });
        (field.name.clone(), definition(&field.name, &field.description, field.base_type, aspects))
    };
    let inputs: Map<_, _> = service.inputs.iter().enumerate().map(fields).collect();
    json!({
        "name": service.name,
        "description": service.description,
        "aspects": { "remoteServiceName": service.remote_name },
        "Inputs": { "fieldDefinitions": inputs },
        "Outputs": { "name": "result", "baseType": service.output.name(), "fieldDefinitions": {} },
    })
}

fn definition(name: &str, description: &str, base_type: BaseType, aspects: Json) -> Json {
    json!({ "name": name, "description": description, "baseType": base_type.name(), "aspects": aspects })
}
