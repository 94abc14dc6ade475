//! A request to the platform as it is kept and sent: encoded once, with the ids left open.

use std::sync::Arc;

use bytes::Bytes;
use edgebind_alwayson::{Body, DecodeError, EncodeError, Incoming, Limits, Message, Request, decode, encode};
use edgebind_observability::instruments::RequestKind;
use edgebind_store::{Kind, Record};

use crate::things::kind_of;

/// A request that waits for the platform.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// Whose order it belongs to: collection and name, `Things/Pump-1`.
    pub(crate) entity: Arc<str>,
    pub(crate) kind: Kind,
    /// The whole message, ids zero; a record of the spool holds the same bytes.
    pub(crate) message: Bytes,
}

/// Why bytes of the spool are no request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// They cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// They are another kind of message, or a part of one.
    #[error("the record holds no request")]
    Other,
}

impl Parcel {
    /// Encodes a request; `None` for reads and everything else that is never kept.
    pub(crate) fn pack(request: Request) -> Result<Option<Self>, EncodeError> {
        let kind = match kind_of(&request) {
            RequestKind::Push => Kind::Push,
            RequestKind::Write => Kind::Write,
            RequestKind::Event => Kind::Event,
            RequestKind::Call => Kind::Call,
            _ => return Ok(None),
        };
        let entity = format!("{:?}/{}", request.entity_type, request.entity).into();
        Ok(Some(Self { entity, kind, message: pack(request)? }))
    }

    pub(crate) fn into_record(self) -> Record {
        Record { entity: self.entity, kind: self.kind, payload: self.message }
    }

    pub(crate) fn size_bytes(&self) -> u32 {
        u32::try_from(self.message.len()).unwrap_or(u32::MAX)
    }
}

/// The record in which a request waits for the platform; `None` for reads, which are never kept.
///
/// # Errors
///
/// [`EncodeError`] if the request cannot be said on the wire.
pub fn record_of(request: Request) -> Result<Option<Record>, EncodeError> {
    Ok(Parcel::pack(request)?.map(Parcel::into_record))
}

/// The request that a record holds.
///
/// # Errors
///
/// [`UnpackError`] when it holds something else.
pub fn request_of(payload: &Bytes) -> Result<Request, UnpackError> {
    // What was once taken stays readable when the limit of the configuration is lowered.
    let limits = Limits { max_message_bytes: usize::MAX, ..Limits::DEFAULT };
    match decode(payload, &limits)? {
        Incoming::Message(Message { body: Body::Request(request), .. }) => Ok(request),
        _ => Err(UnpackError::Other),
    }
}

/// The message of a request, its ids zero: the session that sends it puts in its own.
pub(super) fn pack(request: Request) -> Result<Bytes, EncodeError> {
    encode(&Message { request_id: 0, endpoint_id: 0, session_id: 0, body: Body::Request(request) })
}

#[cfg(test)]
mod tests {
    use edgebind_alwayson::{Characteristic, Content, InfoTable, Method, Value};

    use super::*;

    #[test]
    fn what_is_kept_is_the_request_that_is_sent() {
        let params = Content::Table(InfoTable::single("p", Value::Number(1.5)));
        for (method, characteristic, name, kind) in [
            (Method::Put, Characteristic::Properties, "p", Kind::Write),
            (Method::Post, Characteristic::Services, "s", Kind::Call),
            (Method::Post, Characteristic::Services, "UpdateSubscribedPropertyValues", Kind::Push),
            (Method::Post, Characteristic::Events, "e", Kind::Event),
        ] {
            let request = Request::thing(method, "Pump 1", characteristic, name, params.clone());
            let record = record_of(request.clone()).unwrap().unwrap();
            assert_eq!((&*record.entity, record.kind), ("Things/Pump 1", kind));
            assert_eq!(request_of(&record.payload).unwrap(), request);
        }
        let read = Request::thing(Method::Get, "T", Characteristic::Properties, "p", Content::Nothing);
        assert_eq!(record_of(read).unwrap(), None);
    }

    #[test]
    fn bytes_that_are_no_request_are_an_error() {
        assert!(matches!(request_of(&Bytes::from_static(b"x")), Err(UnpackError::Decode(_))));
        let body = Body::Response(edgebind_alwayson::Response::success());
        let answer = encode(&Message { request_id: 1, endpoint_id: 0, session_id: 0, body }).unwrap();
        assert!(matches!(request_of(&answer), Err(UnpackError::Other)));
    }
}
