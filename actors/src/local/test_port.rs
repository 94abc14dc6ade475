//! TestPort: whether somebody listens at an address (EMS notes, 7.10).

use edgebind_alwayson::{Code, Response, json::Inputs};

use super::{Caller, forbidden};
use crate::{Units, tcp};

/// Connects and closes without a byte: success without content, or GATEWAY_TIMEOUT.
///
/// `useSSL` and `useProxy` change nothing: who listens is told by the TCP connect.
pub(super) async fn test(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    if let Some(address) = caller.stranger(units) {
        return forbidden(address, "the network behind the gateway is not open to it");
    }
    let bad = |text: &str| Response::error(Code::BAD_REQUEST, text);
    let Some(host) = inputs.text("host").filter(|host| !host.is_empty()) else {
        return bad("TestPort needs the input 'host', a text");
    };
    let Some(port) =
        inputs.integer("port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
    else {
        return bad("TestPort needs the input 'port', a number from 1 to 65535");
    };
    match tcp::probe(host, port).await {
        Ok(()) => Response::success(),
        Err(error) => Response::error(Code::GATEWAY_TIMEOUT, format!("{host}:{port}: {error}")),
    }
}
