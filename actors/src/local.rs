//! The gateway's own services, for local callers (`LocalEms`) and for the platform (gateway thing) alike
//! (EMS notes, 7 and 11).

use std::{net::IpAddr, time::Duration};

use edgebind_alwayson::{
    BaseType, Characteristic, Code, Content, Field, InfoTable, Method, Request, Response, Value, json::Inputs,
};

use crate::{
    Endpoint, Registration, Units,
    registrar::{Deregister, register},
};

/// Name under which the gateway answers locally; compared with its case (EMS notes, 5.2).
pub const NAME: &str = "LocalEms";

/// Who asks for a service of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The platform, an authenticated caller, or one on this machine.
    Trusted,
    /// A caller elsewhere on the network who did not have to authenticate: may register what is at its own
    /// address only (design 3.5).
    Stranger(IpAddr),
}

/// Serves a request of the platform that names the gateway.
pub async fn serve(units: &Units, request: Request) -> Response {
    match (request.characteristic, request.method) {
        (Characteristic::Services, Method::Post) => {
            if request.name.eq_ignore_ascii_case("GetMetadata") {
                return Response::table(InfoTable::single(
                    InfoTable::RESULT,
                    Value::json(metadata(&request.entity)),
                ));
            }
            call(units, &request.name, &request.params, Caller::Trusted).await
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
    let known = SERVICES.iter().find(|known| known.name.eq_ignore_ascii_case(service));
    let Some(known) = known else {
        return Response::error(Code::NOT_FOUND, format!("the gateway has no service {service:?}"));
    };
    let inputs = match Inputs::from_content(params) {
        Ok(inputs) => inputs,
        // Who needs no inputs takes any (EMS notes, 7.2 and 7.6).
        Err(_) if known.inputs.is_empty() => Inputs::default(),
        Err(error) => return Response::error(Code::BAD_REQUEST, error.to_string()),
    };
    match known.kind {
        Kind::AddEdgeThing => add(units, &inputs, caller).await,
        Kind::RemoveEdgeThing => remove(units, &inputs).await,
        Kind::HasEdgeThing => match inputs.text("name") {
            Some(name) => result(Value::Boolean(units.registry.contains(name))),
            None => missing_name(known.name),
        },
        Kind::GetEdgeThings => Response::table(edge_things(&units.registry.all())),
        Kind::GetMicroserverVersion => result(Value::string(MICROSERVER_VERSION)),
        Kind::NotifyPropertyUpdate => Response::success(),
    }
}

async fn add(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    let registration = match Registration::from_inputs(inputs) {
        Ok(registration) => registration,
        Err(error) => return Response::error(Code::BAD_REQUEST, error.to_string()),
    };
    if let Caller::Stranger(address) = caller
        && !units.allow_remote_admin
        && !is_at(&registration.endpoint, address).await
    {
        return Response::error(
            Code::FORBIDDEN,
            format!(
                "{address} may register things at its own address only, not at {}; turn on \
                 http_server.authenticate, or edgebind.allow_remote_admin",
                registration.endpoint.host
            ),
        );
    }
    match register(units, registration).await {
        Ok(()) => Response::success(),
        Err(error) => Response::error(error.code(), error.to_string()),
    }
}

async fn remove(units: &Units, inputs: &Inputs) -> Response {
    let Some(name) = inputs.text("name") else { return missing_name("RemoveEdgeThing") };
    let Some(registrar) = units.registrar() else { return starting() };
    match registrar.send(Deregister(name.to_owned())).await {
        Ok(()) => Response::success(),
        Err(_) => starting(),
    }
}

/// Whether `endpoint` is on the machine with `address`; a host name is looked up.
async fn is_at(endpoint: &Endpoint, address: IpAddr) -> bool {
    if let Ok(host) = endpoint.host.parse::<IpAddr>() {
        return host == address;
    }
    let lookup = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port));
    match tokio::time::timeout(LOOKUP_DEADLINE, lookup).await {
        Ok(Ok(mut found)) => found.any(|found| found.ip() == address),
        _ => false,
    }
}

