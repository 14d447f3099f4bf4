//! What can go wrong, each with its probability.

use rand_core::Rng;

/// One kind of fault.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FaultKind {
    /// A frame does not arrive.
    Loss,
    /// A frame arrives twice.
    Duplication,
    /// A frame is overtaken by later ones.
    Reordering,
    /// A frame takes seconds.
    Delay,
    /// A byte of a frame changes.
    Corruption,
    /// Two devices cannot hear each other for a while.
    Partition,
    /// A connection breaks.
    Disconnect,
    /// A new connection has another MTU than the usual one.
    MtuChange,
    /// A device loses power between two operations.
    Crash,
    /// A device loses power while it recovers.
    RecoveryCrash,
    /// Of the sectors not yet durable at a crash some arrive and some do not.
    TornWrite,
    /// The disk fails during a write; the wallet halts.
    Eio,
    /// The disk is full; the wallet halts.
    Enospc,
    /// The calendar of a device is wrong, by up to 12 hours either way.
    ClockSkew,
    /// The office stops before what it decided is written.
    OfficeKilledBefore,
    /// The office stops between its write and its reply.
    OfficeKilledAfter,
    /// An answer of the office does not arrive.
    AnswerLost,
    /// An answer of the office arrives twice.
    AnswerRepeated,
    /// A packet is given to the wallet a second time.
    PacketReplayed,
    /// Of what the office writes when it loses power some sectors arrive and some do not.
    OfficeTornWrite,
    /// The office's disk fails during a write: it answers that its storage failed.
    OfficeEio,
    /// The office's disk is full: it answers that its storage failed, and nothing has changed.
    OfficeDiskFull,
    /// The office begins to sign with another key.
    KeyRenewal,
    /// The operator revokes a wallet.
    Revocation,
    /// The owner of a wallet freezes it.
    Freeze,
    /// The disk of a device opens empty; the right one is back at the next start.
    EmptyStore,
    /// A device comes to the office only when all deadlines have passed.
    Oversleep,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 27] = [
        Self::Loss,
        Self::Duplication,
        Self::Reordering,
        Self::Delay,
        Self::Corruption,
        Self::Partition,
        Self::Disconnect,
        Self::MtuChange,
        Self::Crash,
        Self::RecoveryCrash,
        Self::TornWrite,
        Self::Eio,
        Self::Enospc,
        Self::ClockSkew,
        Self::OfficeKilledBefore,
        Self::OfficeKilledAfter,
        Self::AnswerLost,
        Self::AnswerRepeated,
        Self::PacketReplayed,
        Self::OfficeTornWrite,
        Self::OfficeEio,
        Self::OfficeDiskFull,
        Self::KeyRenewal,
        Self::Revocation,
        Self::Freeze,
        Self::EmptyStore,
        Self::Oversleep,
    ];

    /// True if the kind draws from the second stream of chance.
    pub(crate) const fn is_late(self) -> bool {
        match self {
            Self::OfficeTornWrite
            | Self::OfficeEio
            | Self::OfficeDiskFull
            | Self::KeyRenewal
            | Self::Revocation
            | Self::Freeze
            | Self::EmptyStore => true,
            Self::Loss
            | Self::Duplication
            | Self::Reordering
            | Self::Delay
            | Self::Corruption
            | Self::Partition
            | Self::Disconnect
            | Self::MtuChange
            | Self::Crash
            | Self::RecoveryCrash
            | Self::TornWrite
            | Self::Eio
            | Self::Enospc
            | Self::ClockSkew
            | Self::OfficeKilledBefore
            | Self::OfficeKilledAfter
            | Self::AnswerLost
            | Self::AnswerRepeated
            | Self::PacketReplayed
            | Self::Oversleep => false,
        }
    }

    /// The kind's name on the command line and in replay files.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.counter().trim_start_matches("fault/")
    }

    /// The kind of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind's counter.
    #[must_use]
    pub fn counter(self) -> &'static str {
        self.counters().first().copied().unwrap_or_default()
    }

    pub(crate) const fn counters(self) -> &'static [&'static str] {
        match self {
            Self::Loss => &["fault/loss"],
            Self::Duplication => &["fault/duplication"],
            Self::Reordering => &["fault/reordering"],
            Self::Delay => &["fault/delay"],
            Self::Corruption => &["fault/corruption"],
            Self::Partition => &["fault/partition"],
            Self::Disconnect => &["fault/disconnect"],
            Self::MtuChange => &["fault/mtu-change"],
            Self::Crash => &["fault/crash"],
            Self::RecoveryCrash => &["fault/recovery-crash"],
            Self::TornWrite => &["fault/torn-write"],
            Self::Eio => &["fault/eio"],
            Self::Enospc => &["fault/enospc"],
            Self::ClockSkew => &["fault/clock-skew"],
            Self::OfficeKilledBefore => &["fault/office-killed-before-write"],
            Self::OfficeKilledAfter => &["fault/office-killed-after-write"],
            Self::AnswerLost => &["fault/answer-lost"],
            Self::AnswerRepeated => &["fault/answer-repeated"],
            Self::PacketReplayed => &["fault/packet-replayed"],
            Self::OfficeTornWrite => &["fault/office-torn-write"],
            Self::OfficeEio => &["fault/office-eio"],
            Self::OfficeDiskFull => &["fault/office-disk-full"],
            Self::KeyRenewal => &["fault/key-renewal"],
            Self::Revocation => &["fault/revocation"],
            Self::Freeze => &["fault/freeze"],
            Self::EmptyStore => &["fault/empty-store"],
            Self::Oversleep => &["fault/oversleep"],
        }
    }
}

