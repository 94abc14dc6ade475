//! The gateway's own services, for local callers (`LocalEms`) and for the platform (gateway thing) alike
//! (EMS notes, 7 and 11). All take their inputs as a plain JSON object and as an infotable.

mod configuration;
mod edge_things;
mod log_data;
mod services;
mod settings;
mod test_port;

use std::net::IpAddr;

use edgebind_alwayson::{
    Characteristic, Code, Content, InfoTable, Method, Request, Response, Value, json::Inputs,
};

use crate::Units;
use services::{Kind, Service};
pub use settings::{ConfigurationFile, LocalSettings};

/// Name under which the gateway answers locally; compared with its case (EMS notes, 5.2).
pub const NAME: &str = "LocalEms";

/// Who asks for a service of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The platform.
    Platform,
    /// An authenticated caller, or one on this machine.
    Local,
    /// A caller elsewhere on the network who did not have to authenticate: may register what is at its own
    /// address, and administer nothing (design 3.5).
    Stranger(IpAddr),
}

impl Caller {
    /// The address of a caller who may not administer.
    fn stranger(self, units: &Units) -> Option<IpAddr> {
        match self {
            Self::Stranger(address) if !units.allow_remote_admin => Some(address),
            _ => None,
        }
    }
}

/// Serves a request of the platform that names the gateway.
pub async fn serve(units: &Units, request: Request) -> Response {
    match (request.characteristic, request.method) {
        (Characteristic::Services, Method::Post) => {
            if request.name.eq_ignore_ascii_case("GetMetadata") {
                return result(Value::json(services::metadata(&request.entity)));
            }
            call(units, &request.name, &request.params, Caller::Platform).await
        }
        (Characteristic::Properties, Method::Get) => property(units, &request.name),
        (Characteristic::Services, _) => Response::error(Code::METHOD_NOT_ALLOWED, "services take POST"),
        _ => Response::error(Code::NOT_FOUND, "the gateway has services and the property isConnected"),
    }
}

/// Reads a property of the gateway (EMS notes, 7.0).
#[must_use]
pub fn property(units: &Units, name: &str) -> Response {
    if name == IS_CONNECTED {
        let online = units.link_status.borrow().is_online();
        Response::table(InfoTable::single(IS_CONNECTED, Value::Boolean(online)))
    } else {
        Response::error(Code::NOT_FOUND, format!("the gateway has no property {name:?}, only {IS_CONNECTED}"))
    }
}

/// Calls a service of the gateway; names are compared without case (EMS notes, 7.1).
pub async fn call(units: &Units, service: &str, params: &Content, caller: Caller) -> Response {
    let Some(service) = Service::find(service) else {
        return Response::error(Code::NOT_FOUND, format!("the gateway has no service {service:?}"));
    };
    let inputs = match Inputs::from_content(params) {
        Ok(inputs) => inputs,
        // Who needs no inputs takes any (EMS notes, 7.2 and 7.6).
        Err(_) if service.inputs.is_empty() => Inputs::default(),
        Err(error) => return Response::error(Code::BAD_REQUEST, error.to_string()),
    };
    match service.kind {
        Kind::AddEdgeThing => edge_things::add(units, &inputs, caller).await,
        Kind::RemoveEdgeThing => edge_things::remove(units, &inputs, caller).await,
        Kind::HasEdgeThing => edge_things::has(units, &inputs),
        Kind::GetEdgeThings => edge_things::all(&units.registry.all()),
        Kind::GetMicroserverVersion => result(Value::string(MICROSERVER_VERSION)),
        Kind::GetConfiguration => configuration::show(units).await,
        Kind::UpdateConfiguration => configuration::update(units, &inputs, caller).await,
        Kind::ReplaceConfiguration => configuration::replace(units, &inputs, caller).await,
        Kind::GetLogData => log_data::latest(params, &inputs, caller),
        Kind::StartFileLogging => log_data::start(units, &inputs, caller).await,
        Kind::StopFileLogging => log_data::stop(units, &inputs, caller),
        Kind::TestPort => test_port::test(units, &inputs, caller).await,
        Kind::Restart => configuration::restart(units, caller),
        Kind::NotifyPropertyUpdate => Response::success(),
    }
}

fn result(value: Value) -> Response {
    Response::table(InfoTable::single(InfoTable::RESULT, value))
}

fn missing_name(service: &str) -> Response {
    Response::error(Code::BAD_REQUEST, format!("{service} needs the input 'name', a text"))
}

fn forbidden(address: IpAddr, why: &str) -> Response {
    let text = format!(
        "{address} may not do this: {why}; turn on http_server.authenticate, or edgebind.allow_remote_admin"
    );
    Response::error(Code::FORBIDDEN, text)
}

fn starting() -> Response {
    Response::error(Code::SERVICE_UNAVAILABLE, "the gateway is starting or stopping, try again in a second")
}

/// Version of the original that callers compare with (design 3.4).
const MICROSERVER_VERSION: &str = "5.4.0.114";
const IS_CONNECTED: &str = "isConnected";
