//! Which check has to notice which mutant.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use onehop_sim::scene::Scene;
use onehop_sim::{Options, Variant, World, check, sabotage};
use onehop_wire::mutant::{Mutant, armed};

use super::verdict::{Report, Seen, Verdict};

/// Something that is to notice a mutant.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Killer {
    /// The scene of this name.
    Scene(&'static str),
    /// Seeds of the world in which all are honest, one after the other.
    Worlds,
    /// The same, in which one owner runs a wallet twice.
    Cloned,
}

use Killer::{Cloned, Scene as In, Worlds};

/// The killers of a mutant; each must notice it.
const fn killers(mutant: Mutant) -> &'static [Killer] {
    match mutant {
        Mutant::SignatureUnchecked => {
            &[In("a vote that nobody signed"), In("a stranger's certificate")]
        }
        Mutant::HelloProofUnchecked => &[In("a stranger's certificate")],
        Mutant::SealedReplayed => &[In("a packet that comes twice")],
        Mutant::BarrierOff => &[In("a payment, an abort and a sync")],
        Mutant::VoteNotForced => &[In("a payment, an abort and a sync"), Worlds],
        Mutant::CommitNotForced => &[In("a payment, an abort and a sync"), Worlds],
        Mutant::AbortNotForced | Mutant::CommittedNotForced | Mutant::ReleaseNotForced => {
            &[In("a payment, an abort and a sync"), In("the power cut after each operation")]
        }
        Mutant::SyncNotForced => &[In("a SYNC before a power cut")],
        Mutant::BuyerAbortsOnTimer => &[In("a vote whose COMMIT is lost")],
        Mutant::TombstoneIgnored => &[In("a vote that comes after ABORT"), Worlds],
        Mutant::TxRetried => &[In("an order asked for again")],
        Mutant::AbortAckedAsCommitted => &[In("a vote that comes after ABORT")],
        Mutant::UndoRewindsHead => &[In("a payment after an abort"), Worlds],
        Mutant::ReleaseIntoNewCheckpoint => &[In("an ABORT after the renewal")],
        Mutant::VoteCreditedTwice => &[In("a COMMIT that is asked for again"), Worlds],
        Mutant::ErasedAfterAck => &[In("an acknowledged payment asked about"), Worlds],
        Mutant::PrunedWithoutFloor => &[In("a STATUS of a pruned payment")],
        Mutant::SnapshotBehind => &[In("a restart from a snapshot"), Worlds],
        Mutant::RestoredSellerAborts => &[In("a STATUS to a restored seller")],
        Mutant::RestoredSellerDecides => &[In("a backup at every state of a payment")],
        Mutant::FrozenMeets => &[In("a frozen seller")],
        Mutant::EmptyStoreStarts => &[In("an empty store"), Worlds],
        Mutant::ClosedPurseSigns => &[In("a request to a closed purse"), Worlds],
        Mutant::BuyerLimitsOff => &[In("a request over the buyer's limit")],
        Mutant::OrderPaidTwice => &[In("an order paid twice")],
        Mutant::RequestNumbersRepeat => &[In("requests after a power cut")],
        Mutant::RenewalUnchecked => &[In("a next purse of other totals")],
        Mutant::CertificateExpiryIgnored => &[In("a seller with an expired certificate")],
        Mutant::CheckpointExpiryIgnored => &[In("a buyer with an expired purse")],
        Mutant::RevocationIgnored => &[In("a revoked buyer")],
        Mutant::NewsNotTold | Mutant::HeadsNotCompared => {
            &[In("a copied wallet that strangers hear of")]
        }
        Mutant::SameSeqRuleOff => &[In("two entries of one number")],
        Mutant::SamePrevRuleOff => &[In("two entries after one head")],
        Mutant::GapRuleOff => &[In("an entry left out of a later total")],
        Mutant::CloseRuleOff => &[In("an entry left out of a sync"), Cloned],
        Mutant::PayeeLimitsOff => &[In("a vote over the payer's limit")],
        Mutant::HopsLimitOff => &[In("a receipt that moved on too often"), Worlds],
        Mutant::ReceiptCountedTwice => &[In("a receipt attached twice")],
        Mutant::ReceiptOfOtherCheckpoint => &[In("a receipt of another purse")],
        Mutant::ReleaseCountedTwice => &[In("a release attached twice")],
        Mutant::IncrementOnlyProof => {
            &[In("a vote that only backs itself"), In("copies of a wallet that take all they can")]
        }
        Mutant::RedeemByUnchecked => &[In("a vote with another claim date")],
        Mutant::VoidEarly => &[In("a RESOLVE before its time"), Worlds],
        Mutant::ClaimAfterVoid => &[In("a claim after VOID")],
        Mutant::CreditedBeforeClose | Mutant::PaidBeforeClose => {
            &[In("a claim and two closes"), Worlds]
        }
        Mutant::PaidUnclaimed => &[In("a sync with an entry in doubt"), Worlds],
        Mutant::RefundUnchecked => &[In("a refund asked for again")],
        Mutant::OfficeRefundsUnchecked => &[In("refunds above the payment")],
        Mutant::OfficeCreditsTwice => &[In("a claim and two closes"), Worlds],
        Mutant::AnsweredBeforeWrite => &[In("an office whose disk fails")],
        Mutant::AnswersForgotten => &[In("a payment, an abort and a sync"), Worlds],
    }
}

