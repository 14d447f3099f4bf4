//! What became of the mutants, and of the checkers that were to notice them.
#![cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "a build without mutants judges none")
)]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// What one killer saw with the mutant alive.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The killer, in words.
    pub(crate) by: String,
    /// Names of the checkers that spoke, the first one first. None: it survived this killer.
    pub(crate) checkers: Vec<&'static str>,
    /// Why it stopped where no checker spoke.
    pub(crate) stopped: Option<String>,
    pub(crate) took: Duration,
    /// The killer speaks without the mutant too, and so shows nothing.
    pub(crate) is_unsound: bool,
}

/// What became of one mutant.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) mutant: String,
    pub(crate) seen: Vec<Seen>,
}

impl Verdict {
    /// The killer that noticed it first.
    fn killed(&self) -> Option<&Seen> {
        self.seen.iter().find(|seen| !seen.is_unsound && !seen.checkers.is_empty())
    }
}

/// What became of all.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) verdicts: Vec<Verdict>,
    /// The checkers that must speak; none if only one mutant was asked for.
    pub(crate) checkers: Vec<&'static str>,
    pub(crate) took: Duration,
    pub(crate) method: String,
}

impl Report {
    /// The mutants for which each checker spoke.
    fn spoke(&self) -> BTreeMap<&'static str, Vec<&str>> {
        let mut spoke: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        for verdict in &self.verdicts {
            for seen in verdict.seen.iter().filter(|seen| !seen.is_unsound) {
                for checker in &seen.checkers {
                    let mutants = spoke.entry(checker).or_default();
                    if mutants.last() != Some(&verdict.mutant.as_str()) {
                        mutants.push(&verdict.mutant);
                    }
                }
            }
        }
        spoke
    }

    fn silent(&self) -> Vec<&'static str> {
        let spoke = self.spoke();
        self.checkers.iter().copied().filter(|checker| !spoke.contains_key(checker)).collect()
    }

    fn survivors(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.killed().is_none())
    }

    fn unsound(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.verdicts.iter().flat_map(|verdict| {
            let unsound = verdict.seen.iter().filter(|seen| seen.is_unsound);
            unsound.map(|seen| (verdict.mutant.as_str(), seen))
        })
    }

    /// A line for each mutant that survived, each killer that shows nothing, each silent checker.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let at = |what: String| Finding::new("crates/onehop-wire/src/mutant.rs", 0, what);
        let survived = self.survivors().map(|verdict| {
            let stopped = verdict.seen.iter().find_map(|seen| seen.stopped.as_deref());
            let stopped = stopped.map(|stopped| format!("; {stopped}")).unwrap_or_default();
            format!("{} survived{stopped}", verdict.mutant)
        });
        let unsound = self.unsound().map(|(mutant, seen)| {
            format!("{} speaks without {mutant}: {}", seen.by, seen.checkers.join(", "))
        });
        let silent =
            self.silent().into_iter().map(|checker| format!("no mutant made {checker:?} speak"));
        survived.chain(unsound).chain(silent).map(at).collect()
    }

    fn figures(&self) -> Vec<Figure> {
        let n = self.verdicts.len() as u64;
        let figure = |name: &str, value: f64, unit, limit, n| {
            let (name, method) = (format!("mutants.{name}"), self.method.clone());
            Figure { name, value, unit, limit, n, method }
        };
        let none = Some(Limit::AtMost(0.0));
        let mut figures = vec![
            figure("mutants", count(n), "1", None, n),
            figure("survivors", count(self.survivors().count() as u64), "1", none, n),
            figure("unsound_killers", count(self.unsound().count() as u64), "1", none, n),
        ];
        if !self.checkers.is_empty() {
            let (silent, all) = (self.silent().len() as u64, self.checkers.len() as u64);
            figures.push(figure("checkers", count(all), "1", None, all));
            figures.push(figure("silent_checkers", count(silent), "1", none, all));
        }
        figures.push(figure("seconds", self.took.as_secs_f64(), "s", None, n));
        figures
    }

    /// Prints figures, or for people who noticed what before them.
    pub(crate) fn print(&self, json: bool) {
        if !json {
            for verdict in &self.verdicts {
                let Some(seen) = verdict.killed() else {
                    println!("{:<32} SURVIVED", verdict.mutant);
                    continue;
                };
                let first = seen.checkers.first().copied().unwrap_or_default();
                let ms = seen.took.as_millis();
                println!("{:<32} {first:<40} {ms:>6} ms  {}", verdict.mutant, seen.by);
            }
            println!();
            for (checker, mutants) in self.spoke() {
                let more = mutants.len().saturating_sub(1);
                let first = mutants.first().copied().unwrap_or_default();
                println!("{checker:<40} speaks for {first} and {more} more");
            }
            println!();
        }
        for figure in self.figures() {
            figure.print(json);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(checkers: &[&'static str], is_unsound: bool) -> Seen {
        let (by, took) = ("a scene".to_owned(), Duration::from_millis(3));
        Seen { by, checkers: checkers.to_vec(), stopped: None, took, is_unsound }
    }

    fn report(seen_of: &[(&str, Seen)], checkers: &[&'static str]) -> Vec<String> {
        let verdicts = seen_of
            .iter()
            .map(|(mutant, seen)| Verdict {
                mutant: (*mutant).to_owned(),
                seen: vec![seen.clone()],
            })
            .collect();
        let (took, method) = (Duration::ZERO, String::new());
        let report = Report { verdicts, checkers: checkers.to_vec(), took, method };
        let findings = report.findings();
        let is_fine = report.figures().iter().all(Figure::holds);
        assert_eq!(is_fine, findings.is_empty());
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_mutant_that_is_noticed_is_no_finding() {
        assert_eq!(report(&[("gap", seen(&["I5"], false))], &["I5"]), [""; 0]);
    }

    #[test]
    fn a_survivor_is_named_in_one_line() {
        let dummy = ("dummy", seen(&[], false));
        assert_eq!(report(&[("gap", seen(&["I5"], false)), dummy], &[]), ["dummy survived"]);
    }

    #[test]
    fn a_mutant_that_nobody_looked_at_survived() {
        let verdicts = vec![Verdict { mutant: "dummy".to_owned(), seen: Vec::new() }];
        let (took, method) = (Duration::ZERO, String::new());
        let report = Report { verdicts, checkers: Vec::new(), took, method };
        assert_eq!(report.findings().len(), 1);
    }

    #[test]
    fn a_killer_that_also_speaks_without_the_mutant_shows_nothing() {
        let found = report(&[("gap", seen(&["I5"], true))], &[]);
        assert_eq!(found, ["gap survived", "a scene speaks without gap: I5"]);
    }

    #[test]
    fn a_checker_that_no_mutant_made_speak_is_named() {
        let found = report(&[("gap", seen(&["I5"], false))], &["I5", "I6"]);
        assert_eq!(found, ["no mutant made \"I6\" speak"]);
    }
}
