//! Sealed messages that wait for acknowledgement, and when they are sent again (spec §4.3).
//!
//! What is sent again is the same sealed bytes: a number is never used for two messages.

use std::collections::VecDeque;

use crate::config::{Config, ECHO_PAUSE_MS, UNACKED_BYTES_MAX, UNACKED_MAX};

#[derive(Debug)]
pub(crate) struct Unacked {
    number: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Arq {
    unacked: VecDeque<Unacked>,
    resend_at: Option<u64>,
    pause_ms: u64,
    echoed_at: Option<u64>,
}

impl Arq {
    /// Remembers a message just sent. False if too many wait: the peer does not answer.
    pub(crate) fn sent(
        &mut self,
        config: &Config,
        now_ms: u64,
        (number, name): (u32, &'static str),
        bytes: Vec<u8>,
    ) -> bool {
        self.unacked.push_back(Unacked { number, bytes, name });
        self.pause_ms = config.resend_first_ms;
        self.resend_at = Some(now_ms.saturating_add(self.pause_ms));
        let bytes =
            self.unacked.iter().fold(0usize, |sum, one| sum.saturating_add(one.bytes.len()));
        self.unacked.len() <= UNACKED_MAX && bytes <= UNACKED_BYTES_MAX
    }

    pub(crate) fn acked(&mut self, upto: u32) {
        self.unacked.retain(|unacked| unacked.number > upto);
        if self.unacked.is_empty() {
            self.resend_at = None;
        }
    }

    /// What to send again because the timer ran out.
    pub(crate) fn due(&mut self, config: &Config, now_ms: u64) -> Vec<(Vec<u8>, &'static str)> {
        if self.resend_at.is_none_or(|at| at > now_ms) {
            return Vec::new();
        }
        self.pause_ms = self.pause_ms.saturating_mul(2).min(config.resend_last_ms);
        self.resend_at = Some(now_ms.saturating_add(self.pause_ms));
        self.all()
    }

    /// What to send again because the peer repeated itself: it may lack the answer.
    pub(crate) fn echo(&mut self, now_ms: u64) -> Vec<(Vec<u8>, &'static str)> {
        let early = |at: u64| now_ms.saturating_sub(at) < ECHO_PAUSE_MS;
        if self.unacked.is_empty() || self.echoed_at.is_some_and(early) {
            return Vec::new();
        }
        self.echoed_at = Some(now_ms);
        self.all()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.resend_at
    }

    fn all(&self) -> Vec<(Vec<u8>, &'static str)> {
        self.unacked.iter().map(|unacked| (unacked.bytes.clone(), unacked.name)).collect()
    }
}
