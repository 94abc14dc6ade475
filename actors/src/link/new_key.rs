//! Another application key for the connection that stands (protocol notes, section 7.2: AUTH again keeps the bindings).

use actix::prelude::*;
use edgebind_alwayson::Code;
use edgebind_kernel::clock;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::{Link, Phase};

/// Offers another application key; things stay bound. One that the platform refuses is given up for the one before.
#[derive(Message)]
#[rtype(result = "Result<KeyTaken, KeyRefused>")]
pub struct OfferKey(pub SecretString);

/// What became of an [`OfferKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTaken {
    /// The platform has accepted it on this connection.
    Accepted,
    /// There is no authenticated connection; the next one uses it.
    NextConnection,
}

/// The platform does not want the new key; the one before stays in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the platform refused the new application key ({code}) {reason}; the one before stays in use")]
pub struct KeyRefused {
    /// Status of the answer.
    pub code: Code,
    /// Reason of the answer, may be empty.
    pub reason: String,
}

/// An offer that the platform has not answered.
pub(super) struct Offer {
    before: SecretString,
    answer: oneshot::Sender<Result<KeyTaken, KeyRefused>>,
}

impl Link {
    /// Takes an answer to AUTH for the offer that waits; true if there was one and the answer was no.
    pub(super) fn settle_offer(&mut self, refused: Option<(Code, &str)>) -> bool {
        let Some(Offer { before, answer }) = self.offer.take() else { return false };
        let Some((code, reason)) = refused else {
            // Whoever asked may have given up.
            answer.send(Ok(KeyTaken::Accepted)).unwrap_or_default();
            return false;
        };
        let key = before.expose_secret().to_owned();
        self.use_key(before);
        if let Some(connection) = &mut self.connection {
            connection.session.authenticate_again(clock::now(), Some(key));
        }
        answer.send(Err(KeyRefused { code, reason: reason.to_owned() })).unwrap_or_default();
        true
    }

    fn use_key(&mut self, key: SecretString) {
        for target in &mut self.settings.targets {
            target.app_key = key.clone();
        }
        self.settings.app_key = key;
    }
}

impl Handler<OfferKey> for Link {
    type Result = ResponseFuture<Result<KeyTaken, KeyRefused>>;

    fn handle(&mut self, OfferKey(key): OfferKey, ctx: &mut Self::Context) -> Self::Result {
        let before = self.settings.app_key.clone();
        let text = key.expose_secret().to_owned();
        self.use_key(key);
        let online = self.status.borrow().phase == Phase::Online;
        let Some(connection) = &mut self.connection else {
            return Box::pin(std::future::ready(Ok(KeyTaken::NextConnection)));
        };
        connection.session.authenticate_again(clock::now(), Some(text));
        if !online {
            // The key before was not accepted either: this one is offered from now on.
            self.pump(ctx);
            return Box::pin(std::future::ready(Ok(KeyTaken::NextConnection)));
        }
        let (answer, answered) = oneshot::channel();
        // A second offer takes the place of one that waits; whoever made that hears of the next connection.
        self.offer = Some(Offer { before, answer });
        self.pump(ctx);
        Box::pin(async move { answered.await.unwrap_or(Ok(KeyTaken::NextConnection)) })
    }
}
