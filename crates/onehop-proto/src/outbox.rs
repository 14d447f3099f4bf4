//! Outputs in order, and the barrier that holds words back until their record is durable.

use std::collections::VecDeque;

use onehop_wire::mutant::{self, Mutant};

use crate::output::{Batch, Output};
use crate::record::LogRecord;

#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
    last_lsn: u64,
    // Invariant: while this is set, nothing is given out.
    waiting: Option<u64>,
}

impl Outbox {
    pub(crate) fn new(last_lsn: u64) -> Self {
        Self { queue: VecDeque::new(), last_lsn, waiting: None }
    }

    pub(crate) fn persist(&mut self, records: Vec<LogRecord>, forced: bool) {
        let first = self.last_lsn.saturating_add(1);
        let batch = Batch { first, records, forced };
        self.last_lsn = batch.last();
        self.queue.push_back(Output::Persist(batch));
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    pub(crate) fn persisted(&mut self, lsn: u64) {
        if self.waiting.is_some_and(|waiting| lsn >= waiting) {
            self.waiting = None;
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        if self.waiting.is_some() {
            return None;
        }
        let output = self.queue.pop_front()?;
        if let Output::Persist(batch) = &output
            && batch.forced
            && !mutant::is(Mutant::BarrierOff)
        {
            self.waiting = Some(batch.last());
        }
        Some(output)
    }

    pub(crate) fn last_lsn(&self) -> u64 {
        self.last_lsn
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.waiting.is_none()
    }
}