/// Judges every mutant and broken world, or the one of this name.
pub(crate) fn judge_all(only: Option<&str>, seeds: u64) -> anyhow::Result<Report> {
    let start = Instant::now();
    let is_asked = |name: &str| only.is_none_or(|only| only == name);
    let mut bench = Bench { seeds, quiet: BTreeMap::new() };
    let mut verdicts = Vec::new();
    for mutant in Mutant::ALL.iter().filter(|mutant| is_asked(mutant.name())) {
        verdicts.push(bench.judge(*mutant)?);
    }
    for name in sabotage::names().filter(|name| is_asked(name)) {
        verdicts.push(bench.sabotage(name));
    }
    let name = only.unwrap_or_default();
    ensure!(!verdicts.is_empty(), "no mutant is named {name:?}; without --only all are listed");
    let checkers = if only.is_some() { Vec::new() } else { check::ALL.to_vec() };
    let method = format!("cargo run -p xtask --features mutants -- mutants, seeds 1..={seeds}");
    Ok(Report { verdicts, checkers, took: start.elapsed(), method })
}

struct Bench {
    seeds: u64,
    /// What each killer says while nothing is broken.
    quiet: BTreeMap<Killer, Vec<&'static str>>,
}

impl Bench {
    fn judge(&mut self, mutant: Mutant) -> anyhow::Result<Verdict> {
        let mut seen = Vec::new();
        for killer in killers(mutant) {
            if !self.quiet.contains_key(killer) {
                let (said, _) = self.play(*killer, None)?;
                self.quiet.insert(*killer, said);
            }
            let start = Instant::now();
            let (mut checkers, stopped) = self.play(*killer, Some(mutant))?;
            let said = self.quiet.get(killer).filter(|said| !said.is_empty());
            let is_unsound = said.is_some();
            if let Some(said) = said {
                checkers.clone_from(said);
            }
            let (by, took) = (self.words(*killer), start.elapsed());
            seen.push(Seen { by, checkers, stopped, took, is_unsound });
        }
        Ok(Verdict { mutant: mutant.name().to_owned(), seen })
    }

    /// A world that is broken around the shipped code. That the same seeds are quiet when it is not
    /// is part of the other verdicts.
    fn sabotage(&self, name: &str) -> Verdict {
        let start = Instant::now();
        let seeds = 1..=self.seeds;
        let runs = seeds.filter_map(|seed| sabotage::run(name, seed));
        let checkers = runs.flatten().collect();
        let (by, took) = (format!("seeds 1..={}", self.seeds), start.elapsed());
        let seen = vec![Seen { by, checkers, stopped: None, took, is_unsound: false }];
        Verdict { mutant: name.to_owned(), seen }
    }

    fn words(&self, killer: Killer) -> String {
        match killer {
            In(name) => name.to_owned(),
            Worlds => format!("seeds 1..={}", self.seeds),
            Cloned => format!("seeds 1..={}, one wallet runs twice", self.seeds),
        }
    }

    /// Plays a killer; the checkers that spoke, in the order in which they did, or why it stopped.
    fn play(&self, killer: Killer, mutant: Option<Mutant>) -> anyhow::Result<Said> {
        let variant = match killer {
            In(name) => {
                let scene = Scene::by_name(name).with_context(|| format!("no scene {name:?}"))?;
                return Ok(play_scene(scene, mutant));
            }
            Worlds => Variant::Honest,
            Cloned => Variant::Cloned,
        };
        let options = Options { variant, ..Options::default() };
        for seed in 1..=self.seeds {
            let live = || World::new(seed, &options).run();
            let run = catch_unwind(AssertUnwindSafe(|| match mutant {
                Some(mutant) => armed(mutant, live),
                None => live(),
            }));
            // An assertion that fails is a defect, and no checker's word.
            let Ok(run) = run else { continue };
            if !run.violations.is_empty() {
                return Ok((run.violations.iter().map(|v| v.invariant).collect(), None));
            }
        }
        Ok((Vec::new(), None))
    }
}

/// The checkers that spoke, and why a scene stopped where none did.
type Said = (Vec<&'static str>, Option<String>);

fn play_scene(scene: &Scene, mutant: Option<Mutant>) -> Said {
    let played = catch_unwind(AssertUnwindSafe(|| match mutant {
        Some(mutant) => armed(mutant, || scene.play()),
        None => scene.play(),
    }));
    match played {
        Ok(ending) => {
            let stopped = ending.trouble.map(|trouble| format!("{trouble:?}"));
            let mut checkers: Vec<_> = ending.violations.iter().map(|v| v.invariant).collect();
            if mutant.is_none() && stopped.is_some() {
                checkers.push("the scene itself");
            }
            (checkers, stopped)
        }
        Err(_) if mutant.is_none() => (vec!["an assertion"], None),
        Err(_) => (Vec::new(), Some("an assertion failed".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_mutant_is_refused_in_one_line() {
        let error = judge_all(Some("dummy"), 1).unwrap_err().to_string();
        assert_eq!(error, "no mutant is named \"dummy\"; without --only all are listed");
    }

    #[test]
    fn every_killer_is_there_and_every_scene_kills() {
        let named: Vec<_> = Mutant::ALL.iter().flat_map(|mutant| killers(*mutant)).collect();
        for killer in &named {
            if let In(name) = killer {
                assert!(Scene::by_name(name).is_some(), "{name}");
            }
        }
        for scene in onehop_sim::scene::ALL {
            assert!(named.iter().any(|killer| **killer == In(scene.name)), "{}", scene.name);
        }
    }
}
