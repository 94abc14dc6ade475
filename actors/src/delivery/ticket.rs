//! The duty to answer a local caller exactly once.

use edgebind_alwayson::Response;
use tokio::sync::oneshot;

use crate::link::CallError;

/// What became of a local caller's request, when nothing went wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Receipt {
    /// The platform answered, whatever its code.
    Answered(Response),
    /// It is on disk and will be delivered (HTTP 202).
    Kept,
}

/// Travels with a request; dropped unused, it says that the request got lost on the way.
#[derive(Debug)]
pub(crate) struct Ticket {
    caller: Option<oneshot::Sender<Result<Receipt, CallError>>>,
    /// Whether the platform may have it.
    pub(crate) sent: bool,
}

impl Ticket {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<Receipt, CallError>>) {
        let (caller, answer) = oneshot::channel();
        (Self { caller: Some(caller), sent: false }, answer)
    }

    pub(crate) fn settle(mut self, result: Result<Receipt, CallError>) {
        self.send(result);
    }

    pub(crate) fn kept(self) {
        self.settle(Ok(Receipt::Kept));
    }

    fn send(&mut self, result: Result<Receipt, CallError>) {
        if let Some(caller) = self.caller.take() {
            // Whoever asked may have given up.
            caller.send(result).unwrap_or_default();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.send(Err(if self.sent { CallError::LinkLost } else { CallError::Dropped }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_that_is_dropped_answers_too_and_only_once() {
        let (ticket, mut answer) = Ticket::new();
        drop(ticket);
        assert_eq!(answer.try_recv().unwrap(), Err(CallError::Dropped));
        let (mut ticket, mut answer) = Ticket::new();
        ticket.sent = true;
        drop(ticket);
        assert_eq!(answer.try_recv().unwrap(), Err(CallError::LinkLost), "the platform may have it");
        let (ticket, mut answer) = Ticket::new();
        ticket.kept();
        assert_eq!(answer.try_recv().unwrap(), Ok(Receipt::Kept));
    }
}
