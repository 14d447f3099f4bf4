//! A device: a wallet, its journal and its channels, driven as the wallet's contract says.

use std::collections::{BTreeMap, VecDeque};

use onehop_link::channels::{Channels, ChannelsConfig, ChannelsOutput};
use onehop_link::framing::ChannelId;
use onehop_link::link::{LinkEvent, PeerRef};
use onehop_proto::{Batch, Config, Event, LogRecord, Output, PeerId, Wallet};
use onehop_store::{Durability, Journal, Lsn, SimJournal};
use onehop_wire::{Now, UnixSeconds, decode, encode};
use rand_core::Rng as _;

use crate::check::{durability, force, forks, frozen, replays};
use crate::disk;
use crate::env::{Env, Mutant};
use crate::faults::FaultKind;
use crate::people::{self, Plan};
use crate::radio;
use crate::trace::NAMES;
use crate::transitions;

/// How long a channel that the wallet closed may take to send what waits, in milliseconds.
const FLUSH_MS: u64 = 2_000;

/// What a power cut takes.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) wallet: Wallet,
    channels: Channels,
    peers: BTreeMap<PeerId, (ChannelId, bool)>,
    by_channel: BTreeMap<ChannelId, PeerId>,
    /// LOOKUPs for which this device connects.
    lookups: BTreeMap<ChannelId, Vec<u8>>,
    /// Channels that the wallet closed, and when at the latest they are.
    closing: BTreeMap<ChannelId, u64>,
    next_peer: u64,
    boot_ms: u64,
    /// Batches held back by the mutant that transmits first.
    late: VecDeque<Batch>,
}

impl Running {
    /// Closes one channel that has nothing left to send, or has had its time.
    fn close_flushed(&mut self, now: u64) -> bool {
        let due = self.closing.iter().find_map(|(channel, until)| {
            (*until <= now || self.channels.is_idle(*channel)).then_some(*channel)
        });
        if let Some(channel) = due {
            self.closing.remove(&channel);
            self.channels.close(now, channel);
        }
        due.is_some()
    }
}

/// A device and its owner.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) index: usize,
    pub(crate) journal: SimJournal,
    pub(crate) running: Option<Running>,
    /// How far the calendar is off, in seconds; it is never more than a day.
    skew: i64,
    /// The last record whose batch was forced and done.
    pub(crate) forced: u64,
    /// The record that a forced batch not yet durable ends with.
    pub(crate) awaited: Option<u64>,
    /// Timers are not looked at before, so that time goes on.
    floor_ms: u64,
    /// A timer is being looked at: what is said now is said again.
    is_timer: bool,
    /// A session has just opened: what is said now was owed.
    is_opening: bool,
    /// FROZEN is on the disk.
    pub(crate) is_frozen: bool,
}