/// Probabilities of faults, each between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// Per frame.
    pub loss: f64,
    /// Per frame.
    pub duplication: f64,
    /// Per frame.
    pub reordering: f64,
    /// Per frame.
    pub delay: f64,
    /// Per frame.
    pub corruption: f64,
    /// Per act of the people.
    pub partition: f64,
    /// Per frame.
    pub disconnect: f64,
    /// Per connection.
    pub mtu_change: f64,
    /// Per operation (a write or a packet sent) of a device.
    pub crash: f64,
    /// Per start of a device.
    pub recovery_crash: f64,
    /// Per crash: a subset of sectors arrives; otherwise all or none.
    pub torn_write: f64,
    /// Per write.
    pub eio: f64,
    /// Per write.
    pub enospc: f64,
    /// Per start of a device.
    pub clock_skew: f64,
    /// Per request to the office.
    pub office_killed_before: f64,
    /// Per request to the office.
    pub office_killed_after: f64,
    /// Per answer of the office.
    pub answer_lost: f64,
    /// Per answer of the office.
    pub answer_repeated: f64,
    /// Per packet.
    pub packet_replayed: f64,
    /// Per request to the office.
    pub office_torn_write: f64,
    /// Per request to the office.
    pub office_eio: f64,
    /// Per request to the office.
    pub office_disk_full: f64,
    /// Per run.
    pub key_renewal: f64,
    /// Per run.
    pub revocation: f64,
    /// Per run.
    pub freeze: f64,
    /// Per start of a device.
    pub empty_store: f64,
    /// Per run.
    pub oversleep: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            loss: 0.03,
            duplication: 0.02,
            reordering: 0.05,
            delay: 0.01,
            corruption: 0.002,
            partition: 0.03,
            disconnect: 0.002,
            mtu_change: 0.3,
            crash: 0.01,
            recovery_crash: 0.1,
            torn_write: 0.5,
            eio: 0.003,
            enospc: 0.003,
            clock_skew: 0.3,
            office_killed_before: 0.05,
            office_killed_after: 0.05,
            answer_lost: 0.1,
            answer_repeated: 0.1,
            packet_replayed: 0.02,
            office_torn_write: 0.03,
            office_eio: 0.02,
            office_disk_full: 0.02,
            key_renewal: 0.15,
            revocation: 0.08,
            freeze: 0.08,
            empty_store: 0.03,
            oversleep: 0.3,
        }
    }
}