/// One row a thing, sorted by name (EMS notes, 7.6); no password.
fn edge_things(things: &[std::sync::Arc<Registration>]) -> InfoTable {
    let fields = [
        ("name", BaseType::String),
        ("host", BaseType::String),
        ("port", BaseType::Number),
        ("path", BaseType::String),
        ("keepalive", BaseType::Number),
        ("timeout", BaseType::Number),
        ("proto", BaseType::String),
        ("user", BaseType::String),
        ("accept", BaseType::String),
    ];
    let mut table = InfoTable::new(fields.map(|(name, base_type)| Field::new(name, base_type)).into());
    let millis = |duration: Duration| Value::Number(duration.as_secs_f64() * 1_000.0);
    for thing in things {
        table.rows.push(vec![
            Value::string(thing.name.as_str()),
            Value::string(thing.endpoint.host.as_str()),
            Value::Number(f64::from(thing.endpoint.port)),
            Value::string(thing.path.as_str()),
            millis(thing.keepalive),
            millis(thing.timeout),
            Value::string(thing.endpoint.scheme.to_string()),
            Value::string(thing.user.as_str()),
            Value::string("application/json"),
        ]);
    }
    table
}

fn result(value: Value) -> Response {
    Response::table(InfoTable::single(InfoTable::RESULT, value))
}

fn missing_name(service: &str) -> Response {
    Response::error(Code::BAD_REQUEST, format!("{service} needs the input 'name', a text"))
}

fn starting() -> Response {
    Response::error(Code::SERVICE_UNAVAILABLE, "the gateway is starting or stopping, try again in a second")
}

/// What the platform shows when it browses the gateway thing.
fn metadata(name: &str) -> String {
    let mut services = serde_json::Map::new();
    for service in SERVICES.iter().map(|service| (service.name, service.inputs, service.output)).chain([(
        "GetMetadata",
        &[][..],
        BaseType::Json,
    )]) {
        let (service, inputs, output) = service;
        let fields: serde_json::Map<String, serde_json::Value> = inputs
            .iter()
            .map(|(input, base_type)| {
                let field = serde_json::json!({
                    "name": input, "description": "", "baseType": base_type.name(), "aspects": {}
                });
                ((*input).to_owned(), field)
            })
            .collect();
        let inputs = if fields.is_empty() {
            serde_json::json!({})
        } else {
            serde_json::json!({ "fieldDefinitions": fields })
        };
        services.insert(
            service.to_owned(),
            serde_json::json!({
                "name": service, "description": "", "aspects": {}, "Inputs": inputs,
                "Outputs": { "name": "result", "baseType": output.name(), "fieldDefinitions": {} }
            }),
        );
    }
    serde_json::json!({
        "name": name, "description": "", "isSystemObject": false,
        "propertyDefinitions": {}, "serviceDefinitions": services, "eventDefinitions": {}
    })
    .to_string()
}

/// A service of the gateway with what GetMetadata says of it.
struct Service {
    name: &'static str,
    kind: Kind,
    inputs: &'static [(&'static str, BaseType)],
    output: BaseType,
}

#[derive(Clone, Copy)]
enum Kind {
    AddEdgeThing,
    RemoveEdgeThing,
    HasEdgeThing,
    GetEdgeThings,
    GetMicroserverVersion,
    NotifyPropertyUpdate,
}

const SERVICES: &[Service] = &[
    Service {
        name: "AddEdgeThing",
        kind: Kind::AddEdgeThing,
        inputs: &[
            ("name", BaseType::String),
            ("host", BaseType::String),
            ("port", BaseType::Number),
            ("path", BaseType::String),
            ("proto", BaseType::String),
            ("keepalive", BaseType::Number),
            ("timeout", BaseType::Number),
            ("user", BaseType::String),
            ("password", BaseType::Password),
        ],
        output: BaseType::Nothing,
    },
    Service {
        name: "RemoveEdgeThing",
        kind: Kind::RemoveEdgeThing,
        inputs: &[("name", BaseType::String)],
        output: BaseType::Nothing,
    },
    Service {
        name: "HasEdgeThing",
        kind: Kind::HasEdgeThing,
        inputs: &[("name", BaseType::String)],
        output: BaseType::Boolean,
    },
    Service { name: "GetEdgeThings", kind: Kind::GetEdgeThings, inputs: &[], output: BaseType::Infotable },
    Service {
        name: "GetMicroserverVersion",
        kind: Kind::GetMicroserverVersion,
        inputs: &[],
        output: BaseType::String,
    },
    Service {
        name: "NotifyPropertyUpdate",
        kind: Kind::NotifyPropertyUpdate,
        inputs: &[],
        output: BaseType::Nothing,
    },
];

/// Version of the original that callers compare with (design 3.4).
const MICROSERVER_VERSION: &str = "5.4.0.114";
const IS_CONNECTED: &str = "isConnected";
const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);