impl Device {
    pub(crate) fn new(index: usize, journal: SimJournal) -> Self {
        Self {
            index,
            journal,
            running: None,
            skew: 0,
            forced: 0,
            awaited: None,
            floor_ms: 0,
            is_timer: false,
            is_opening: false,
            is_frozen: false,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        NAMES.get(self.index).copied().unwrap_or("?")
    }

    /// Clocks as this device believes them.
    pub(crate) fn now(&self, env: &Env) -> Now {
        let boot = self.running.as_ref().map_or(0, |running| running.boot_ms);
        let unix = env.today().0.saturating_add_signed(self.skew);
        Now { mono_ms: env.now_ms - boot, unix: UnixSeconds(unix) }
    }

    /// When the device has something to do by itself.
    pub(crate) fn next_at(&self) -> Option<u64> {
        let running = self.running.as_ref()?;
        let closing = running.closing.values().copied().min();
        let timers = [running.wallet.poll_timeout(), running.channels.poll_timeout(), closing];
        let due = timers.into_iter().flatten().min()?;
        Some((due + running.boot_ms).max(self.floor_ms))
    }

    // Power.

    /// Starts from what is on the disk. A start that fails is tried again later.
    pub(crate) fn start(&mut self, env: &mut Env) {
        if self.running.is_some() {
            return;
        }
        let skew = i64::try_from(env.between(0, 24 * 3_600)).unwrap_or(0) - 12 * 3_600;
        self.skew = if env.strikes(FaultKind::ClockSkew) { skew } else { 0 };
        if env.strikes(FaultKind::EmptyStore) {
            durability::empty(env, self.name());
            env.plans.push(env.now_ms + 5_000, self.index, Plan::Start);
            return;
        }
        disk::trouble_in_recovery(&mut self.journal, env);
        let seed = env.seed();
        env.moves += 1;
        let begun = self.journal.operations();
        let loaded = match self.journal.load() {
            Ok(loaded) => loaded,
            Err(error) => {
                durability::loaded(env, self.index, self.forced, Err(&error));
                return self.crash(env, "recovery fails");
            }
        };
        durability::loaded(env, self.index, self.forced, Ok(&loaded));
        let read = self.journal.operations();
        if env.is_cut(self.index, self.journal.operations()) {
            return self.crash(env, "loses power");
        }
        let snapshot = loaded.snapshot.as_ref().map(|(lsn, state)| (lsn.0, state.as_slice()));
        let records = loaded.records.iter().map(|(lsn, bytes)| (lsn.0, bytes.clone()));
        for (lsn, bytes) in &loaded.records {
            if let Ok(record) = decode(bytes, 1 << 24) {
                env.facts.record(self.index, lsn.0, &record);
            }
        }
        self.forced = loaded.next().0 - 1;
        match Wallet::recover(Config::default(), seed, snapshot, records) {
            Ok(wallet) => {
                self.run(env, wallet);
                if env.found.is_some() && env.recovery.is_none() {
                    env.recovery = Some([begun, read, self.journal.operations()]);
                }
            }
            Err(error) => durability::unrecovered(env, self.name(), &error),
        }
    }

    fn run(&mut self, env: &mut Env, wallet: Wallet) {
        env.counters.reach("wallet/recovered");
        env.facts.is_stirred = true;
        env.line(self.name(), "*", "", "starts");
        self.is_frozen = wallet.state().is_frozen();
        transitions::restarted(&mut env.counters, wallet.state());
        self.running = Some(Running {
            wallet,
            channels: Channels::new(ChannelsConfig::default()),
            peers: BTreeMap::new(),
            by_channel: BTreeMap::new(),
            lookups: BTreeMap::new(),
            closing: BTreeMap::new(),
            next_peer: 0,
            boot_ms: env.now_ms,
            late: VecDeque::new(),
        });
        self.settle(env);
    }

    /// Loses power, and comes back later.
    pub(crate) fn crash(&mut self, env: &mut Env, why: &str) {
        env.line(self.name(), "x", "", why);
        self.running = None;
        self.awaited = None;
        env.radio.gone(env.now_ms, self.index);
        env.plans.forget(self.index);
        disk::cut_power(&mut self.journal, env, self.index, self.forced);
        let at = env.now_ms + env.between(200, 20_000);
        if env.mutant != Some(Mutant::NobodyReturns) {
            env.plans.push(at, self.index, Plan::Start);
        }
    }

    // What happens.

    /// Runs a command on the wallet, then does all that follows. None: the device is off.
    pub(crate) fn command<T>(
        &mut self,
        env: &mut Env,
        command: impl FnOnce(&mut Wallet, Now) -> T,
    ) -> Option<T> {
        let now = self.now(env);
        let answer = command(&mut self.running.as_mut()?.wallet, now);
        self.settle(env);
        Some(answer)
    }

    pub(crate) fn on_link(&mut self, env: &mut Env, event: LinkEvent) {
        let now = self.now(env).mono_ms;
        if let Some(running) = &mut self.running {
            running.channels.handle(now, event);
            self.settle(env);
        }
    }

    pub(crate) fn on_time(&mut self, env: &mut Env) {
        self.floor_ms = env.now_ms + 1;
        let now = self.now(env);
        if let Some(running) = &mut self.running {
            running.channels.handle_timeout(now.mono_ms);
            running.wallet.handle_timeout(now);
            self.is_timer = true;
            self.settle(env);
            self.is_timer = false;
        }
    }

    /// Replaces the log by a snapshot.
    pub(crate) fn compact(&mut self, env: &mut Env) {
        let now = self.now(env);
        let Some(running) = &mut self.running else { return };
        let Some(compaction) = running.wallet.compaction(now, true) else { return };
        disk::trouble(&mut self.journal, env);
        env.moves += 1;
        let upto = Lsn(compaction.upto);
        let stored = self.journal.snapshot(upto, &compaction.snapshot, &compaction.archived);
        if let Err(error) = stored {
            env.counters.reach("wallet/halted");
            return self.crash(env, &format!("halts: {error}"));
        }
        self.forced = self.forced.max(compaction.upto);
        if env.is_cut(self.index, self.journal.operations()) {
            return self.crash(env, "loses power");
        }
        running.wallet.compacted(compaction);
        env.counters.reach("wallet/compacted");
        env.line(self.name(), "=>", "disk", "snapshot");
        if env.strikes(FaultKind::Crash) {
            self.crash(env, "loses power");
        }
    }

    /// Connects to a seller heard nearby.
    pub(crate) fn seek(&mut self, env: &mut Env, seller: usize, lookup: Vec<u8>) {
        let now = self.now(env).mono_ms;
        let mut id = [0; 8];
        env.rng.fill_bytes(&mut id);
        let Some(running) = &mut self.running else { return };
        let at = PeerRef(seller as u64);
        if running.channels.connect(now, ChannelId(id), at).is_ok() {
            running.lookups.insert(ChannelId(id), lookup);
        }
        self.settle(env);
    }

    // What is to be done.

    /// Does all that the wallet and the channels want, until neither wants anything.
    fn settle(&mut self, env: &mut Env) {
        self.is_opening = false;
        loop {
            while let Some(output) = self.running.as_mut().and_then(|r| r.wallet.poll_output()) {
                self.carry_out(env, output);
            }
            let now = self.now(env).mono_ms;
            let Some(running) = &mut self.running else { return };
            let Some(output) = running.channels.poll(now) else {
                if running.close_flushed(now) {
                    continue;
                }
                if running.late.is_empty() {
                    return;
                }
                self.write_late(env);
                continue;
            };
            self.on_channel(env, now, output);
        }
    }

    fn carry_out(&mut self, env: &mut Env, output: Output) {
        env.moves += 1;
        let is_operation = matches!(output, Output::Persist(_) | Output::Transmit { .. });
        if is_operation && env.strikes(FaultKind::Crash) {
            return self.crash(env, "loses power");
        }
        match output {
            Output::Persist(batch) => self.persist(env, batch),
            Output::Transmit { peer, bytes, name } => self.transmit(env, peer, bytes, name),
            Output::Disconnect(peer) => {
                let now = self.now(env).mono_ms;
                let Some(running) = &mut self.running else { return };
                if let Some((channel, _)) = running.peers.remove(&peer) {
                    running.by_channel.remove(&channel);
                    running.closing.insert(channel, now + FLUSH_MS);
                }
            }
            Output::Notify(event) => self.notify(env, &event),
        }
    }

    fn notify(&mut self, env: &mut Env, event: &Event) {
        let mut is_seller = false;
        if let Event::SessionOpen { peer, .. } = event {
            let peers = self.running.as_ref().map(|running| &running.peers);
            let known = peers.and_then(|peers| peers.get(peer));
            is_seller = known.is_some_and(|(_, initiator)| !initiator);
        }
        self.is_opening |= matches!(event, Event::SessionOpen { .. });
        if let (Event::SessionClosed { .. }, Some(running)) = (event, &self.running) {
            transitions::session_ended(&mut env.counters, running.wallet.state());
        }
        if let Event::PeerFault { fault, .. } = event {
            forks::blamed(&mut env.facts, self.index, *fault);
        }
        people::hear(env, self.index, is_seller, event);
    }

    fn persist(&mut self, env: &mut Env, batch: Batch) {
        env.facts.is_stirred = true;
        if env.mutant == Some(Mutant::TransmitFirst) && batch.forced {
            self.awaited = Some(batch.last());
            if let Some(running) = &mut self.running {
                running.wallet.persisted(batch.last());
                running.late.push_back(batch);
            }
            return;
        }
        self.write(env, &batch);
    }

    fn write_late(&mut self, env: &mut Env) {
        while let Some(batch) = self.running.as_mut().and_then(|r| r.late.pop_front()) {
            self.write(env, &batch);
        }
    }

    fn write(&mut self, env: &mut Env, batch: &Batch) {
        if batch.forced {
            self.awaited = Some(batch.last());
        }
        disk::trouble(&mut self.journal, env);
        let records: Vec<Vec<u8>> = batch.records.iter().map(encode).collect();
        let is_forced = batch.forced && env.mutant != Some(Mutant::NoForce);
        let durability = if is_forced { Durability::Forced } else { Durability::Lazy };
        let appended = self.journal.append(Lsn(batch.first), &records, durability);
        if env.trace.is_kept() {
            let names: Vec<String> = batch.records.iter().map(record_name).collect();
            let arrow = if batch.forced { "=>" } else { "->" };
            let failed = if appended.is_err() { "  fails" } else { "" };
            env.line(self.name(), arrow, "disk", &format!("{}{failed}", names.join(" + ")));
        }
        if let Err(error) = appended {
            env.counters.reach("wallet/halted");
            return self.crash(env, &format!("halts: {error}"));
        }
        for (record, lsn) in batch.records.iter().zip(batch.first..) {
            env.facts.signed(self.index, lsn, record, batch.forced);
            self.is_frozen |= matches!(record, LogRecord::Frozen);
        }
        transitions::recorded(&mut env.counters, &batch.records, self.is_timer);
        if env.is_cut(self.index, self.journal.operations()) {
            return self.crash(env, "loses power");
        }
        if batch.forced {
            self.forced = batch.last();
            self.awaited = None;
            if let Some(running) = &mut self.running {
                running.wallet.persisted(batch.last());
            }
        }
    }

    fn transmit(&mut self, env: &mut Env, peer: PeerId, bytes: Vec<u8>, name: &'static str) {
        force::transmitting(env, self, name);
        frozen::transmitting(env, self, name);
        transitions::said(&mut env.counters, name, (self.is_timer, self.is_opening));
        env.counters.reach(message_counter(name));
        env.line(self.name(), "->", &format!("#{}", peer.0), name);
        let Some(running) = &mut self.running else { return };
        if let Some((channel, _)) = running.peers.get(&peer) {
            // What a channel does not take is lost, as on the air.
            running.channels.send(*channel, bytes).ok();
        }
    }

    fn on_channel(&mut self, env: &mut Env, now: u64, output: ChannelsOutput) {
        let clocks = self.now(env);
        let index = self.index;
        let Some(running) = &mut self.running else { return };
        match output {
            ChannelsOutput::SendFrame { link, bytes } => radio::send(env, index, link, bytes),
            ChannelsOutput::Connect { channel, peer } => {
                let to = usize::try_from(peer.0).unwrap_or(0);
                let link = radio::connect(env, index, to, true);
                running.channels.dialed(now, channel, Some(link));
            }
            ChannelsOutput::Close { link } => env.radio.close(env.now_ms, link),
            ChannelsOutput::Heard { .. } => {}
            ChannelsOutput::Up { channel, initiator } => {
                running.next_peer += 1;
                let peer = PeerId(running.next_peer);
                running.peers.insert(peer, (channel, initiator));
                running.by_channel.insert(channel, peer);
                match running.lookups.remove(&channel) {
                    Some(lookup) => running.wallet.handle_up_as_buyer(clocks, peer, &lookup),
                    None => running.wallet.handle_up_as_seller(clocks, peer),
                }
            }
            ChannelsOutput::Message { channel, bytes } => {
                if let Some(peer) = running.by_channel.get(&channel).copied() {
                    self.on_packet(env, clocks, peer, &bytes);
                }
            }
            ChannelsOutput::Down { channel, .. } => {
                running.lookups.remove(&channel);
                if let Some(peer) = running.by_channel.remove(&channel) {
                    running.peers.remove(&peer);
                    running.wallet.handle_down(peer);
                }
            }
        }
    }

    fn on_packet(&mut self, env: &mut Env, now: Now, peer: PeerId, bytes: &[u8]) {
        let repeats = env.strikes(FaultKind::PacketReplayed);
        let Some(running) = &mut self.running else { return };
        if let Some(heard) = running.wallet.handle_packet(now, peer, bytes) {
            transitions::heard(&mut env.counters, &heard);
            if env.trace.is_kept() {
                let what = format!("{} {}, {}", heard.message, heard.tx.short(), heard.after);
                env.line(self.name(), "<-", &format!("#{}", peer.0), &what);
            }
        }
        if repeats {
            while let Some(output) = self.running.as_mut().and_then(|r| r.wallet.poll_output()) {
                self.carry_out(env, output);
            }
            let Some(running) = &mut self.running else { return };
            let before = running.wallet.state().clone();
            running.wallet.handle_packet(now, peer, bytes);
            let name = NAMES.get(self.index).copied().unwrap_or("?");
            replays::packet(env, name, &before, running.wallet.state());
        }
    }
}

/// The name of a record, for the diagram.
fn record_name(record: &LogRecord) -> String {
    let text = format!("{record:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

fn message_counter(name: &str) -> &'static str {
    crate::required::SOMETIMES
        .iter()
        .find(|counter| counter.strip_prefix("message/") == Some(name))
        .copied()
        .unwrap_or("message/other")
}