impl Faults {
    /// No faults at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            delay: 0.0,
            corruption: 0.0,
            partition: 0.0,
            disconnect: 0.0,
            mtu_change: 0.0,
            crash: 0.0,
            recovery_crash: 0.0,
            torn_write: 0.0,
            eio: 0.0,
            enospc: 0.0,
            clock_skew: 0.0,
            office_killed_before: 0.0,
            office_killed_after: 0.0,
            answer_lost: 0.0,
            answer_repeated: 0.0,
            packet_replayed: 0.0,
            office_torn_write: 0.0,
            office_eio: 0.0,
            office_disk_full: 0.0,
            key_renewal: 0.0,
            revocation: 0.0,
            freeze: 0.0,
            empty_store: 0.0,
            oversleep: 0.0,
        }
    }

    /// These faults, with each kind left out, as it is, or three times as frequent: runs that are
    /// unlike each other reach more.
    #[must_use]
    pub fn varied(&self, rng: &mut impl Rng, side: &mut impl Rng) -> Self {
        let mut faults = self.clone();
        for kind in FaultKind::ALL {
            let drawn = if kind.is_late() { side.next_u32() } else { rng.next_u32() };
            let factor = match drawn % 4 {
                0 => 0.0,
                1 | 2 => 1.0,
                _ => 3.0,
            };
            let p = faults.probability_mut(kind);
            *p = (*p * factor).min(1.0);
        }
        faults
    }

    /// The probability of one kind.
    #[must_use]
    pub fn probability(&self, kind: FaultKind) -> f64 {
        *self.clone().probability_mut(kind)
    }

    /// Sets the probability of one kind.
    pub const fn set(&mut self, kind: FaultKind, probability: f64) {
        *self.probability_mut(kind) = probability;
    }

    const fn probability_mut(&mut self, kind: FaultKind) -> &mut f64 {
        match kind {
            FaultKind::Loss => &mut self.loss,
            FaultKind::Duplication => &mut self.duplication,
            FaultKind::Reordering => &mut self.reordering,
            FaultKind::Delay => &mut self.delay,
            FaultKind::Corruption => &mut self.corruption,
            FaultKind::Partition => &mut self.partition,
            FaultKind::Disconnect => &mut self.disconnect,
            FaultKind::MtuChange => &mut self.mtu_change,
            FaultKind::Crash => &mut self.crash,
            FaultKind::RecoveryCrash => &mut self.recovery_crash,
            FaultKind::TornWrite => &mut self.torn_write,
            FaultKind::Eio => &mut self.eio,
            FaultKind::Enospc => &mut self.enospc,
            FaultKind::ClockSkew => &mut self.clock_skew,
            FaultKind::OfficeKilledBefore => &mut self.office_killed_before,
            FaultKind::OfficeKilledAfter => &mut self.office_killed_after,
            FaultKind::AnswerLost => &mut self.answer_lost,
            FaultKind::AnswerRepeated => &mut self.answer_repeated,
            FaultKind::PacketReplayed => &mut self.packet_replayed,
            FaultKind::OfficeTornWrite => &mut self.office_torn_write,
            FaultKind::OfficeEio => &mut self.office_eio,
            FaultKind::OfficeDiskFull => &mut self.office_disk_full,
            FaultKind::KeyRenewal => &mut self.key_renewal,
            FaultKind::Revocation => &mut self.revocation,
            FaultKind::Freeze => &mut self.freeze,
            FaultKind::EmptyStore => &mut self.empty_store,
            FaultKind::Oversleep => &mut self.oversleep,
        }
    }
}

/// Whether every wallet is honest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Variant {
    /// Every wallet runs once, on a disk that keeps what it acknowledged.
    #[default]
    Honest,
    /// One wallet is put back to an older disk in mid-run. The office's invariants must hold.
    RolledBack,
    /// One wallet runs twice, from copies of one disk. The office's invariants must hold.
    Cloned,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 3] = [Self::Honest, Self::RolledBack, Self::Cloned];

    /// The variant's name on the command line and in replay files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::RolledBack => "rolled-back",
            Self::Cloned => "cloned",
        }
    }

    /// The variant of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }
}
