//! Messages in several WebSocket messages (protocol notes, section 6).
//!
//! [`split`] cuts what is sent, [`Reassembler`] joins what comes in. Both are pure: the
//! caller owns the connection, the clock and the answers.

mod chunk;
mod reassembly;
mod split;

pub use chunk::{Chunk, ChunkEntity};
pub use reassembly::{Reassembler, ReassemblyError, ReassemblyLimits, ReassemblyReason};
pub(crate) use split::announced_bytes;
pub use split::{DEFAULT_CHUNK_BYTES, SplitError, split};
