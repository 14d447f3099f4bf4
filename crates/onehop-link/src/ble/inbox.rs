//! What the tasks of the bearer have to tell, in order and bounded.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{error::Notice, streams::Device};
use crate::link::LinkId;

/// Frames of one connection that may wait: twice what an honest peer has in flight. What comes
/// beyond is lost, as on the air, and sent again by whoever meant it.
const FRAMES_MAX: usize = 64;

/// Something that happened to a connection or to a seller that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    Up {
        link: LinkId,
        initiator: bool,
        mtu: usize,
    },
    Down(LinkId),
    Frame(LinkId, Vec<u8>),
    /// The look-up of a seller that was visited.
    Read(Device, Vec<u8>),
    /// A visit came to nothing.
    Failed(Device),
    /// A visit is over.
    Left(Device),
    Notice(Notice),
}

/// Where it waits.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    arrival: Notify,
}

#[derive(Debug)]
struct Waiting {
    happenings: VecDeque<Happening>,
    frames: BTreeMap<LinkId, usize>,
}

impl Default for Inbox {
    fn default() -> Self {
        let waiting = Waiting { happenings: VecDeque::new(), frames: BTreeMap::new() };
        Self { waiting: Mutex::new(waiting), arrival: Notify::new() }
    }
}

impl Inbox {
    /// Adds what happened, unless it is one frame too many.
    pub(super) fn put(&self, happening: Happening) {
        let mut waiting = self.waiting();
        if let Happening::Frame(link, _) = &happening {
            let count = waiting.frames.entry(*link).or_default();
            if *count == FRAMES_MAX {
                return;
            }
            *count += 1;
        }
        waiting.happenings.push_back(happening);
        drop(waiting);
        self.arrival.notify_one();
    }

    /// Waits for what happened first. Cancel-safe.
    pub(super) async fn take(&self) -> Happening {
        loop {
            if let Some(happening) = self.try_take() {
                return happening;
            }
            self.arrival.notified().await;
        }
    }

    fn try_take(&self) -> Option<Happening> {
        let mut waiting = self.waiting();
        let happening = waiting.happenings.pop_front()?;
        if let Happening::Frame(link, _) = &happening {
            let count = waiting.frames.get(link).copied().unwrap_or_default();
            if count <= 1 {
                waiting.frames.remove(link);
            } else {
                waiting.frames.insert(*link, count - 1);
            }
        }
        Some(happening)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No code that holds the lock can leave it half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_of_frames_is_bounded_and_loses_no_other_happening() {
        let inbox = Inbox::default();
        for _ in 0..1_000 {
            inbox.put(Happening::Frame(LinkId(1), vec![1]));
        }
        inbox.put(Happening::Frame(LinkId(2), vec![2]));
        inbox.put(Happening::Down(LinkId(1)));
        let mut taken = Vec::new();
        while taken.last() != Some(&Happening::Down(LinkId(1))) {
            taken.push(inbox.take().await);
        }
        assert_eq!(taken.len(), FRAMES_MAX + 2);
        // There is room again.
        inbox.put(Happening::Frame(LinkId(1), vec![3]));
        assert_eq!(inbox.take().await, Happening::Frame(LinkId(1), vec![3]));
        assert!(inbox.try_take().is_none());
    }
}
