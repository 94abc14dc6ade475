//! The way of a local caller's request up to the platform.

use std::time::Duration;

use actix::MailboxError;
use edgebind_alwayson::{EntityType, Request, Response};
use edgebind_kernel::clock;
use edgebind_observability::{
    instruments,
    instruments::{Direction, Outcome, RequestKind},
};
use tracing::Span;

use crate::{
    Units,
    link::{Call, CallError},
    things::{Relay, kind_of},
};

/// Sends a request to the platform and waits for its answer: through the thing that it names, if that is behind this
/// gateway, so that the order of its updates is kept.
///
/// # Errors
///
/// [`CallError`] tells whether the platform may have done what was asked.
pub async fn relay(units: &Units, request: Request, span: Span) -> Result<Response, CallError> {
    let kind = kind_of(&request);
    let values = if kind == RequestKind::Push { pushed_values(&request) } else { 0 };
    let begun = clock::now();
    let thing = Some(&request).filter(|request| request.entity_type == EntityType::THINGS);
    let result = match thing.and_then(|request| units.thing(&request.entity)) {
        Some(thing) => deadline(thing.send(Relay { request, span })).await,
        None => match units.link() {
            Some(link) => deadline(link.send(Call { request, timeout: None, span })).await,
            None => Err(CallError::NotConnected),
        },
    };
    let code = result.as_ref().map_or_else(CallError::code, |response| response.code);
    let outcome = Outcome::of_code(code.0);
    instruments().request(Direction::Up, kind, outcome, clock::now().duration_since(begun));
    if outcome == Outcome::Success {
        instruments().values_pushed(values);
    }
    result
}

/// How many values a push carries (protocol notes, section 10.1).
fn pushed_values(request: &Request) -> u64 {
    let values = request.params.as_table().and_then(|table| table.cell(0, "values")?.as_table());
    values.map_or(0, |values| u64::try_from(values.rows.len()).unwrap_or(u64::MAX))
}

/// The link answers each call after `msg_timeout` at the latest; this guards against a defect on the way only.
async fn deadline(
    sent: impl Future<Output = Result<Result<Response, CallError>, MailboxError>>,
) -> Result<Response, CallError> {
    match tokio::time::timeout(LAST_RESORT, sent).await {
        Ok(Ok(result)) => result,
        // The unit was being restarted: the request never left its mailbox.
        Ok(Err(_)) => Err(CallError::NotConnected),
        Err(_) => Err(CallError::TimedOut),
    }
}

const LAST_RESORT: Duration = Duration::from_secs(330);
