//! One wallet with its log, and where every wallet of every input begins.

use std::collections::VecDeque;
use std::sync::OnceLock;

use onehop_proto::{Config, Event, Output, State, Wallet};
use onehop_wire::{TxId, encode};

use crate::stage::Stage;
use crate::vectors::born::born;

/// Where everything begins: the office's store, and a log for each wallet.
pub(super) struct Begin {
    pub(super) stage: Stage,
    logs: [Log; 2],
}

/// A log of somebody who is enrolled, and the state that it gives.
struct Log {
    records: Vec<Vec<u8>>,
    state: State,
    snapshot: Vec<u8>,
}

pub(super) fn begin() -> &'static Begin {
    static BEGIN: OnceLock<Begin> = OnceLock::new();
    BEGIN.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "the office serves this project's own wallets")]
        let stage = Stage::new().expect("a stage");
        let world = &stage.world;
        let logs = [&world.seller, &world.buyer].map(|person| {
            let mut state = State::default();
            let records = born(world, person);
            for record in &records {
                assert!(state.apply(record).is_ok(), "a wallet is born and enrolled");
            }
            let snapshot = encode(&state);
            Log { records: records.iter().map(encode).collect(), state, snapshot }
        });
        Begin { stage, logs }
    })
}

/// One wallet with its log and what is on its way to it.
pub(super) struct Device {
    which: usize,
    pub(super) wallet: Wallet,
    pub(super) log: Vec<Vec<u8>>,
    forced: usize,
    pub(super) air: VecDeque<Vec<u8>>,
    pub(super) asked: Vec<TxId>,
    pub(super) requested: Vec<TxId>,
    pub(super) renewed: bool,
}

impl Device {
    pub(super) fn new(which: usize) -> Self {
        let begin = &begin().logs[which];
        let log = begin.records.clone();
        let seed = [u8::try_from(which).unwrap_or(0) + 0x50; 32];
        // From a snapshot, because that needs no signature to be checked.
        let snapshot = Some((log.len() as u64, &begin.snapshot[..]));
        let recovered = Wallet::recover(Config::default(), seed, snapshot, []);
        #[expect(clippy::expect_used, reason = "the state that was just made")]
        let wallet = recovered.expect("a new wallet");
        Self::with(which, wallet, log)
    }

    fn with(which: usize, wallet: Wallet, log: Vec<Vec<u8>>) -> Self {
        let forced = log.len();
        let (air, asked, requested) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { which, wallet, log, forced, air, asked, requested, renewed: false }
    }

    /// The same again, of a device to and from which nothing is on its way.
    pub(super) fn fork(&self) -> Self {
        let seed = [u8::try_from(self.which).unwrap_or(0) + 0x60; 32];
        Self::with(self.which, self.wallet.fork(seed), self.log.clone())
    }

    /// Carries out what the wallet wants; its words go to `to`.
    pub(super) fn drain(&mut self, to: &mut VecDeque<Vec<u8>>) {
        while let Some(output) = self.wallet.poll_output() {
            match output {
                Output::Persist(batch) => {
                    assert_eq!(batch.first, self.log.len() as u64 + 1, "records are in order");
                    self.log.extend(batch.records.iter().map(encode));
                    if batch.forced {
                        self.forced = self.log.len();
                        assert_eq!(self.wallet.poll_output(), None, "the barrier holds");
                        self.wallet.persisted(batch.last());
                    }
                }
                Output::Transmit { bytes, .. } => to.push_back(bytes),
                Output::Notify(Event::Asked { tx, .. }) => self.asked.push(tx),
                Output::Disconnect(_) | Output::Notify(_) => {}
            }
        }
    }

    /// Loses power, and starts from what was kept.
    pub(super) fn restart(&mut self, keeps_lazy: bool, seed: u8) {
        if !keeps_lazy {
            self.log.truncate(self.forced);
        }
        let numbered = (1_u64..).zip(self.log.iter().cloned());
        let recovered = Wallet::recover(Config::default(), [seed; 32], None, numbered);
        #[expect(clippy::expect_used, reason = "what a wallet wrote it can read")]
        let wallet = recovered.expect("recovery");
        self.wallet = wallet;
        self.forced = self.log.len();
        self.asked.clear();
        self.air.clear();
    }

    /// The state is what the log says.
    pub(super) fn check_log(&self) {
        let begin = &begin().logs[self.which];
        let mut state = begin.state.clone();
        assert!(self.log.starts_with(&begin.records), "the log begins as it did");
        for bytes in self.log.iter().skip(begin.records.len()) {
            let record = onehop_wire::decode(bytes, 1 << 24);
            assert!(record.is_ok_and(|r| state.apply(&r).is_ok()), "the log can be read");
        }
        assert_eq!(encode(&state), encode(self.wallet.state()), "the state is what the log says");
    }
}
