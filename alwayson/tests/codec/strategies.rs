//! Arbitrary messages for property tests.

use bytes::Bytes;
use edgebind_alwayson::{
    Aspect, Auth, BaseType, Bind, Body, Characteristic, Claim, Code, Content, EntityType, Field, Gateway,
    InfoTable, Location, Message, Method, Request, Response, Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Any message that can be sent.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let ids = (any::<u32>(), any::<u32>(), any::<u32>());
    (ids, body()).prop_map(|((request_id, endpoint_id, session_id), body)| Message {
        request_id,
        endpoint_id,
        session_id,
        body,
    })
}

/// Any request that can be sent.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    let methods = select(vec![Method::Get, Method::Put, Method::Post, Method::Delete]);
    let characteristic = any::<u8>().prop_map(Characteristic::from_number);
    let headers = vec((text(), text()), 0..3);
    (methods, any::<u8>(), text(), characteristic, text(), headers, content()).prop_map(
        |(method, entity_type, entity, characteristic, name, headers, params)| Request {
            method,
            entity_type: EntityType(entity_type),
            entity,
            characteristic,
            name,
            headers,
            params,
        },
    )
}

/// A value of any base type, tables and variants nested.
pub(crate) fn value() -> impl Strategy<Value = Value> + Clone {
    plain_value().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![inner.clone().prop_map(Value::variant), table(inner).prop_map(Value::table),]
    })
}

fn body() -> impl Strategy<Value = Body> {
    let response = (0x40..=0xFF_u8, option::of(text()), content())
        .prop_map(|(code, reason, content)| Response { code: Code(code), reason, content });
    let claims = vec((text(), text()).prop_map(|(name, value)| Claim { name, value }), 0..4);
    let gateway = option::of((text(), text()).prop_map(|(name, template)| Gateway { name, template }));
    let bind = (any::<bool>(), gateway, vec(text(), 0..20)).prop_map(|(unbind, gateway, names)| Bind {
        unbind,
        gateway,
        names,
    });
    let other = (select(vec![0x00, 0x05, 0x0C, 0x1F, 0x3F]), vec(any::<u8>(), 0..20))
        .prop_map(|(code, bytes)| Body::Other { code: Code(code), bytes: Bytes::from(bytes) });
    prop_oneof![
        4 => request().prop_map(Body::Request),
        4 => response.prop_map(Body::Response),
        1 => claims.prop_map(|claims| Body::Auth(Auth { claims })),
        1 => bind.prop_map(Body::Bind),
        1 => other,
    ]
}

fn content() -> impl Strategy<Value = Content> {
    let bare = value().prop_map(|value| match value {
        Value::Nothing => Content::Nothing,
        Value::Table(table) => Content::Table(*table),
        bare => Content::Bare(bare),
    });
    prop_oneof![
        1 => Just(Content::Nothing),
        4 => table(value()).prop_map(Content::Table),
        1 => bare,
    ]
}

fn table(cell: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = InfoTable> {
    (0..4_usize, 0..3_usize).prop_flat_map(move |(fields, rows)| {
        (vec(field(), fields), vec(vec(cell.clone(), fields), rows))
            .prop_map(|(fields, rows)| InfoTable { fields, rows })
    })
}

fn field() -> impl Strategy<Value = Field> {
    let aspect = (text(), plain_value()).prop_map(|(name, value)| Aspect { name, value });
    (text(), text(), select(BaseType::ALL), vec(aspect, 0..3))
        .prop_map(|(name, description, base_type, aspects)| Field { name, description, base_type, aspects })
}

fn plain_value() -> impl Strategy<Value = Value> + Clone {
    let texts: Vec<BaseType> = BaseType::ALL.iter().copied().filter(|known| known.is_text()).collect();
    let number = prop_oneof![any::<f64>(), any::<u64>().prop_map(f64::from_bits)];
    let location = (any::<f64>(), any::<f64>(), any::<f64>())
        .prop_map(|(longitude, latitude, elevation)| Location { longitude, latitude, elevation });
    let bytes = || vec(any::<u8>(), 0..40);
    prop_oneof![
        Just(Value::Nothing),
        (select(texts), text()).prop_map(|(base_type, text)| Value::Text(base_type, text)),
        number.prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Datetime),
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::Long),
        location.prop_map(Value::Location),
        bytes().prop_map(Value::Blob),
        bytes().prop_map(Value::Image),
    ]
}

/// Mostly short text, now and then one around the change of the length prefix at 128 bytes.
fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        8 => vec(any::<char>(), 0..8).prop_map(String::from_iter),
        1 => (120..140_usize).prop_map(|length| "x".repeat(length)),
    ]
}
