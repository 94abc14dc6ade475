//! JSON and text for people.

use edgebind_alwayson::{
    Aspect, Auth, BaseType, Body, Characteristic, Content, Field, Incoming, InfoTable, Limits, Message,
    Method, Request, Value, decode, encode,
    notation::{describe, from_hex, from_json, to_json},
};

#[test]
fn json_stands_in_the_order_of_the_wire() {
    let bytes = from_hex("0101 00000009 00000000 000003e9 00 0a 0154 01 0170 00 ff").unwrap();
    let expected = r#"{
  "version": 1,
  "code": "GET",
  "requestId": 9,
  "endpointId": 0,
  "sessionId": 1001,
  "multipart": 0,
  "type": "REQUEST",
  "entityType": "Things",
  "entityName": "T",
  "characteristicType": "Properties",
  "characteristicName": "p",
  "headers": [],
  "paramsType": "NOTHING",
  "params": null
}"#;
    assert_eq!(to_json(&bytes, &Limits::DEFAULT).unwrap(), expected);
}

#[test]
fn json_may_leave_out_what_follows_from_the_rest() {
    let short = r#"{"code":"GET","requestId":9,"sessionId":1001,"entityType":"Things","entityName":"T",
        "characteristicType":"Properties","characteristicName":"p"}"#;
    assert_eq!(
        from_json(short).unwrap(),
        from_hex("010100000009000000000000 03e9000a0154010170 00ff").unwrap()
    );
}

#[test]
fn numbers_that_json_does_not_have_keep_their_bits() {
    for bits in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -0.0, f64::MIN_POSITIVE]
        .map(f64::to_bits)
        .into_iter()
        .chain([0x7FF0_0000_0000_0001, 0xFFF8_0000_0000_0000])
    {
        let bytes = put(Value::Number(f64::from_bits(bits)));
        assert_eq!(from_json(&to_json(&bytes, &Limits::DEFAULT).unwrap()).unwrap(), bytes, "{bits:x}");
    }
}

#[test]
fn numbers_without_a_name_are_said_in_digits() {
    let mut bytes = put(Value::Nothing).to_vec();
    bytes[15] = 0x7E;
    bytes[18] = 0x09;
    let json = to_json(&bytes.clone().into(), &Limits::DEFAULT).unwrap();
    assert!(
        json.contains(r#""entityType": "0x7e""#) && json.contains(r#""characteristicType": "0x09""#),
        "{json}"
    );
    assert_eq!(from_json(&json).unwrap(), bytes);
}

#[test]
fn an_error_names_the_place_and_what_would_be_right() {
    let table = |row: &str| {
        format!(
            r#"{{"code":"SUCCESS","requestId":1,"content":{{"fields":[{{"name":"a","baseType":"NUMBER"}}],"rows":[{row}]}}}}"#
        )
    };
    let cases = [
        ("{".to_owned(), "not JSON: EOF while parsing an object at line 1 column 1"),
        ("[]".to_owned(), ": expected an object, found a list"),
        ("{}".to_owned(), "code: expected this member, found nothing"),
        (
            r#"{"code":"FETCH","requestId":1}"#.to_owned(),
            "code: expected the name of a code or 0x and two digits, found \"FETCH\"",
        ),
        (
            r#"{"code":"GET","requestId":-1}"#.to_owned(),
            "requestId: expected a whole number in the range of its type, found -1",
        ),
        (
            r#"{"code":"BIND","requestId":1,"type":"AUTH","names":[]}"#.to_owned(),
            "type: expected the type that belongs to code and multipart, found \"AUTH\"",
        ),
        (r#"{"code":"BIND","requestId":1,"names":["a",5]}"#.to_owned(), "names[1]: expected text, found 5"),
        (
            table(r#"[{"t":"NUMBER","v":"x"}]"#),
            "content.rows[0][0].v: expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", found \"x\"",
        ),
        (
            table(r#"[{"t":"NOTHING"},{"t":"NOTHING"}]"#),
            "message cannot be sent: row 0 has 2 cells in a table of 1 fields",
        ),
        (
            table(r#"[{"t":"FLOAT"}]"#),
            "content.rows[0][0].t: expected the name of a base type, found \"FLOAT\"",
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(from_json(&json).unwrap_err().to_string(), expected, "{json}");
    }
}

#[test]
fn json_nested_without_end_is_refused() {
    let json = r#"{"code":"SUCCESS","requestId":1,"content":"#.to_owned()
        + &r#"{"t":"VARIANT","v":"#.repeat(100_000);
    assert!(from_json(&json).unwrap_err().to_string().starts_with("not JSON: recursion limit"));
}

#[test]
fn a_description_shows_structure_and_masks_secrets() {
    let mut value = Field::new("value", BaseType::Variant);
    value.description = "what it is".to_owned();
    value.aspects.push(Aspect { name: "units".to_owned(), value: Value::string("psi") });
    let inner = InfoTable {
        fields: vec![Field::new("key", BaseType::Password), value],
        rows: vec![vec![
            Value::Text(BaseType::Password, "s3cret".to_owned()),
            Value::variant(Value::Number(401.25)),
        ]],
    };
    let message = decode(&put(Value::table(inner)), &Limits::DEFAULT).unwrap();
    let expected = r#"PUT (0x02), request 5, session 1001
  Things "T", Properties "p"
  params: table of 1 columns, 1 rows
    column "p" INFOTABLE
    row 1
      p: table of 2 columns, 1 rows
        column "key" PASSWORD
        column "value" VARIANT (what it is)
          units = STRING "psi"
        row 1
          key = PASSWORD ***
          value = VARIANT = NUMBER 401.25
  2 surplus bytes: 0000
"#;
    assert_eq!(describe(&message, &[0, 0]), expected);
    let auth = Message {
        request_id: 1,
        endpoint_id: 3,
        session_id: u32::MAX,
        body: Body::Auth(Auth::app_key("k-1")),
    };
    assert_eq!(
        describe(&Incoming::Message(auth), &[]),
        "AUTH (0x14), request 1, session 4294967295, endpoint 3\n  claim \"appKey\" = ***\n"
    );
}

fn put(value: Value) -> bytes::Bytes {
    let params = Content::Table(InfoTable::single("p", value));
    let request = Request::thing(Method::Put, "T", Characteristic::Properties, "p", params);
    encode(&Message { request_id: 5, endpoint_id: 0, session_id: 1001, body: Body::Request(request) })
        .unwrap()
}
