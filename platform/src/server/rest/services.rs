//! `/Thingworx/Things/<thing>/Services/<service>`: calls, here or at the edge.

use actix_web::{HttpResponse, web};
use edgebind_kernel::clock;

use super::{MayInvoke, RestError, content, finished, params};
use crate::{model::Caller, server::shared::Shared};

pub(super) async fn invoke(
    _: MayInvoke,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let (thing, service) = path.into_inner();
    let params = params(&shared, body).await?;
    let now_ms = clock::unix_millis();
    let access = shared.with_model(|model| model.invoke(&thing, &service, &params, Caller::Rest, now_ms))?;
    Ok(content(finished(&shared, access).await?))
}
