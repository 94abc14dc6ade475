//! An answer that is given exactly once, also when the thread ends before it comes to it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::StoreError;

type Callback<T> = Box<dyn FnOnce(Result<T, StoreError>) + Send>;

/// Calls its callback once: with the result, or with [`StoreError::Stopped`] when it is dropped unanswered.
pub(crate) struct Completion<T>(Option<Callback<T>>);

impl<T> Completion<T> {
    pub(crate) fn new(callback: impl FnOnce(Result<T, StoreError>) + Send + 'static) -> Self {
        Self(Some(Box::new(callback)))
    }

    pub(crate) fn answer(mut self, result: Result<T, StoreError>) {
        self.call(result);
    }

    /// Forgets the callback: its caller is told in another way.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }

    fn call(&mut self, result: Result<T, StoreError>) {
        let Some(callback) = self.0.take() else { return };
        // A defect of one caller must not take the store away from all others.
        if catch_unwind(AssertUnwindSafe(|| callback(result))).is_err() {
            tracing::error!("A callback of the store panicked.");
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        self.call(Err(StoreError::Stopped));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_dropped_completion_says_stopped_once() {
        let (sender, receiver) = mpsc::channel();
        let again = sender.clone();
        Completion::new(move |result: Result<u32, _>| sender.send(result).expect("the test listens"))
            .answer(Ok(7));
        drop(Completion::new(move |result| again.send(result).expect("the test listens")));
        let answers: Vec<_> = receiver.iter().collect();
        assert_eq!(answers, [Ok(7), Err(StoreError::Stopped)]);
    }

    #[test]
    fn a_panicking_callback_harms_nobody() {
        Completion::new(|_: Result<u32, _>| panic!("defect of a caller")).answer(Ok(1));
    }
}
