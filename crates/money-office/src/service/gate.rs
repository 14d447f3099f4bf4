//! The gate at which requests become one after the other: the only place where threads meet at the
//! office.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// A lock around a value that is closed for good once a call inside panicked.
pub(crate) trait Lock<T> {
    fn new(value: T) -> Self;
    /// Does `work` while nobody else looks; `None` if a call before panicked.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R>;
}

impl<T> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        // A panic in a call before its write leaves the office as it was on the disk, but what it
        // holds in memory is no longer sure: the office answers nothing more.
        self.lock().ok().map(|mut value| work(&mut value))
    }
}

/// A value that one call at a time may use. Clones are the same gate.
#[derive(Debug)]
pub(crate) struct Gate<T, L: Lock<T> = Mutex<T>> {
    shared: Arc<L>,
    of: PhantomData<fn(T)>,
}

impl<T, L: Lock<T>> Clone for Gate<T, L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), of: PhantomData }
    }
}

impl<T, L: Lock<T>> Gate<T, L> {
    pub(crate) fn new(value: T) -> Self {
        Self { shared: Arc::new(L::new(value)), of: PhantomData }
    }

    /// Does `work` from question to durable answer while no other call is inside; `None` if one
    /// panicked there.
    pub(crate) fn pass<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.shared.with(work)
    }
}
