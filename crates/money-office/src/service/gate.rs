//! The gate at which requests become one after the other, and many of them one write: the only
//! place where threads meet at the office.
//!
//! Who comes while the office is busy joins the queue; whoever gets the office next does what is in
//! the queue, his own request among it, and makes all of it durable at once. Answers leave after
//! that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::grouped::Grouped;
use crate::hints::RowKey;
use crate::office::Office;
use crate::store::{LedgerStore, StoreError};

/// Requests that share one write at most.
pub(crate) const GROUP_MAX: usize = 1000;
/// A group that has written this many bytes takes no more requests.
const GROUP_BYTES_MAX: usize = 1 << 20;

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

/// The locks that a gate is made of.
pub(crate) trait Locks {
    /// The lock around a `T`.
    type Of<T: Send>: Lock<T>;
}

/// Those of the standard library.
#[derive(Debug)]
pub(crate) enum Shipped {}

impl Locks for Shipped {
    type Of<T: Send> = Mutex<T>;
}

/// What requests are done on, several of them as one write.
pub(crate) trait Desk: Send + 'static {
    /// Runs `work` and makes durable what it did; nothing may be answered before. `work` may be run
    /// again if that fails.
    fn together(&mut self, work: &mut dyn FnMut(&mut Self)) -> Result<(), StoreError>;
    /// Fetches rows that the requests will ask for, where that saves time.
    fn warm(&mut self, keys: &[RowKey]);
    /// True once so much waits to be written that no more should be added.
    fn is_full(&self) -> bool;
}

impl<S: LedgerStore + Send + 'static> Desk for Office<Grouped<S>> {
    fn together(&mut self, work: &mut dyn FnMut(&mut Self)) -> Result<(), StoreError> {
        self.group(work)
    }

    fn warm(&mut self, keys: &[RowKey]) {
        Self::warm(self, keys);
    }

    fn is_full(&self) -> bool {
        self.held_bytes() >= GROUP_BYTES_MAX
    }
}

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum Closed {
    /// A request before panicked: the gate stays closed.
    Panicked,
    /// The group could not be made durable.
    Store(Arc<StoreError>),
}

/// A request that waits. Run again, it forgets what came of it before.
struct Job<T> {
    /// Rows that it will ask for.
    keys: Vec<RowKey>,
    work: Box<dyn FnMut(&mut T) + Send>,
    end: Box<dyn FnOnce(Result<(), Arc<StoreError>>) + Send>,
}

/// A value that one group of requests at a time may use. Clones are the same gate.
pub(crate) struct Gate<T: Desk, L: Locks = Shipped> {
    shared: Arc<Inside<T, L>>,
}

struct Inside<T: Desk, L: Locks> {
    value: L::Of<T>,
    queue: L::Of<VecDeque<Job<T>>>,
}

impl<T: Desk, L: Locks> std::fmt::Debug for Gate<T, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl<T: Desk, L: Locks> Clone for Gate<T, L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// What came of a request, and whether that is durable.
pub(crate) struct Slot<R> {
    answer: Option<R>,
    ended: Option<Result<(), Arc<StoreError>>>,
}

impl<T: Desk, L: Locks + 'static> Gate<T, L> {
    pub(crate) fn new(value: T) -> Self {
        let (value, queue) = (L::Of::new(value), L::Of::new(VecDeque::new()));
        Self { shared: Arc::new(Inside { value, queue }) }
    }

    /// Does `work` while no other request is inside, and gives its answer once it is durable.
    pub(crate) fn pass<R: Send + 'static>(
        &self,
        keys: Vec<RowKey>,
        mut work: impl FnMut(&mut T) -> R + Send + 'static,
    ) -> Result<R, Closed>
    where
        L::Of<Slot<R>>: Send + Sync,
    {
        let slot = Arc::new(L::Of::new(Slot { answer: None, ended: None }));
        let (at, end) = (Arc::clone(&slot), Arc::clone(&slot));
        let job = Job {
            keys,
            work: Box::new(move |value| {
                let answer = work(value);
                at.with(|slot| slot.answer = Some(answer));
            }),
            end: Box::new(move |ended| {
                end.with(|slot| slot.ended = Some(ended));
            }),
        };
        let queued = self.shared.queue.with(|queue| queue.push_back(job));
        queued.ok_or(Closed::Panicked)?;
        loop {
            let is_ended = || slot.with(|slot| slot.ended.is_some());
            // Another may have done it by the time the office is free.
            let done = self.shared.value.with(|value| {
                if is_ended() == Some(false) {
                    self.serve(value);
                }
            });
            done.ok_or(Closed::Panicked)?;
            let ended = slot.with(|slot| slot.ended.take().map(|end| (end, slot.answer.take())));
            match ended.flatten() {
                Some((Ok(()), Some(answer))) => return Ok(answer),
                Some((Err(error), _)) => return Err(Closed::Store(error)),
                Some((Ok(()), None)) => return Err(Closed::Panicked),
                // The group was full before it came to this request.
                None => {}
            }
        }
    }

    /// Requests in the queue.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue.with(|queue| queue.len()).unwrap_or(0)
    }

    /// Does what is in the queue as one group, as far as it goes.
    fn serve(&self, value: &mut T) {
        let waiting = |queue: &mut VecDeque<Job<T>>| -> Vec<Job<T>> {
            queue.drain(..queue.len().min(GROUP_MAX)).collect()
        };
        let mut jobs = self.shared.queue.with(waiting).unwrap_or_default();
        let keys: Vec<RowKey> = jobs.iter_mut().flat_map(|job| job.keys.drain(..)).collect();
        let mut done: usize = 0;
        let written = value.together(&mut |value| {
            value.warm(&keys);
            done = 0;
            for job in &mut jobs {
                // The first one is done however much it writes.
                if done > 0 && value.is_full() {
                    break;
                }
                (job.work)(value);
                done = done.saturating_add(1);
            }
        });
        let written = written.map_err(Arc::new);
        if written.is_ok() {
            // For the next group, in the order in which they came.
            let left = jobs.split_off(done);
            self.shared.queue.with(|queue| {
                left.into_iter().rev().for_each(|job| queue.push_front(job));
            });
        }
        for job in jobs {
            (job.end)(written.clone());
        }
    }
}
