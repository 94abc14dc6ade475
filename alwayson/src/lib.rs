//! The AlwaysOn protocol without I/O and without a clock.
//!
//! Bytes and `now` come in, messages, frames and events go out; sockets, timers and
//! threads belong to the callers. The protocol notes that the comments cite stand in
//! `docs/protocol/alwayson.md` (wire) and `docs/protocol/ems.md` (JSON forms).

mod base_type;
mod code;
mod infotable;
pub mod json;
mod message;
mod session;
mod value;

mod multipart;
mod notation;
mod repair;
mod wire;

pub use base_type::BaseType;
pub use code::Code;
pub use infotable::{Aspect, Field, InfoTable, Row};
pub use message::{
    Auth, Bind, Body, Characteristic, Claim, Content, EntityType, Gateway, Message, Method, Request, Response,
};
pub use session::{
    ClosedBy, Counts, EdgeSession, Event, Frame, InboundId, PlatformSession, RequestId, SendError,
    SessionSettings, State, Violation,
};
pub use value::{Location, Value};

pub use multipart::{
    Chunk, ChunkEntity, DEFAULT_CHUNK_BYTES, Reassembler, ReassemblyError, ReassemblyLimits,
    ReassemblyReason, SplitError, split,
};
pub use notation::{NotationError, describe, from_hex, from_json, to_hex, to_json};
pub use repair::{RepairOutcome, Repaired, SplitRepair};
pub use wire::{
    DecodeError, DecodeReason, EncodeError, Header, Incoming, Limits, decode, decode_body,
    decode_with_trailing, encode, encode_into,
};
