//! What the store's thread tells the delivery: in its order, many at a time.

use std::sync::Arc;

use actix::prelude::*;
use edgebind_store::{Entry, Event, Flight, ReadBack, StoreError};
use tracing::debug;

use super::{Delivery, Store};
use crate::spool::SpoolEvent;

/// One piece of news; the events of the store come in order with its answers.
pub(super) enum News {
    Store(SpoolEvent),
    Appended {
        token: u64,
        result: Result<Entry, StoreError>,
    },
    Read {
        life: u64,
        flight: Flight,
        entity: Arc<str>,
        result: Result<ReadBack, StoreError>,
    },
    /// Deleted or moved to the dead letters; or lost with its thread.
    Gone {
        seqs: Vec<u64>,
    },
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct NewsBatch(pub(super) Vec<News>);

impl Handler<NewsBatch> for Delivery {
    type Result = ();

    fn handle(&mut self, NewsBatch(batch): NewsBatch, ctx: &mut Self::Context) {
        for news in batch {
            match news {
                News::Store(SpoolEvent { event, .. }) => self.store_changed(event),
                News::Appended { token, result } => self.appended(token, result),
                News::Read { life, flight, entity, result } if life == self.life => match result {
                    Ok(ReadBack { records, damaged }) => self.read_back(flight, &entity, records, &damaged),
                    Err(error) => {
                        debug!(%error, "The spool could not be read.");
                        self.unsent(flight);
                    }
                },
                News::Read { .. } => {}
                News::Gone { seqs } => {
                    for seq in seqs {
                        self.gone.remove(&seq);
                    }
                }
            }
        }
        self.pump(ctx);
    }
}

impl Delivery {
    fn store_changed(&mut self, event: Event) {
        self.store = match event {
            Event::Opened(opened) => {
                self.rebuild(opened.entries);
                Store::Open
            }
            Event::Healed => Store::Open,
            Event::Failed(error) => Store::Failed(error),
        };
        self.admit_held();
    }
}
