//! Names of attributes: those of the OpenTelemetry semantic conventions where there is one, ours below `edgebind.`.

/// Method of an HTTP request.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// Pattern of the path, never the path itself.
pub const HTTP_ROUTE: &str = "http.route";
/// Status of an HTTP answer.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// Host a request was sent to.
pub const SERVER_ADDRESS: &str = "server.address";
/// Port a request was sent to.
pub const SERVER_PORT: &str = "server.port";
/// Name of the thing a request is about.
pub const THING: &str = "edgebind.thing";
/// Name of the property, service or event.
pub const CHARACTERISTIC: &str = "edgebind.characteristic";
/// Code of the platform's answer, two hexadecimal digits.
pub const CODE: &str = "edgebind.code";
/// How it ended, in the words of [`crate::instruments::Outcome`].
pub const OUTCOME: &str = "edgebind.outcome";
