//! Names to addresses, for all threads.

use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use actix::{Actor, Addr};

use crate::Epoch;

/// The living actors of one kind by name; a cheap clone of a shared, sharded map.
///
/// A supervisor enters each life under its [`Epoch`] and removes it at its end
/// ([`ChildSpec::listed`](crate::ChildSpec::listed)). An address kept over a restart is dead: resolve again.
///
/// All callers share one [`Addr`] per life (behind the [`Arc`]) because actix bounds a mailbox per `Addr`: each *clone*
/// of an address may put one more message into a full mailbox, so with a fresh clone per message there is no bound.
/// Send through the shared one with `try_send`, and do not clone it per message.
pub struct Directory<K, A: Actor> {
    inner: Arc<Inner<K, A>>,
}

struct Inner<K, A: Actor> {
    hasher: RandomState,
    shards: [RwLock<HashMap<K, Entry<A>>>; SHARDS],
}

struct Entry<A: Actor> {
    epoch: Epoch,
    addr: Arc<Addr<A>>,
}

impl<K: Hash + Eq, A: Actor> Directory<K, A> {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        let shards = std::array::from_fn(|_| RwLock::default());
        Self { inner: Arc::new(Inner { hasher: RandomState::new(), shards }) }
    }

    /// Enters a life, unless a later one of the same name is there already.
    pub fn enter(&self, key: K, epoch: Epoch, addr: Arc<Addr<A>>) {
        let mut shard = self.shard(&key).write().unwrap_or_else(PoisonError::into_inner);
        if shard.get(&key).is_none_or(|entry| entry.epoch <= epoch) {
            shard.insert(key, Entry { epoch, addr });
        }
    }

    /// Removes the life `epoch` of `key`; a later one stays.
    pub fn leave<Q>(&self, key: &Q, epoch: Epoch)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut shard = self.shard(key).write().unwrap_or_else(PoisonError::into_inner);
        if shard.get(key).is_some_and(|entry| entry.epoch == epoch) {
            shard.remove(key);
        }
    }

    /// The address of the present life, if there is one.
    #[must_use]
    pub fn resolve<Q>(&self, key: &Q) -> Option<Arc<Addr<A>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let shard = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(key).map(|entry| Arc::clone(&entry.addr))
    }

    /// The names entered now, in no order.
    #[must_use]
    pub fn keys(&self) -> Vec<K>
    where
        K: Clone,
    {
        let keys = |shard: &RwLock<HashMap<K, Entry<A>>>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect::<Vec<_>>()
        };
        self.inner.shards.iter().flat_map(keys).collect()
    }

    /// How many are entered now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether none is entered now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &RwLock<HashMap<K, Entry<A>>> {
        let place = usize::try_from(self.inner.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "a remainder of the number of shards")]
        &self.inner.shards[place]
    }
}

impl<K: Hash + Eq, A: Actor> Default for Directory<K, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, A: Actor> Clone for Directory<K, A> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Hash + Eq, A: Actor> fmt::Debug for Directory<K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Enough that threads seldom wait for each other.
const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use actix::{Context, dev::channel};

    use super::*;

    struct Nobody;

    impl Actor for Nobody {
        type Context = Context<Self>;
    }

    fn addr() -> Arc<Addr<Nobody>> {
        Arc::new(Addr::new(channel::channel(1).0))
    }

    #[test]
    fn an_old_life_neither_replaces_nor_removes_a_later_one() {
        let directory = Directory::<String, Nobody>::new();
        let (old, new) = (Epoch::next(), Epoch::next());
        let (first, second) = (addr(), addr());
        directory.enter("pump".into(), old, Arc::clone(&first));
        directory.enter("pump".into(), new, Arc::clone(&second));
        directory.leave("pump", old);
        directory.enter("pump".into(), old, first);
        assert_eq!(directory.resolve("pump"), Some(second));
        directory.leave("pump", new);
        assert_eq!(directory.resolve("pump"), None);
        assert!(directory.is_empty());
    }

    #[test]
    fn clones_share_the_entries_over_all_shards() {
        let directory = Directory::<u32, Nobody>::new();
        let clone = directory.clone();
        for n in 0..1000 {
            clone.enter(n, Epoch::next(), addr());
        }
        let mut keys = directory.keys();
        keys.sort_unstable();
        assert_eq!(keys, (0..1000).collect::<Vec<_>>());
        assert_eq!(directory.len(), 1000);
    }
}
