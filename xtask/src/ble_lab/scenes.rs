//! What is played: each scenario has machines, an office and a disk of its own.

mod air_cuts;
mod bad_input;
mod examples;
mod hostile;
mod many;
mod pay;
mod power_cuts;
mod several;
mod sizes;

use std::path::PathBuf;

use anyhow::Result;
use rand_chacha::ChaCha8Rng;

use crate::figure::{Figure, Limit, count};

use super::Round;
use super::guest::Guest;
use super::stage::{Person, Stage, Workshop};

/// A scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Scenario {
    /// One payment by hand, its receipt, and one the other way round.
    Pay,
    /// Many payments in a row: their times, and what a sniffer learns of them.
    Many,
    /// Three machines.
    Several,
    /// The air is cut at each frame.
    AirCuts,
    /// The power of either machine is cut.
    PowerCuts,
    /// Frames and bytes of a payment, by what the stacks agree to.
    Sizes,
    /// Devices that want no good.
    Hostile,
    /// Adapters, daemons and settings that go wrong.
    BadInput,
    /// The examples.
    Examples,
}

/// What a scenario plays with.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) workshop: &'a Workshop<'a>,
    pub(super) guest: &'a Guest,
    pub(super) scenario: Scenario,
    pub(super) round: Round,
    pub(super) random: ChaCha8Rng,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) figures: Vec<Figure>,
    pub(super) problems: Vec<String>,
}

impl Scenario {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Many => "many",
            Self::Several => "several",
            Self::AirCuts => "air_cuts",
            Self::PowerCuts => "power_cuts",
            Self::Sizes => "sizes",
            Self::Hostile => "hostile",
            Self::BadInput => "bad_input",
            Self::Examples => "examples",
        }
    }
}

impl Scene<'_> {
    /// Plays it.
    ///
    /// # Errors
    /// If it comes to something that must not be.
    pub(super) fn play(&mut self) -> Result<Report> {
        match self.scenario {
            Scenario::Pay => pay::play(self),
            Scenario::Many => many::play(self),
            Scenario::Several => several::play(self),
            Scenario::AirCuts => air_cuts::play(self),
            Scenario::PowerCuts => power_cuts::play(self),
            Scenario::Sizes => sizes::play(self),
            Scenario::Hostile => hostile::play(self),
            Scenario::BadInput => bad_input::play(self),
            Scenario::Examples => examples::play(self),
        }
    }

    pub(super) fn is_short(&self) -> bool {
        self.round == Round::Short
    }

    /// Machines for these people.
    ///
    /// # Errors
    /// If they do not start.
    pub(super) fn open(&self, people: &[Person]) -> Result<Stage> {
        self.open_with(people, "", "")
    }

    /// The same with another name, and something for their first program.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn open_with(&self, people: &[Person], name: &str, settings: &str) -> Result<Stage> {
        let name = format!("{}-{}{name}", self.guest.release.name(), self.scenario.name());
        Stage::open(self.workshop, self.guest, &name, people, settings)
    }

    /// Where a file of this scenario lies.
    pub(super) fn file(&self, stage: &Stage, name: &str) -> PathBuf {
        stage.folder.join(name)
    }

    /// A figure of this scenario.
    pub(super) fn figure(
        &self,
        name: &str,
        value: f64,
        unit: &'static str,
        limit: Option<Limit>,
        n: u64,
    ) -> Figure {
        let release = match self.guest.release {
            super::Release::Trixie => "",
            super::Release::Bookworm => "bookworm.",
        };
        Figure {
            name: format!("ble_lab.{release}{}.{name}", self.scenario.name()),
            value,
            unit,
            limit,
            n,
            method: format!(
                "{}; QEMU tcg, virtual controllers and air of Bumble 0.0.236",
                self.guest.versions
            ),
        }
    }

    /// How many of `n` came to their end as they must: all.
    pub(super) fn all(&self, name: &str, done: u64, n: u64) -> Figure {
        self.figure(name, count(done), "1", Some(Limit::AtLeast(count(n))), n)
    }

    /// Ends a scenario: everything is switched off, settled and audited.
    ///
    /// # Errors
    /// If it cannot be.
    pub(super) fn close(&self, stage: Stage, mut report: Report) -> Result<Report> {
        let paid = stage.paid.len() as u64;
        let wrong = stage.close()?;
        let none = Some(Limit::Exactly(0.0));
        let name = "faults_in_books";
        report.figures.push(self.figure(name, count(wrong.len() as u64), "1", none, paid));
        report.problems.extend(wrong);
        Ok(report)
    }
}

/// The value below which this share of all lies.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of the length of a list is an index of it"
    )]
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn half_of_ten_values_lie_at_or_below_the_median() {
        let values: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!([0.5, 0.95, 1.0].map(|share| quantile(&values, share)), [5.0, 10.0, 10.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
