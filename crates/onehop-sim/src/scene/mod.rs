//! Scenes: short histories through real wallets, the real office and the simulator's checkers.
//!
//! Where [`crate::World`] waits for chance to bring two things together, a scene brings them
//! together. Each ends with what an honest wallet or office must have done; with a shipped decision
//! broken (see [`onehop_wire::mutant`]) it fails, by the checker that noticed.
//!
//! ```
//! for scene in onehop_sim::scene::ALL {
//!     assert_eq!(scene.play(), onehop_sim::scene::Ending::default(), "{}", scene.name);
//! }
//! ```

mod bench;
mod chains;
mod cuts;
mod desk;
mod exposure;
mod lost;
mod meetings;
mod news;
mod purses;
mod refunds;
mod restored;
mod rogue;
mod tables;
mod unit;
mod votes;

use crate::check::{Facts, Violation, judged};
use bench::Bench;

/// How a scene ended; by default well.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ending {
    /// All that checkers noticed.
    pub violations: Vec<Violation>,
    /// Why it stopped.
    pub trouble: Option<Trouble>,
}

/// Why a scene did not end well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// A checker noticed something.
    Broken(Violation),
    /// It could not be played to its end, which no checker has noticed.
    Stuck(String),
}

impl Trouble {
    /// What a checker noticed first.
    pub(crate) fn of(facts: &Facts) -> Self {
        match noticed(facts).next() {
            Some(violation) => Self::Broken(violation.clone()),
            None => Self::Stuck("nothing was noticed".to_owned()),
        }
    }
}

/// What checkers noticed. Where somebody forks, only the office's promises hold.
pub(crate) fn noticed(facts: &Facts) -> impl Iterator<Item = &Violation> {
    facts.violations.iter().filter(|violation| !facts.is_tainted || violation.is_of_office())
}

/// What playing comes to.
pub(crate) type Played<T> = Result<T, Trouble>;

/// Something that may be missing, or have failed.
pub(crate) trait Outcome<T> {
    fn or_else_why(self) -> Result<T, String>;
}

impl<T> Outcome<T> for Option<T> {
    fn or_else_why(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: std::fmt::Debug> Outcome<T> for Result<T, E> {
    fn or_else_why(self) -> Result<T, String> {
        self.map_err(|error| format!(": {error:?}"))
    }
}

/// A step without which the scene cannot go on.
pub(crate) fn or_stuck<T>(outcome: impl Outcome<T>, what: &str) -> Played<T> {
    outcome.or_else_why().map_err(|why| Trouble::Stuck(format!("{what}{why}")))
}

/// A short history.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    play: fn(&mut Bench) -> Played<()>,
}

impl Scene {
    /// Plays it from the beginning, always in the same way.
    #[must_use]
    pub fn play(&self) -> Ending {
        let mut bench = match Bench::new() {
            Ok(bench) => bench,
            Err(trouble) => return Ending { violations: Vec::new(), trouble: Some(trouble) },
        };
        let trouble = (self.play)(&mut bench).err();
        judged::check(&mut bench.facts);
        let violations = noticed(&bench.facts).cloned().collect();
        Ending { violations, trouble }
    }

    /// The scene of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|scene| scene.name == name)
    }
}

const fn scene(name: &'static str, play: fn(&mut Bench) -> Played<()>) -> Scene {
    Scene { name, play }
}

