//! Places where the shipped logic can be broken on purpose, to see that the checks notice.
//!
//! Each decision that a [`Mutant`] breaks asks [`is`] about it. Without the cargo feature `mutants`
//! that is a constant `false`, which leaves nothing in the program. With it, a mutant is alive on
//! the thread and for the time that `armed` says, and nowhere else: a build with the feature in
//! which nothing is armed behaves as one without. No program that ships has the feature;
//! `cargo xtask layers` checks that none can get it.
//!
//! ```
//! use onehop_wire::mutant::{self, Mutant};
//! assert!(!mutant::is(Mutant::SignatureUnchecked));
//! ```

macro_rules! mutants {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// One way to break the shipped logic.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Mutant {
            $($(#[$doc])+ $variant,)+
        }

        impl Mutant {
            /// Every mutant, in the order in which they are listed.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name on the command line and in figures.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

mutants! {
    // Signatures and sessions.
    /// A signature that does not verify is taken for one that does.
    SignatureUnchecked = "signature-unchecked",
    /// The proof in a HELLO, by which a wallet shows that it has its key, is not checked.
    HelloProofUnchecked = "hello-proof-unchecked",
    /// A sealed message opens again when its bytes come again.
    SealedReplayed = "sealed-replayed",

    // What is on disk before a word leaves.
    /// Words do not wait for the forced batch in front of them.
    BarrierOff = "barrier-off",
    /// AGREED leaves before its force: PREPARED is written lazily.
    VoteNotForced = "vote-not-forced",
    /// COMMIT leaves before its force.
    CommitNotForced = "commit-not-forced",
    /// ABORT leaves before its force.
    AbortNotForced = "abort-not-forced",
    /// COMMITTED leaves before its force.
    CommittedNotForced = "committed-not-forced",
    /// RELEASED leaves before its force.
    ReleaseNotForced = "release-not-forced",
    /// SYNC leaves before its force: CLOSED is written lazily.
    SyncNotForced = "sync-not-forced",

    // The two tables.
    /// The buyer gives up a vote by itself when no decision comes in time.
    BuyerAbortsOnTimer = "buyer-aborts-on-timer",
    /// The seller judges a vote for a payment that it has aborted.
    TombstoneIgnored = "tombstone-ignored",
    /// A second request for an order in one session is made under the same payment id.
    TxRetried = "tx-retried",
    /// ABORT is acknowledged with COMMITTED.
    AbortAckedAsCommitted = "abort-acked-as-committed",
    /// The undo of a payment takes its entry off the chain.
    UndoRewindsHead = "undo-rewinds-head",
    /// A payment of a closed checkpoint that is undone comes back into the new one as well.
    ReleaseIntoNewCheckpoint = "release-into-new-checkpoint",
    /// A vote that comes again is credited again.
    VoteCreditedTwice = "vote-credited-twice",
    /// The seller erases a payment once it is acknowledged.
    ErasedAfterAck = "erased-after-ack",
    /// The seller erases payments without raising the covered floor.
    PrunedWithoutFloor = "pruned-without-floor",
    /// A snapshot says that it contains one record less than it does.
    SnapshotBehind = "snapshot-behind",
    /// A seller whose state was restored signs ABORT of a request of its older epoch.
    RestoredSellerAborts = "restored-seller-aborts",
    /// A backup keeps requests that nobody has decided, and the restored wallet decides them.
    RestoredSellerDecides = "restored-seller-decides",
    /// A frozen wallet meets others.
    FrozenMeets = "frozen-meets",
    /// A log without a wallet in it makes a wallet.
    EmptyStoreStarts = "empty-store-starts",
    /// A purse that a SYNC has closed signs entries.
    ClosedPurseSigns = "closed-purse-signs",
    /// The buyer says nothing about the limits of its own certificate.
    BuyerLimitsOff = "buyer-limits-off",
    /// The payer of a refund does not look at what is left of the first payment.
    RefundUnchecked = "refund-unchecked",
    /// An order that was paid is paid again.
    OrderPaidTwice = "order-paid-twice",
    /// After a restart request numbers go on from the last one that is on disk.
    RequestNumbersRepeat = "request-numbers-repeat",
    /// The next purse is taken whatever totals it repeats.
    RenewalUnchecked = "renewal-unchecked",
    /// Certificates serve for ever.
    CertificateExpiryIgnored = "certificate-expiry-ignored",
    /// Purses serve for ever.
    CheckpointExpiryIgnored = "checkpoint-expiry-ignored",
    /// The office's list of revoked wallets is not looked at.
    RevocationIgnored = "revocation-ignored",

    // What wallets tell each other.
    /// A wallet that has news keeps it to itself.
    NewsNotTold = "news-not-told",
    /// What was heard of a payer's chain is compared with nothing.
    HeadsNotCompared = "heads-not-compared",

    // What payee, office and third parties conclude from an entry.
    /// Two different entries of one number do not contradict each other.
    SameSeqRuleOff = "same-seq-rule-off",
    /// Two different entries after one head do not contradict each other.
    SamePrevRuleOff = "same-prev-rule-off",
    /// A total that leaves no room for an earlier entry does not contradict it.
    GapRuleOff = "gap-rule-off",
    /// An entry beyond the SYNC that closed its checkpoint does not contradict it.
    CloseRuleOff = "close-rule-off",
    /// The payee does not compare an entry with the limits of the payer.
    PayeeLimitsOff = "payee-limits-off",
    /// Received money moves on as often as anybody likes.
    HopsLimitOff = "hops-limit-off",
    /// A receipt that is attached twice counts twice.
    ReceiptCountedTwice = "receipt-counted-twice",
    /// A receipt counts under a checkpoint that its COMMIT does not name.
    ReceiptOfOtherCheckpoint = "receipt-of-other-checkpoint",
    /// A release that is attached twice counts twice.
    ReleaseCountedTwice = "release-counted-twice",
    /// Only this payment's share is proven, not the whole of what was spent.
    IncrementOnlyProof = "increment-only-proof",
    /// The claim date may be any.
    RedeemByUnchecked = "redeem-by-unchecked",

    // The office.
    /// VOID is written before its time.
    VoidEarly = "void-early",
    /// A claim that comes after VOID is paid.
    ClaimAfterVoid = "claim-after-void",
    /// The proceeds of a payment are credited before the payee's checkpoint is closed.
    CreditedBeforeClose = "credited-before-close",
    /// A payment is covered and paid before the payer's checkpoint is closed.
    PaidBeforeClose = "paid-before-close",
    /// A payment is paid that nobody claimed.
    PaidUnclaimed = "paid-unclaimed",
    /// Refunds of a payment are accepted whatever they come to.
    OfficeRefundsUnchecked = "office-refunds-unchecked",
    /// The payee's account is credited twice for one payment.
    OfficeCreditsTwice = "office-credits-twice",
    /// An answer leaves though its write failed.
    AnsweredBeforeWrite = "answered-before-write",
    /// The answer to a SYNC is not kept, and the SYNC is judged anew.
    AnswersForgotten = "answers-forgotten",
}

/// True if `mutant` is alive here and now.
#[cfg(not(feature = "mutants"))]
#[inline]
#[must_use]
pub const fn is(_mutant: Mutant) -> bool {
    false
}

/// Does `work` with no mutant alive: for checkers that judge by functions of the shipped code.
#[cfg(not(feature = "mutants"))]
#[inline]
pub fn disarmed<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(feature = "mutants")]
pub use alive::{armed, disarmed, is};

#[cfg(feature = "mutants")]
mod alive {
    use core::cell::Cell;

    use super::Mutant;

    thread_local! {
        static ALIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// True if `mutant` is alive here and now.
    #[must_use]
    pub fn is(mutant: Mutant) -> bool {
        ALIVE.get() == Some(mutant)
    }

    /// Does `work` with `mutant` alive on this thread, and no other. What was alive before is so
    /// again afterwards, also if `work` panics.
    pub fn armed<R>(mutant: Mutant, work: impl FnOnce() -> R) -> R {
        with(Some(mutant), work)
    }

    /// Does `work` with no mutant alive: for checkers that judge by functions of the shipped code.
    pub fn disarmed<R>(work: impl FnOnce() -> R) -> R {
        with(None, work)
    }

    fn with<R>(mutant: Option<Mutant>, work: impl FnOnce() -> R) -> R {
        struct Before(Option<Mutant>);
        impl Drop for Before {
            fn drop(&mut self) {
                ALIVE.set(self.0);
            }
        }
        let _before = Before(ALIVE.replace(mutant));
        work()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_mutant_is_alive_unless_it_is_armed() {
        assert!(Mutant::ALL.iter().all(|mutant| !is(*mutant)));
    }

    #[test]
    fn names_are_in_kebab_case_and_each_is_used_once() {
        let names: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
        assert_eq!(names.len(), Mutant::ALL.len());
        let is_kebab = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.iter().all(is_kebab), "{names:?}");
    }

    #[cfg(feature = "mutants")]
    #[test]
    fn an_armed_mutant_is_alive_alone_and_only_as_long_as_the_work_lasts() {
        let (one, other) = (Mutant::GapRuleOff, Mutant::VoidEarly);
        let seen = armed(one, || (is(one), is(other), armed(other, || is(one)), is(one)));
        assert_eq!(seen, (true, false, false, true));
        let seen = armed(one, || (disarmed(|| is(one)), is(one)));
        assert_eq!(seen, (false, true));
        assert!(!is(one));
        std::panic::catch_unwind(|| armed(one, || panic!("in the midst of it"))).unwrap_err();
        assert!(!is(one));
        let elsewhere = armed(one, || std::thread::spawn(move || is(one)).join());
        assert!(!elsewhere.unwrap());
    }
}
