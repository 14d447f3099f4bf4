//! Files from which a run is lived through again: a version, a seed and every option.

use std::fmt;

use crate::env::Options;
use crate::faults::{FaultKind, Variant};

/// The first line of a replay file of this version.
const HEAD: &str = "onehop-sim replay 1";
/// How the first line of any version begins.
const MARK: &str = "onehop-sim replay ";

/// A seed and the options that it was lived through with.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The seed.
    pub seed: u64,
    /// The options. The diagram is not one of them: a replay always prints it.
    pub options: Options,
}

/// Why a replay file, or a fault on the command line, is not usable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReplayError {
    /// Not a replay file.
    Foreign,
    /// Of another version of this format.
    Version(String),
    /// No fault has this name.
    UnknownFault(String),
    /// No variant has this name.
    UnknownVariant(String),
    /// No option has this name.
    UnknownOption(String),
    /// The value of an option is not one.
    Value(String),
    /// An option is missing.
    Missing(&'static str),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a replay file"),
            Self::Version(found) => {
                write!(f, "replay file is of version {found}, this program reads version 1")
            }
            Self::UnknownFault(name) => write!(f, "no fault is called {name:?}"),
            Self::UnknownVariant(name) => write!(f, "no variant is called {name:?}"),
            Self::UnknownOption(name) => write!(f, "no option is called {name:?}"),
            Self::Value(line) => write!(f, "value of {line:?} is not usable"),
            Self::Missing(name) => write!(f, "option {name:?} is missing"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl Replay {
    /// Reads a replay file.
    ///
    /// # Errors
    /// [`ReplayError`]: nothing that is not understood is passed over.
    pub fn parse(text: &str) -> Result<Self, ReplayError> {
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        if head != HEAD {
            let other = head.strip_prefix(MARK).map(str::to_owned);
            return Err(other.map_or(ReplayError::Foreign, ReplayError::Version));
        }
        let mut replay = Self { seed: 0, options: Options::default() };
        let mut seen = Vec::new();
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let value = || ReplayError::Value(line.to_owned());
            let (name, rest) = line.split_once(' ').ok_or_else(value)?;
            let options = &mut replay.options;
            match name {
                "seed" => replay.seed = rest.parse().map_err(|_| value())?,
                "wallets" => options.wallets = rest.parse().map_err(|_| value())?,
                "acts" => options.acts = rest.parse().map_err(|_| value())?,
                "audit-every" => options.audit_every = rest.parse().map_err(|_| value())?,
                "variant" => {
                    options.variant = Variant::by_name(rest)
                        .ok_or_else(|| ReplayError::UnknownVariant(rest.to_owned()))?;
                }
                "fault" => set_fault(options, &rest.replacen(' ', "=", 1))?,
                _ => return Err(ReplayError::UnknownOption(name.to_owned())),
            }
            seen.push(name.to_owned());
        }
        for name in ["seed", "variant", "acts", "wallets", "audit-every"] {
            if !seen.iter().any(|seen| seen == name) {
                return Err(ReplayError::Missing(name));
            }
        }
        replay.options.trace = true;
        Ok(replay)
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        writeln!(f, "{HEAD}\nseed {}\nvariant {}", self.seed, options.variant.name())?;
        writeln!(f, "wallets {}\nacts {}", options.wallets, options.acts)?;
        writeln!(f, "audit-every {}", options.audit_every)?;
        for kind in FaultKind::ALL {
            writeln!(f, "fault {} {}", kind.name(), options.faults.probability(kind))?;
        }
        Ok(())
    }
}

/// Sets one fault from `name=probability`.
///
/// # Errors
/// [`ReplayError::UnknownFault`], or [`ReplayError::Value`] unless it is from 0 to 1.
pub fn set_fault(options: &mut Options, text: &str) -> Result<(), ReplayError> {
    let value = || ReplayError::Value(text.to_owned());
    let (name, rest) = text.split_once('=').ok_or_else(value)?;
    let kind =
        FaultKind::by_name(name).ok_or_else(|| ReplayError::UnknownFault(name.to_owned()))?;
    let probability: f64 = rest.parse().map_err(|_| value())?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(value());
    }
    options.faults.set(kind, probability);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_file_brings_back_seed_and_options() {
        let mut options = Options { variant: Variant::Cloned, acts: 7, ..Options::default() };
        set_fault(&mut options, "loss=0.25").unwrap();
        let text = Replay { seed: 4711, options }.to_string();
        let replay = Replay::parse(&text).unwrap();
        assert_eq!((replay.seed, replay.options.acts), (4711, 7));
        assert_eq!(replay.options.variant, Variant::Cloned);
        assert_eq!(replay.options.faults.loss.to_bits(), 0.25f64.to_bits());
        assert_eq!(replay.to_string(), text);
    }

    #[test]
    fn what_a_replay_file_does_not_say_or_nobody_knows_is_refused_in_one_line() {
        let good = Replay { seed: 1, options: Options::default() }.to_string();
        let cases = [
            (String::new(), "not a replay file"),
            (good.replace("replay 1", "replay 2"), "of version 2"),
            (good.replace("seed 1", "sead 1"), "\"sead\""),
            (good.replace("seed 1", "seed one"), "\"seed one\""),
            (good.replace("honest", "heroic"), "\"heroic\""),
            (good.replace("fault loss", "fault lots"), "\"lots\""),
            (good.replace("fault loss 0.03", "fault loss 1.5"), "loss=1.5"),
            (good.replace("acts 60\n", ""), "\"acts\" is missing"),
        ];
        for (text, expected) in cases {
            let error = Replay::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
        }
    }
}
