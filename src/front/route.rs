//! The URL grammar of the local HTTP server (EMS notes, 5.1): which request means what.

use edgebind_alwayson::{Characteristic, EntityType, Method};
use percent_encoding::percent_decode_str;

/// What a request of a local caller means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) collection: EntityType,
    pub(crate) entity: String,
    pub(crate) characteristic: Characteristic,
    pub(crate) method: Method,
    /// Empty for all properties.
    pub(crate) name: String,
}

/// Why a request means nothing; the text says what would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    #[error("nothing is served at {0:?}, everything stands under /Thingworx")]
    Elsewhere(String),
    #[error("{0:?} is not served; name an entity and one of its properties, services or events")]
    Forbidden(String),
    #[error("{0:?} is none of Properties, Services and Events")]
    Characteristic(String),
    #[error("the path is not UTF-8")]
    Encoding,
    #[error("the path holds a control character")]
    Control,
    #[error("{method} is not possible here: {possible}")]
    Method { method: String, possible: &'static str },
}

impl RouteError {
    /// HTTP status that the original answers.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Elsewhere(_) => 404,
            Self::Forbidden(_) => 403,
            Self::Characteristic(_) | Self::Encoding | Self::Control | Self::Method { .. } => 400,
        }
    }
}

impl Route {
    /// Reads path and query of a request.
    ///
    /// # Errors
    ///
    /// [`RouteError`] carries the status.
    pub(crate) fn parse(verb: &str, path: &str, query: &str) -> Result<Self, RouteError> {
        // Decoded before it is split: %2F makes a segment, as in the original.
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| RouteError::Encoding)?;
        if decoded.chars().any(char::is_control) {
            return Err(RouteError::Control);
        }
        let trailing = decoded.ends_with('/');
        let mut segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
        if segments.first() != Some(&"Thingworx") {
            return Err(RouteError::Elsewhere(decoded.into_owned()));
        }
        if trailing && segments.len() == 4 {
            segments.push("");
        }
        let (collection, entity, characteristic, name) = match segments.as_slice() {
            [_, collection, entity, characteristic] => (*collection, *entity, *characteristic, ""),
            [_, collection, entity, characteristic, name] => (*collection, *entity, *characteristic, *name),
            _ => return Err(RouteError::Forbidden(decoded.into_owned())),
        };
        let (characteristic, method) = method(characteristic, verb, query, name)?;
        Ok(Self {
            // An unknown collection is relayed as type 0 (EMS notes, 5.2).
            collection: EntityType::from_name(collection).unwrap_or(EntityType::UNDEFINED),
            entity: entity.to_owned(),
            characteristic,
            method,
            name: name.to_owned(),
        })
    }
}

