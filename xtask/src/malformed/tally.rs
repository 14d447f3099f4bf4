//! Gives mutants to a receiver and counts what it makes of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::mutants::{self, Genuine, How, Mutant, Pool, Resign};

/// What a receiver did with the bytes that it was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reaction {
    /// Nothing that lasts, and nothing of what the genuine message does.
    Nothing,
    /// It recorded what the specification has it record about such a message; says what.
    Recorded(&'static str),
    /// It did some of what it does with the genuine message.
    Accepted,
    /// Its durable state changed in another way.
    Changed(String),
}

/// Something that takes messages, in the state in which it accepts the genuine one.
pub(crate) trait Receiver {
    /// Takes these bytes; is in the same state again afterwards.
    fn take(&mut self, bytes: &[u8]) -> Reaction;

    /// Begins anew after a panic.
    fn reset(&mut self);
}

/// A part of a message whose change makes another good message, and why that is so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free {
    /// End of the path of the field; empty for any part.
    pub(crate) path: &'static str,
    /// Only if it is signed again.
    pub(crate) is_signed: bool,
    pub(crate) why: &'static str,
}

/// One message with its receiver.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) genuine: Genuine,
    pub(crate) receiver: Box<dyn Receiver + 'a>,
    pub(crate) resign: Option<Box<Resign<'a>>>,
    pub(crate) free: &'static [Free],
    /// The genuine message has no effect either.
    pub(crate) is_idle: bool,
}

/// What became of the mutants of one message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) by_how: BTreeMap<How, u64>,
    pub(crate) accepted: u64,
    pub(crate) panics: u64,
    pub(crate) changed: u64,
    pub(crate) recorded: BTreeMap<&'static str, u64>,
    pub(crate) different: BTreeMap<&'static str, u64>,
    /// The genuine message was not accepted, before or after the mutants.
    pub(crate) genuine_refused: u64,
    /// The first of each that should not be, for people.
    pub(crate) examples: Vec<String>,
}

/// How many examples of what should not be are kept of one message.
const EXAMPLES_MAX: usize = 5;

impl Tally {
    pub(crate) fn mutants(&self) -> u64 {
        self.by_how.values().sum()
    }

    pub(crate) fn of(&self, how: How) -> u64 {
        self.by_how.get(&how).copied().unwrap_or(0)
    }

    fn example(&mut self, what: &str, mutant: &Mutant) {
        if self.examples.len() < EXAMPLES_MAX {
            let (how, path) = (mutant.how, mutant.path.as_deref().unwrap_or("the whole"));
            let bytes: String = hex::encode(&mutant.bytes).chars().take(160).collect();
            self.examples.push(format!("{what}: {how:?} of {path}: {bytes}"));
        }
    }

    fn note(&mut self, free: &[Free], mutant: &Mutant, reaction: Option<Reaction>) {
        *self.by_how.entry(mutant.how).or_default() += 1;
        match reaction {
            Some(Reaction::Nothing) => {}
            Some(Reaction::Recorded(what)) => *self.recorded.entry(what).or_default() += 1,
            Some(Reaction::Accepted) => match reason(free, mutant) {
                Some(why) => *self.different.entry(why).or_default() += 1,
                None => {
                    self.accepted += 1;
                    self.example("accepted", mutant);
                }
            },
            Some(Reaction::Changed(how)) => {
                self.changed += 1;
                self.example(&format!("changed ({how})"), mutant);
            }
            None => {
                self.panics += 1;
                self.example("panics", mutant);
            }
        }
    }
}

/// Why a mutant is another good message, if it is.
fn reason(free: &[Free], mutant: &Mutant) -> Option<&'static str> {
    let touches = |free: &&Free| {
        let signed = !free.is_signed || mutant.how == How::Resigned;
        let path = mutant
            .path
            .as_ref()
            .is_some_and(|path| path == free.path || path.ends_with(&format!(".{}", free.path)));
        signed && (path || free.path.is_empty())
    };
    free.iter().find(touches).map(|free| free.why)
}

/// Gives every mutant of `case` to its receiver, and the genuine message before and after.
pub(crate) fn tally(case: &mut Case<'_>, pool: &Pool) -> Tally {
    let mut tally = Tally::default();
    let Case { genuine, receiver, resign, free, is_idle, .. } = case;
    let expected = if *is_idle { Reaction::Nothing } else { Reaction::Accepted };
    tally.genuine_refused += u64::from(receiver.take(&genuine.bytes) != expected);
    mutants::all(genuine, pool, resign.as_deref(), &mut |mutant| {
        feed(&mut tally, &mut **receiver, free, &mutant);
    });
    tally.genuine_refused += u64::from(receiver.take(&genuine.bytes) != expected);
    tally
}

/// Gives one mutant to `receiver` and counts what comes of it, a panic too.
pub(crate) fn feed(tally: &mut Tally, receiver: &mut dyn Receiver, free: &[Free], mutant: &Mutant) {
    let taken = catch_unwind(AssertUnwindSafe(|| receiver.take(&mutant.bytes)));
    if taken.is_err() {
        receiver.reset();
    }
    tally.note(free, mutant, taken.ok());
}