/// Every scene.
pub const ALL: &[Scene] = &[
    scene("a payment, an abort and a sync", tables::whole),
    scene("a vote whose COMMIT is lost", tables::commit_lost),
    scene("a COMMIT that is asked for again", tables::commit_again),
    scene("a vote that comes after ABORT", tables::vote_after_abort),
    scene("an order asked for again", tables::asked_again),
    scene("an order paid twice", tables::paid_twice),
    scene("a packet that comes twice", tables::packet_twice),
    scene("a payment after an abort", chains::after_abort),
    scene("an acknowledged payment asked about", tables::after_ack),
    scene("the power cut after each operation", cuts::everywhere),
    scene("a restart from a snapshot", cuts::snapshot),
    scene("requests after a power cut", cuts::requests),
    scene("a frozen seller", cuts::frozen),
    scene("an empty store", cuts::empty_store),
    scene("an ABORT after the renewal", purses::abort_after_renewal),
    scene("a STATUS of a pruned payment", purses::pruned),
    scene("a STATUS to a restored seller", purses::restored),
    scene("a request to a closed purse", purses::closed),
    scene("a SYNC before a power cut", purses::cut_after_sync),
    scene("a next purse of other totals", purses::other_totals),
    scene("a request over the buyer's limit", purses::over_limit),
    scene("a seller with an expired certificate", meetings::expired_certificate),
    scene("a buyer with an expired purse", meetings::expired_purse),
    scene("a revoked buyer", meetings::revoked),
    scene("a stranger's certificate", meetings::stranger),
    scene("a vote that nobody signed", votes::unsigned),
    scene("a vote over the payer's limit", votes::over_limit),
    scene("a vote with another claim date", votes::redeem_by),
    scene("a vote that only backs itself", votes::increment),
    scene("a receipt attached twice", votes::receipt_twice),
    scene("a receipt of another purse", votes::receipt_elsewhere),
    scene("a receipt that moved on too often", votes::hops),
    scene("a release attached twice", votes::release_twice),
    scene("two entries of one number", chains::same_seq),
    scene("two entries after one head", chains::same_prev),
    scene("an entry left out of a later total", chains::gap),
    scene("an entry left out of a sync", chains::left_out),
    scene("a RESOLVE before its time", desk::early),
    scene("a claim after VOID", desk::after_void),
    scene("a claim and two closes", desk::closes),
    scene("a sync with an entry in doubt", desk::unclaimed),
    scene("an office whose disk fails", desk::disk_fails),
    scene("copies of a wallet that take all they can", exposure::reached),
    scene("a copied wallet that strangers hear of", news::copied),
    scene("a root that a peer tells of", news::root),
    scene("a wallet restored from its key", lost::restored),
    scene("a wallet reported lost", lost::reported),
    scene("a backup at every state of a payment", restored::everywhere),
    scene("a refund asked for again", refunds::asked_again),
    scene("refunds above the payment", refunds::claimed),
];

// Names of what scenes judge beyond the checkers of the world.

/// A payee takes only what is backed, within limits and claimable.
pub const VOTES: &str = "spec 6.5 the payee's check";
/// Requests are numbered once and a retry is a new payment.
pub const REQUESTS: &str = "spec P-5, P-6 requests are new";
/// Refunds are at most what was paid.
pub const REFUNDS: &str = "spec 6.7 refunds within the payment";
/// A buyer keeps its own limits.
pub const OWN_LIMITS: &str = "spec M-8 the buyer's limits";
/// Who is met is certified, in time and not revoked.
pub const MEETINGS: &str = "spec 4.2 who is met";
/// The office's answer goes on where the wallet ended.
pub const RENEWALS: &str = "spec S-5 the next purse goes on";
/// Payees lose no more than the office computed; asked also where somebody forks.
pub const EXPOSURE: &str = "office O-36 exposure";
/// Copies of a wallet are refused once those whom they paid have met others; whatever wallets do.
pub const NEWS: &str = "office N-6 a copied wallet is refused";
/// The office has written what it says.
pub const WRITTEN: &str = "spec O-17 written before it is said";

#[cfg(test)]
mod tests {
    use super::*;

    /// [N-6] [N-10]
    #[test]
    fn eight_wallets_know_of_a_copied_one_after_so_many_payments() {
        let mut bench = Bench::new().unwrap();
        let meetings = news::spread(&mut bench).unwrap();
        println!("a copied wallet is refused by all eight after {meetings:?} payments");
        assert_eq!(meetings, Some(20));
    }

    #[test]
    fn every_scene_ends_well() {
        for scene in ALL {
            assert_eq!(scene.play(), Ending::default(), "{}", scene.name);
            assert!(Scene::by_name(scene.name).is_some());
        }
    }
}
