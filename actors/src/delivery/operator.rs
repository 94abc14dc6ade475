//! What an operator does to the spool of a running gateway: the store does it, and the order of delivery learns of it.

use std::sync::Arc;

use actix::prelude::*;
use edgebind_store::{Entry, Record, Spool, StoreError};
use tokio::sync::oneshot;

use super::{Delivery, Restored};
use crate::Units;

/// Records of one entity that are not to be delivered any more.
#[derive(Message)]
#[rtype(result = "()")]
struct Removed {
    entity: Arc<str>,
    seqs: Vec<u64>,
}

impl Units {
    /// Puts dead letters back to the end of the queue; their new places.
    ///
    /// # Errors
    ///
    /// Why the store could not; nothing has changed then.
    pub async fn retry_dead(&self, seqs: Vec<u64>) -> Result<Vec<Entry>, StoreError> {
        let entries = self.ask_spool(|store, done| store.retry_dead(seqs, done)).await?;
        self.restored(&entries).await;
        Ok(entries)
    }

    /// Deletes dead letters for good; how many there were.
    ///
    /// # Errors
    ///
    /// Why the store could not.
    pub async fn drop_dead(&self, seqs: Vec<u64>) -> Result<u64, StoreError> {
        self.ask_spool(|store, done| store.drop_dead(seqs, done)).await
    }

    /// Deletes waiting records of one entity for good; how many there were.
    ///
    /// # Errors
    ///
    /// Why the store could not.
    pub async fn drop_waiting(&self, entity: &str, seqs: Vec<u64>) -> Result<u64, StoreError> {
        // First out of the order: a record that is gone must not be read for sending.
        if let Some(delivery) = self.delivery.resolve(&()) {
            let removed = Removed { entity: entity.into(), seqs: seqs.clone() };
            delivery.send(removed).await.unwrap_or_default();
        }
        self.ask_spool(|store, done| store.delete(seqs, done)).await
    }

    /// Appends records that were rescued from elsewhere, all of them or none; their places.
    ///
    /// # Errors
    ///
    /// Why the store could not; nothing has changed then.
    pub async fn adopt(&self, records: Vec<Record>) -> Result<Vec<Entry>, StoreError> {
        let (told, answer) = oneshot::channel();
        let done = move |result| told.send(result).unwrap_or_default();
        self.spool.with(|store| store.append_all(records, done)).unwrap_or(Err(StoreError::Stopped))?;
        let entries = answer.await.unwrap_or(Err(StoreError::Stopped))?;
        self.restored(&entries).await;
        Ok(entries)
    }

    /// Appends dead letters that were rescued from elsewhere, as dead letters; nothing of them is delivered.
    ///
    /// # Errors
    ///
    /// Why the store could not. Letters that it has not moved aside by then are delivered after the next start.
    pub async fn bury(&self, letters: Vec<(Record, String)>) -> Result<(), StoreError> {
        let (records, reasons): (Vec<_>, Vec<_>) = letters.into_iter().unzip();
        let (told, answer) = oneshot::channel();
        let done = move |result| drop(told.send(result));
        self.spool.with(|store| store.append_all(records, done)).unwrap_or(Err(StoreError::Stopped))?;
        let entries = answer.await.unwrap_or(Err(StoreError::Stopped))?;
        for (entry, reason) in entries.iter().zip(reasons) {
            self.ask_spool(|store, done| store.give_up(vec![entry.seq], reason, done)).await?;
        }
        Ok(())
    }

    async fn restored(&self, entries: &[Entry]) {
        // A delivery that is being restarted reads the whole spool when it is up.
        if let Some(delivery) = self.delivery.resolve(&()) {
            delivery.send(Restored(entries.to_vec())).await.unwrap_or_default();
        }
    }

    async fn ask_spool<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Spool, Box<dyn FnOnce(Result<T, StoreError>) + Send>),
    ) -> Result<T, StoreError> {
        let (told, answer) = oneshot::channel();
        // Whoever asked may be gone.
        let done = Box::new(move |result| drop(told.send(result)));
        self.spool.with(|store| request(store, done)).ok_or(StoreError::Stopped)?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }
}

impl Handler<Removed> for Delivery {
    type Result = ();

    fn handle(&mut self, Removed { entity, seqs }: Removed, ctx: &mut Self::Context) {
        self.order.removed(&entity, &seqs);
        self.pump(ctx);
    }
}