/// Characteristic and verb, `?method=` included.
fn method(
    characteristic: &str,
    verb: &str,
    query: &str,
    name: &str,
) -> Result<(Characteristic, Method), RouteError> {
    let refuse = |possible| Err(RouteError::Method { method: verb.to_owned(), possible });
    let override_ = query.split('&').find_map(|pair| pair.strip_prefix("method="));
    let verb = match (verb, override_) {
        ("GET", Some(method)) => method.to_ascii_uppercase(),
        ("POST", Some(method)) if !method.eq_ignore_ascii_case("POST") => {
            return refuse("a POST stays a POST");
        }
        _ => verb.to_owned(),
    };
    match (characteristic, verb.as_str(), name.is_empty()) {
        ("Properties", "GET", _) => Ok((Characteristic::Properties, Method::Get)),
        ("Properties", "PUT", false) => Ok((Characteristic::Properties, Method::Put)),
        ("Services", "POST", false) => Ok((Characteristic::Services, Method::Post)),
        ("Events", "POST", false) => Ok((Characteristic::Events, Method::Post)),
        ("Properties", ..) => refuse("properties take GET, and PUT with a name"),
        ("Services", ..) => refuse("services take POST with a name"),
        ("Events", ..) => refuse("events take POST with a name"),
        _ => Err(RouteError::Characteristic(characteristic.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(verb: &str, path: &str, query: &str) -> Result<(String, Characteristic, Method, String), u16> {
        Route::parse(verb, path, query)
            .map(|route| (route.entity, route.characteristic, route.method, route.name))
            .map_err(|error| error.status())
    }

    #[test]
    fn properties_services_and_events_are_found() {
        let ok = |entity: &str, characteristic, method, name: &str| {
            Ok((entity.to_owned(), characteristic, method, name.to_owned()))
        };
        let cases = [
            (
                "GET",
                "/Thingworx/Things/T1/Properties/p",
                "",
                ok("T1", Characteristic::Properties, Method::Get, "p"),
            ),
            (
                "GET",
                "/Thingworx/Things/T1/Properties",
                "",
                ok("T1", Characteristic::Properties, Method::Get, ""),
            ),
            (
                "PUT",
                "/Thingworx/Things/T1/Properties/*",
                "",
                ok("T1", Characteristic::Properties, Method::Put, "*"),
            ),
            (
                "POST",
                "/Thingworx/Things/T1/Services/S",
                "",
                ok("T1", Characteristic::Services, Method::Post, "S"),
            ),
            (
                "POST",
                "/Thingworx/Things/T1/Events/E",
                "",
                ok("T1", Characteristic::Events, Method::Post, "E"),
            ),
            (
                "GET",
                "/Thingworx/Things/T1/Services/S",
                "method=POST",
                ok("T1", Characteristic::Services, Method::Post, "S"),
            ),
            (
                "GET",
                "/Thingworx/Things/T1/Properties/p",
                "method=put",
                ok("T1", Characteristic::Properties, Method::Put, "p"),
            ),
            (
                "GET",
                "//Thingworx//Things/a%20b/Properties/gr%C3%BCn",
                "",
                ok("a b", Characteristic::Properties, Method::Get, "grün"),
            ),
        ];
        for (verb, path, query, expected) in cases {
            assert_eq!(route(verb, path, query), expected, "{verb} {path}?{query}");
        }
    }

    #[test]
    fn everything_else_has_the_status_of_the_original() {
        let cases = [
            ("GET", "/", "", 404),
            ("GET", "/thingworx/Things/T1/Properties/p", "", 404),
            ("GET", "/Thingworx", "", 403),
            ("GET", "/Thingworx/Things", "", 403),
            ("DELETE", "/Thingworx/Things/T1", "", 403),
            ("GET", "/Thingworx/Things/T1/Properties/a/b", "", 403),
            ("GET", "/Thingworx/Things/T1/Properties/a%2Fb", "", 403),
            ("GET", "/Thingworx/Things/T1/Metadata", "", 400),
            ("GET", "/Thingworx/Things/T1/properties/p", "", 400),
            ("PUT", "/Thingworx/Things/T1/Properties", "", 400),
            ("POST", "/Thingworx/Things/T1/Properties/p", "", 400),
            ("GET", "/Thingworx/Things/T1/Services/S", "", 400),
            ("GET", "/Thingworx/Things/T1/Events/E", "", 400),
            ("POST", "/Thingworx/Things/T1/Services/S", "method=GET", 400),
            ("GET", "/Thingworx/Things/%FF/Properties/p", "", 400),
            ("GET", "/Thingworx/Things/a%0D%0Ab/Properties/p", "", 400),
            ("GET", "/Thingworx/Things/T1/Properties/p%00", "", 400),
        ];
        for (verb, path, query, status) in cases {
            assert_eq!(route(verb, path, query), Err(status), "{verb} {path}?{query}");
        }
    }

    #[test]
    fn an_unknown_collection_is_relayed_as_undefined() {
        let route = Route::parse("GET", "/Thingworx/Nonsense/X/Properties/p", "").unwrap();
        assert_eq!(route.collection, EntityType::UNDEFINED);
    }
}
