//! The HTTP answer of an endpoint in the words of AlwaysOn (EMS notes, 9.2).

use edgebind_alwayson::{
    Code, Content, InfoTable, Method, Response, Value,
    json::{self, JsonError},
};

/// What the endpoint answered.
pub(crate) struct HttpAnswer<'a> {
    pub(crate) status: u16,
    /// Without parameters, in lower case.
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
}

impl HttpAnswer<'_> {
    /// The response to the platform's request with `method`.
    pub(crate) fn to_response(&self, method: Method) -> Response {
        let code = code_of(self.status);
        if code.is_success() {
            // What an agent answers to a write is nothing the platform asked for.
            return if method == Method::Put { Response::success() } else { self.success(code) };
        }
        if method == Method::Put {
            return Response {
                code,
                reason: self.text().filter(|text| !text.is_empty()),
                content: Content::Nothing,
            };
        }
        Response { code, reason: None, content: Content::Table(self.error_table()) }
    }

    fn success(&self, code: Code) -> Response {
        if self.body.is_empty() {
            return Response { code, reason: None, content: Content::Nothing };
        }
        let json_type = self.content_type == "application/json";
        let content = match self.table() {
            Ok(Some(table)) if json_type => table,
            Ok(None) if json_type => InfoTable::single(InfoTable::RESULT, Value::json(self.lossy_text())),
            Ok(Some(_)) | Err(_) if json_type || self.looks_like_table() => {
                let reason = InfoTable::single("reason", Value::string("Error parsing JSON response"));
                return Response {
                    code: Code::INTERNAL_SERVER_ERROR,
                    reason: None,
                    content: Content::Table(reason),
                };
            }
            _ => {
                let mut wrapped = Vec::from(&b"{\"result\":"[..]);
                json::write_value(&Value::string(self.lossy_text()), &mut wrapped);
                wrapped.push(b'}');
                let wrapped = String::from_utf8_lossy(&wrapped).into_owned();
                InfoTable::single(InfoTable::RESULT, Value::json(wrapped))
            }
        };
        Response { code, reason: None, content: Content::Table(content) }
    }

    fn error_table(&self) -> InfoTable {
        if self.body.is_empty() {
            return InfoTable::single("reason", Value::string(""));
        }
        if self.content_type == "application/json" {
            match self.table() {
                Ok(Some(table)) => return table,
                Ok(None) => return InfoTable::single(InfoTable::RESULT, Value::json(self.lossy_text())),
                Err(_) => {}
            }
        }
        InfoTable::single("error", Value::string(self.lossy_text()))
    }

    fn table(&self) -> Result<Option<InfoTable>, JsonError> {
        json::table_from_json(self.body)
    }

    /// An infotable under another content type is an error in the original, and scripts rely on seeing it.
    fn looks_like_table(&self) -> bool {
        matches!(self.table(), Ok(Some(_)))
    }

    fn text(&self) -> Option<String> {
        std::str::from_utf8(self.body).ok().map(str::to_owned)
    }

    fn lossy_text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }
}

/// Status codes as the original maps them; any 2xx is success (EMS notes, 16).
const fn code_of(status: u16) -> Code {
    match status {
        200..=299 => Code::SUCCESS,
        400 => Code::BAD_REQUEST,
        401 => Code::UNAUTHORIZED,
        402 => Code::BAD_OPTION,
        403 => Code::FORBIDDEN,
        404 => Code::NOT_FOUND,
        405 => Code::METHOD_NOT_ALLOWED,
        406 => Code::NOT_ACCEPTABLE,
        412 => Code::PRECONDITION_FAILED,
        413 => Code::ENTITY_TOO_LARGE,
        415 => Code::UNSUPPORTED_CONTENT_FORMAT,
        501 => Code::NOT_IMPLEMENTED,
        502 => Code::BAD_GATEWAY,
        503 => Code::SERVICE_UNAVAILABLE,
        504 => Code::GATEWAY_TIMEOUT,
        _ => Code::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str, method: Method) -> Response {
        HttpAnswer { status, content_type, body: body.as_bytes() }.to_response(method)
    }

    fn cell(response: &Response, name: &str) -> Option<String> {
        Some(response.content.as_table()?.cell(0, name)?.as_text()?.to_owned())
    }

    const TABLE: &str =
        r#"{"rows":[{"p":7.5}],"dataShape":{"fieldDefinitions":{"p":{"name":"p","baseType":"NUMBER"}}}}"#;

    #[test]
    fn an_infotable_stays_an_infotable() {
        let response = answer(200, "application/json", TABLE, Method::Get);
        assert_eq!(response.content.as_table().unwrap().cell(0, "p"), Some(&Value::Number(7.5)));
    }

    #[test]
    fn other_json_becomes_a_result() {
        let response = answer(200, "application/json", r#"{"name":"T1"}"#, Method::Post);
        assert_eq!(response.code, Code::SUCCESS);
        assert_eq!(cell(&response, "result").unwrap(), r#"{"name":"T1"}"#);
    }

    #[test]
    fn text_becomes_a_json_result() {
        let response = answer(200, "text/plain", "say \"hi\"", Method::Post);
        assert_eq!(cell(&response, "result").unwrap(), r#"{"result":"say \"hi\""}"#);
    }

    #[test]
    fn garbage_that_claims_to_be_json_is_an_internal_error() {
        let response = answer(200, "application/json", "{nonsense", Method::Get);
        assert_eq!(response.code, Code::INTERNAL_SERVER_ERROR);
        assert_eq!(cell(&response, "reason").unwrap(), "Error parsing JSON response");
    }

    #[test]
    fn an_error_carries_its_text() {
        let response = answer(404, "text/plain", "Property 'nope' not found", Method::Get);
        assert_eq!(response.code, Code::NOT_FOUND);
        assert_eq!(cell(&response, "error").unwrap(), "Property 'nope' not found");
        assert_eq!(cell(&answer(500, "text/plain", "", Method::Post), "reason").unwrap(), "");
    }

    #[test]
    fn a_refused_write_has_no_content() {
        let response = answer(500, "text/plain", "read only", Method::Put);
        assert_eq!(response.content, Content::Nothing);
        assert_eq!(response.reason.as_deref(), Some("read only"));
    }

    #[test]
    fn an_accepted_write_has_no_content() {
        assert_eq!(answer(200, "application/json", TABLE, Method::Put), Response::success());
    }

    #[test]
    fn any_2xx_is_success() {
        assert_eq!(answer(204, "", "", Method::Post), Response::success());
    }
}
