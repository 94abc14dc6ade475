//! The way of a local caller's request up to the platform.

use std::time::{Duration, Instant};

use edgebind_alwayson::{EntityType, Request, Response, SendError};
use edgebind_kernel::clock;
use edgebind_observability::{
    instruments,
    instruments::{Direction, Outcome, RequestKind},
    trace,
};
use tracing::{Span, debug};

use crate::{
    Units,
    delivery::{Parcel, Receipt, Submit, Ticket, pushed_values},
    link::{Call, CallError, Phase, Wake},
    things::kind_of,
};

/// Sends a request to the platform and waits for its answer, or until it is on disk: pushes, writes and events go in order
/// through the delivery, calls and reads at once (design: delivery).
///
/// # Errors
///
/// [`CallError`] tells whether the platform may have done what was asked.
pub async fn relay(units: &Units, request: Request, span: Span) -> Result<Receipt, CallError> {
    let kind = kind_of(&request);
    let values = if kind == RequestKind::Push { pushed_values(&request) } else { 0 };
    let begun = clock::now();
    if request.entity_type == EntityType::THINGS {
        units.roster.seen(&request.entity);
    }
    awaken(units).await;
    let result = match kind {
        RequestKind::Push | RequestKind::Write | RequestKind::Event => {
            update(units, request, kind, &span, begun).await
        }
        RequestKind::Call => call(units, request, span, begun).await,
        _ => ask(units, request, span).await.map(Receipt::Answered),
    };
    let outcome = match &result {
        Ok(Receipt::Answered(response)) => Outcome::of_code(response.code.0),
        Ok(Receipt::Kept) => Outcome::Stored,
        Err(error) => Outcome::of_code(error.code().0),
    };
    instruments().request(Direction::Up, kind, outcome, clock::now().duration_since(begun));
    if outcome == Outcome::Success {
        instruments().values_pushed(values);
    }
    result
}

/// Connects on demand: a link that sleeps is woken, and waited for as long as `connect_timeout` (design: delivery).
async fn awaken(units: &Units) {
    let Some(patience) = units.on_demand else { return };
    let phase = units.link_status.borrow().phase;
    if !phase.is_within_reach() {
        return;
    }
    if let Some(link) = units.link().filter(|_| matches!(phase, Phase::Sleeping { .. })) {
        // A full mailbox means that others ask too.
        link.try_send(Wake).unwrap_or_default();
    }
    let mut status = units.link_status.clone();
    let settled = status.wait_for(|status| !status.phase.is_within_reach());
    if tokio::time::timeout(patience, settled).await.is_err() {
        debug!("The link did not come up in time for a local caller.");
    }
}

/// Hands an update to the delivery. Encoded is it here: this thread is one of many.
async fn update(
    units: &Units,
    request: Request,
    kind: RequestKind,
    above: &Span,
    arrived: Instant,
) -> Result<Receipt, CallError> {
    let span = trace::span_platform_send(above, kind.as_str(), &request.entity, &request.name);
    let result = match parcel(units, request)? {
        Some(parcel) => submit(units, parcel, arrived, false).await,
        None => Err(CallError::Dropped),
    };
    match &result {
        Ok(Receipt::Answered(response)) => trace::record_code(&span, response.code.0),
        Ok(Receipt::Kept) => trace::record_outcome(&span, Outcome::Stored),
        Err(error) => trace::record_code(&span, error.code().0),
    }
    result
}

/// Asks at once; without a connection it is kept, if the site lets this service be done later, and perhaps twice.
async fn call(units: &Units, request: Request, span: Span, arrived: Instant) -> Result<Receipt, CallError> {
    let may_wait = units.spool.absence().is_none() && units.store_services.contain(&request.name);
    if !may_wait {
        return ask(units, request, span).await.map(Receipt::Answered);
    }
    // Once it was written to the link it is never repeated; so it is asked whether it was.
    match ask(units, request.clone(), span).await {
        Err(CallError::NotConnected) => match parcel(units, request)? {
            Some(parcel) => submit(units, parcel, arrived, true).await,
            None => Err(CallError::NotConnected),
        },
        other => other.map(Receipt::Answered),
    }
}

async fn ask(units: &Units, request: Request, span: Span) -> Result<Response, CallError> {
    let Some(link) = units.link() else { return Err(CallError::NotConnected) };
    match tokio::time::timeout(last_resort(units), link.send(Call { request, timeout: None, span })).await {
        Ok(Ok(result)) => result,
        // The link was being restarted: nobody knows how far the request got.
        Ok(Err(_)) => Err(CallError::LinkLost),
        Err(_) => Err(CallError::TimedOut),
    }
}

/// Encodes, and refuses what can never be sent: it must not wait for nothing.
fn parcel(units: &Units, request: Request) -> Result<Option<Parcel>, CallError> {
    let parcel = Parcel::pack(request).map_err(|error| CallError::Encode(error.to_string()))?;
    if let Some(parcel) = &parcel {
        units.session.check_size(&parcel.message).map_err(|error| match error {
            SendError::TooLarge { bytes, limit } => CallError::TooLarge { bytes, limit },
            other => CallError::Encode(other.to_string()),
        })?;
    }
    Ok(parcel)
}

async fn submit(
    units: &Units,
    parcel: Parcel,
    arrived: Instant,
    only_keep: bool,
) -> Result<Receipt, CallError> {
    let (ticket, answer) = Ticket::new();
    hand_over(units, Submit { parcel, ticket, arrived, only_keep }).await;
    match tokio::time::timeout(last_resort(units), answer).await {
        Ok(answer) => answer.unwrap_or(Err(CallError::Dropped)),
        Err(_) => Err(CallError::TimedOut),
    }
}

/// Gives the delivery what it is to deliver. One that is just being started is waited for a little; else the message is
/// dropped, and its ticket says so.
async fn hand_over(units: &Units, mut submit: Submit) {
    let end = clock::now() + START;
    while clock::now() < end {
        if let Some(delivery) = units.delivery() {
            match delivery.try_send(submit) {
                Ok(()) | Err(actix::prelude::SendError::Full(_)) => return,
                Err(actix::prelude::SendError::Closed(back)) => submit = back,
            }
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// Link and delivery answer after `msg_timeout` and a little; this guards against a defect on the way only.
fn last_resort(units: &Units) -> Duration {
    units.session.message_timeout * 2 + Duration::from_secs(60)
}

/// How long the delivery is waited for when it is being started, and how often it is looked for.
const START: Duration = Duration::from_secs(2);
const START_PAUSE: Duration = Duration::from_millis(10);
