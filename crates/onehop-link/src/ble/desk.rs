//! Where a stack's callbacks meet the table of streams.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout};

use super::{
    inbox::{Happening, Inbox},
    streams::{Device, Refused, Streams, Taken},
    value::Offer,
};
use crate::link::{LinkError, LinkId};

/// Names for connections, both of those made and of those taken.
#[derive(Debug, Default)]
pub(super) struct Names(AtomicU64);

impl Names {
    pub(super) fn next(&self) -> LinkId {
        LinkId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Answers the reads and writes of centrals, and has what is to be notified. A stack's callbacks
/// call it from any thread.
#[derive(Debug)]
pub struct Desk {
    streams: Mutex<Streams>,
    inbox: Arc<Inbox>,
    names: Arc<Names>,
    start: Instant,
    /// Something waits to be notified.
    waiting: Notify,
    /// Something was taken, so that there is room.
    room: Notify,
    /// How often an offer was read.
    offers: AtomicU64,
}

impl Desk {
    pub(super) fn new(inbox: Arc<Inbox>, names: Arc<Names>) -> Self {
        Self {
            streams: Mutex::default(),
            inbox,
            names,
            start: Instant::now(),
            waiting: Notify::new(),
            room: Notify::new(),
            offers: AtomicU64::new(0),
        }
    }

    /// Answers a read.
    ///
    /// # Errors
    /// [`Refused`], to be passed on as an ATT error.
    pub fn on_read(&self, device: &str, offset: usize) -> Result<Vec<u8>, Refused> {
        let mut streams = self.streams();
        let value = streams.on_read(device, offset, draw);
        if value.as_ref().is_ok_and(|value| Offer::decode(value).is_ok()) {
            self.offers.fetch_add(1, Ordering::Relaxed);
        }
        let over = streams.poll_read_out();
        drop(streams);
        self.say_down(over);
        self.room.notify_waiters();
        value
    }

    /// Takes a write. `att_mtu` is what the stack knows of the connection.
    ///
    /// # Errors
    /// [`Refused`], to be passed on as an ATT error where the central asked for an answer.
    pub fn on_write(
        &self,
        device: &str,
        offset: usize,
        value: &[u8],
        att_mtu: Option<usize>,
    ) -> Result<(), Refused> {
        let mut streams = self.streams();
        let now = self.now_ms();
        let taken = streams.on_write(now, device, offset, value, att_mtu, || self.names.next())?;
        self.say_down(streams.take_evicted());
        // Put in while the table is locked, so that frames come after their connection.
        self.inbox.put(match taken {
            Taken::Up { link, mtu } => Happening::Up { link, initiator: false, mtu },
            Taken::Frame(link, bytes) => Happening::Frame(link, bytes),
            Taken::Down(link) => Happening::Down(link),
        });
        Ok(())
    }

    /// A central has disconnected.
    pub fn on_gone(&self, device: &str) {
        let gone = self.streams().on_gone(device);
        self.say_down(gone);
    }

    /// The stack has forgotten the service.
    pub fn on_all_gone(&self) {
        let gone = self.streams().on_all_gone();
        self.say_down(gone);
    }

    /// Waits for the next value to notify. Cancel-safe.
    pub async fn next_value(&self) -> Vec<u8> {
        loop {
            let polled = self.streams().poll_notify();
            if let Some((value, over)) = polled {
                self.room.notify_waiters();
                self.say_down(over);
                return value;
            }
            self.waiting.notified().await;
        }
    }

    /// Centrals with a stream or an offer.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        self.streams().devices()
    }

    pub(super) fn offers(&self) -> u64 {
        self.offers.load(Ordering::Relaxed)
    }

    pub(super) fn announce(&self, lookup: Option<&[u8]>) {
        self.streams().announce(lookup.map(<[u8]>::to_vec));
    }

    pub(super) fn is_idle(&self) -> bool {
        let streams = self.streams();
        streams.is_empty() && !streams.is_announcing()
    }

    /// Queues a frame; waits while too many wait, `within` at most.
    pub(super) async fn send(
        &self,
        link: LinkId,
        frame: &[u8],
        within: Duration,
    ) -> Result<(), LinkError> {
        let sending = async {
            loop {
                let mut room = std::pin::pin!(self.room.notified());
                room.as_mut().enable();
                if self.streams().send(link, frame)? {
                    return Ok(());
                }
                room.await;
            }
        };
        if let Ok(sent) = timeout(within, sending).await {
            self.waiting.notify_one();
            return sent;
        }
        self.close(link);
        Err(LinkError::Blocked { link })
    }

    pub(super) fn close(&self, link: LinkId) -> bool {
        let mut streams = self.streams();
        let is_there = streams.close(self.now_ms(), link);
        let over = streams.poll_read_out();
        drop(streams);
        self.say_down(over);
        self.waiting.notify_one();
        is_there
    }

    pub(super) fn on_time(&self) {
        let gone = self.streams().on_time(self.now_ms());
        self.say_down(gone);
    }

    fn say_down(&self, gone: impl IntoIterator<Item = LinkId>) {
        gone.into_iter().for_each(|link| self.inbox.put(Happening::Down(link)));
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        // No code that holds the lock can leave the table half changed.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Random bits, or zeros if the system has none: then nothing is offered.
fn draw() -> u16 {
    let mut bits = [0; 2];
    getrandom::fill(&mut bits).ok();
    u16::from_be_bytes(bits)
}
