//! One request: admitted, understood, answered.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

use super::{
    admission::Admission,
    answer::{finish, page, with},
    body::{self, Type},
    callback::{self, Load, Target},
    control, page as pages,
    route::Route,
};
use crate::{Host, Persisted};

/// What the server holds.
#[derive(Clone)]
pub(super) struct State {
    pub(super) host: Host,
    pub(super) admission: Admission,
    pub(super) load: Load,
    pub(super) read_timeout: Duration,
    pub(super) patience: Duration,
    pub(super) directory: PathBuf,
    pub(super) persisted: Arc<Mutex<Persisted>>,
}

/// Serves any request.
pub(super) async fn handle(
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let mut answer = match serve(&state, &request, payload).await {
        Ok(answer) | Err(answer) => answer,
    };
    finish(&mut answer);
    answer
}

async fn serve(
    state: &State,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpResponse> {
    if !request.headers().contains_key(header::HOST) {
        return Err(page(StatusCode::BAD_REQUEST, "Bad Request", "A request names its host."));
    }
    state.admission.admit(request).await?;
    let kind = Type::of(request);
    let method = request.method().as_str();
    let route = Route::parse(method, request.uri().path(), kind == Type::Form);
    if let Route::NotAllowed(methods) = route {
        return Err(not_allowed(methods));
    }
    if matches!(method, "POST" | "PUT") && kind == Type::Other {
        return Err(body::unsupported());
    }
    if route.is_control()
        && let Some(refused) = state.admission.refuse_control(request)
    {
        return Err(refused);
    }
    let body = body::read(request, payload, state.read_timeout).await?;
    Ok(match route {
        Route::Help => with(StatusCode::OK, "text/html", pages::help().into()),
        Route::NewScript => with(StatusCode::OK, "text/html", pages::new_script().into()),
        Route::Callback { script, path, trailing_slash } => {
            let target = Target { script, path, trailing_slash };
            callback::answer(&state.host, &state.load, request, target, &body, state.patience).await
        }
        route => control::answer(state, request, route, &body).await,
    })
}

fn not_allowed(methods: &'static str) -> HttpResponse {
    let sentence = format!("Possible are {methods}.");
    let mut refused = page(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", &sentence);
    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    refused
}
