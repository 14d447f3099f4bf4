//! A queue that one thread fills and another waits at: where the loop and the app meet.
//!
//! All that they share lies under one lock: what waits, who waits for it, and whether one of the
//! ends is gone. So nothing can come between looking and falling asleep.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// A lock around a value.
pub(crate) trait Lock<T> {
    fn new(value: T) -> Self;
    /// Does `work` while nobody else looks.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

impl<T> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // No code that holds the lock can leave the value half changed.
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What waits in a mailbox, and what is left out when there is too much of it.
pub(crate) trait Queue: Default {
    type Item;
    fn push(&mut self, item: Self::Item);
    fn pop(&mut self) -> Option<Self::Item>;
}

/// What both ends share.
#[derive(Clone, Debug, Default)]
pub(crate) struct State<Q> {
    queue: Q,
    /// Who waits at the empty queue.
    waiting: Option<Waker>,
    /// One of the two ends is gone.
    is_over: bool,
}

/// The end that fills.
#[derive(Debug)]
pub(crate) struct Sender<Q: Queue, L: Lock<State<Q>> = Mutex<State<Q>>> {
    shared: Arc<L>,
    of: PhantomData<Q>,
}

/// The end that waits.
#[derive(Debug)]
pub(crate) struct Receiver<Q: Queue, L: Lock<State<Q>> = Mutex<State<Q>>> {
    shared: Arc<L>,
    of: PhantomData<Q>,
}

pub(crate) fn mailbox<Q: Queue, L: Lock<State<Q>>>() -> (Sender<Q, L>, Receiver<Q, L>) {
    let shared = Arc::new(L::new(State::default()));
    (Sender { shared: Arc::clone(&shared), of: PhantomData }, Receiver { shared, of: PhantomData })
}

impl<Q: Queue, L: Lock<State<Q>>> Sender<Q, L> {
    /// Puts an item in, if there is still somebody to take it.
    pub(crate) fn send(&self, item: Q::Item) {
        let waiting = self.shared.with(|state| {
            if !state.is_over {
                state.queue.push(item);
            }
            state.waiting.take()
        });
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<Q: Queue, L: Lock<State<Q>>> Drop for Sender<Q, L> {
    fn drop(&mut self) {
        let waiting = self.shared.with(|state| {
            state.is_over = true;
            state.waiting.take()
        });
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<Q: Queue, L: Lock<State<Q>>> Receiver<Q, L> {
    /// Waits for the next item; `None` once the other end is gone and nothing waits. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Q::Item> {
        std::future::poll_fn(|context| {
            self.shared.with(|state| {
                let item = state.queue.pop();
                if item.is_some() || state.is_over {
                    return Poll::Ready(item);
                }
                state.waiting = Some(context.waker().clone());
                Poll::Pending
            })
        })
        .await
    }
}

impl<Q: Queue, L: Lock<State<Q>>> Drop for Receiver<Q, L> {
    fn drop(&mut self) {
        // What nobody will read is dropped when the lock is open again.
        let left = self.shared.with(|state| {
            state.is_over = true;
            core::mem::take(&mut state.queue)
        });
        drop(left);
    }
}

/// Every order in which two threads can take the lock, by shuttle.
#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::panic::catch_unwind;

    use shuttle::scheduler::DfsScheduler;
    use shuttle::{Config, Runner, future, thread};

    use super::*;

    const ITEMS: u8 = 2;

    impl Queue for VecDeque<u8> {
        type Item = u8;

        fn push(&mut self, item: u8) {
            self.push_back(item);
        }

        fn pop(&mut self) -> Option<u8> {
            self.pop_front()
        }
    }

    /// The shipped lock, in shuttle's hands.
    struct Tried<T>(shuttle::sync::Mutex<T>);

    impl<T> Lock<T> for Tried<T> {
        fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
            work(&mut self.0.lock().unwrap())
        }
    }

    /// A lock that is opened between looking and changing.
    struct Torn<T>(shuttle::sync::Mutex<T>);

    impl<T: Clone> Lock<T> for Torn<T> {
        fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
            let mut seen = self.0.lock().unwrap().clone();
            let done = work(&mut seen);
            *self.0.lock().unwrap() = seen;
            done
        }
    }

    type Shared = State<VecDeque<u8>>;

    /// Says in how many orders all items arrive, in order and then the end; panics at one in which
    /// they do not, or in which the receiver sleeps for ever.
    fn all_arrive<L: Lock<Shared> + Send + Sync + 'static>() -> usize {
        let scheduler = DfsScheduler::new(None, false);
        Runner::new(scheduler, Config::default()).run(|| {
            let (sender, mut receiver) = mailbox::<VecDeque<u8>, L>();
            let sending = thread::spawn(move || (0..ITEMS).for_each(|item| sender.send(item)));
            let received = future::block_on(async {
                let mut received = Vec::new();
                while let Some(item) = receiver.next().await {
                    received.push(item);
                }
                received
            });
            assert_eq!(received, [0, 1]);
            sending.join().unwrap();
        })
    }

    #[test]
    fn in_every_order_of_the_threads_all_items_arrive_and_the_receiver_wakes() {
        let orders = all_arrive::<Tried<Shared>>();
        println!("{orders} orders");
        assert!(orders > 20, "{orders}");
    }

    #[test]
    fn a_lock_opened_between_looking_and_changing_is_caught() {
        assert!(catch_unwind(all_arrive::<Torn<Shared>>).is_err());
    }

    #[test]
    fn in_every_order_a_receiver_that_goes_leaves_a_sender_that_goes_on() {
        Runner::new(DfsScheduler::new(None, false), Config::default()).run(|| {
            let (sender, receiver) = mailbox::<VecDeque<u8>, Tried<Shared>>();
            let going = thread::spawn(move || drop(receiver));
            (0..ITEMS).for_each(|item| sender.send(item));
            going.join().unwrap();
            let left = sender.shared.with(|state| (state.queue.clone(), state.is_over));
            assert!(left.1);
            assert!(left.0.is_empty(), "{left:?}");
        });
    }
}
