//! From Lua values to the answer of a callback, and from a request to its arguments (script resource notes, 2.4).

use mlua::{IntoLua, Lua, MultiValue, Table, Value};

use super::{CallbackAnswer, CallbackData, CallbackRequest, switch::Outcome};

/// The five arguments of a callback.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn arguments(lua: &Lua, request: &CallbackRequest) -> mlua::Result<MultiValue> {
    let path = lua.create_table_with_capacity(request.path.len(), 0)?;
    for (index, segment) in request.path.iter().enumerate() {
        path.raw_set(index + 1, lua.create_string(segment)?)?;
    }
    let headers = lua.create_table()?;
    for (name, value) in &request.headers {
        headers.raw_set(name.as_str(), lua.create_string(value)?)?;
    }
    let data = match &request.data {
        CallbackData::Empty => lua.create_table()?,
        CallbackData::Content(content) => {
            let data = lua.create_table()?;
            data.raw_set("content", lua.create_string(content)?)?;
            data
        }
        CallbackData::Fields(fields) => pairs(lua, fields)?,
    };
    let query = pairs(lua, &request.query)?;
    let method = request.method.as_str().into_lua(lua)?;
    Ok(MultiValue::from_iter([
        method,
        path.into_lua(lua)?,
        headers.into_lua(lua)?,
        query.into_lua(lua)?,
        data.into_lua(lua)?,
    ]))
}

fn pairs(lua: &Lua, pairs: &[(Vec<u8>, Vec<u8>)]) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, value) in pairs {
        table.raw_set(lua.create_string(name)?, lua.create_string(value)?)?;
    }
    Ok(table)
}

/// What the caller is answered.
pub(super) fn answer(outcome: &Outcome) -> CallbackAnswer {
    match outcome {
        Outcome::Returned(values) => returned(values),
        Outcome::Failed { error, .. } => failed(error),
    }
}

/// 500 with the text of the error; an error that is no text has an empty body.
fn failed(error: &Value) -> CallbackAnswer {
    let body = match text(error) {
        Some(text) => [b"Error: ".as_slice(), &text].concat(),
        None => Vec::new(),
    };
    CallbackAnswer { code: 500, headers: Vec::new(), body }
}

fn returned(values: &MultiValue) -> CallbackAnswer {
    let Some(code) = values.front().and_then(status) else {
        // Nothing, or only a text.
        let body = values.front().and_then(text).unwrap_or_default();
        return CallbackAnswer { code: 500, headers: Vec::new(), body };
    };
    let mut rest = values.iter().skip(1).peekable();
    let headers = match rest.peek() {
        Some(Value::Table(table)) => {
            let headers = self::headers(table);
            rest.next();
            headers
        }
        // Headers behind the text are ignored, as in the original.
        _ => Vec::new(),
    };
    CallbackAnswer { code, headers, body: rest.filter_map(text).flatten().collect() }
}

/// A status code: a number, or a text that looks like one.
fn status(value: &Value) -> Option<u16> {
    let text = String::from_utf8(text(value)?).ok()?;
    let code: f64 = text.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the range")]
    (100.0..1000.0).contains(&code).then_some(code as u16)
}

fn headers(table: &Table) -> Vec<(String, Vec<u8>)> {
    let pairs = table.pairs::<Value, Value>().flatten();
    let header = |(name, value): (Value, Value)| match name {
        Value::String(name) => Some((name.to_string_lossy(), text(&value)?)),
        _ => None,
    };
    pairs.filter_map(header).collect()
}

/// The bytes of a string or number; nothing else is sent.
pub(super) fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Number(number) => Some(crate::number::text(*number).into_bytes()),
        #[expect(clippy::cast_precision_loss, reason = "it was a double before mlua saw that it is whole")]
        Value::Integer(number) => Some(crate::number::text(*number as f64).into_bytes()),
        // Only a function of mlua's own could throw one.
        Value::Error(error) => Some(super::natives::message(error).into_bytes()),
        _ => None,
    }
}

/// What the results of a main chunk read as: joined in reverse order, and only texts and numbers count (1.7).
pub(super) fn result_text(values: &MultiValue) -> String {
    let texts: Vec<_> = values.iter().rev().map(|value| text(value).unwrap_or_default()).collect();
    String::from_utf8_lossy(&texts.join(&b',')).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(lua: &Lua, code: &str) -> MultiValue {
        lua.load(code).eval().unwrap()
    }

    fn answered(code: &str) -> (u16, Vec<(String, String)>, String) {
        let lua = Lua::new();
        let CallbackAnswer { code, headers, body } = returned(&values(&lua, code));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (code, headers.into_iter().map(|(name, value)| (name, text(value))).collect(), text(body))
    }

    #[test]
    fn answers_follow_the_table_of_the_notes() {
        let header = || vec![("a".to_owned(), "5".to_owned())];
        assert_eq!(answered("return 204"), (204, vec![], String::new()));
        assert_eq!(answered("return 200, 'x'"), (200, vec![], "x".into()));
        assert_eq!(answered("return 200, {a = 5}, 'x'"), (200, header(), "x".into()));
        assert_eq!(answered("return 200, 'x', {a = 5}"), (200, vec![], "x".into()));
        assert_eq!(answered("return 200, 'a', 'b'"), (200, vec![], "ab".into()));
        assert_eq!(answered("return 200, {a = 5}, {}"), (200, header(), String::new()));
        assert_eq!(answered("return 200, {a = 5}, nil"), (200, header(), String::new()));
        assert_eq!(answered("return '201', 'x'"), (201, vec![], "x".into()));
        assert_eq!(answered("return 200, 42"), (200, vec![], "42".into()));
        assert_eq!(answered("return"), (500, vec![], String::new()));
        assert_eq!(answered("return 'only text'"), (500, vec![], "only text".into()));
    }

    #[test]
    fn results_of_a_main_chunk_are_joined_in_reverse_order() {
        let lua = Lua::new();
        let values = values(&lua, "return 'first', 2, true, nil, 'last'");
        assert_eq!(result_text(&values), "last,,,2,first");
    }

    #[test]
    fn an_error_that_is_no_text_has_an_empty_body() {
        assert_eq!(failed(&Value::Nil), CallbackAnswer { code: 500, headers: vec![], body: vec![] });
    }
}
