//! What a scene came to.

use core::fmt;

use crate::scene::Expect;

/// What became of one property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The property.
    pub property: &'static str,
    /// What it had to show.
    pub expect: Expect,
    /// True if it did.
    pub holds: bool,
    /// For one that is violated, the shortest way there found, in words.
    pub path: Vec<String>,
}

/// What a scene came to.
#[derive(Clone, Debug)]
pub struct SceneReport {
    /// The scene.
    pub scene: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What bounds it, in words.
    pub bounds: String,
    /// Different states.
    pub unique_states: u64,
    /// States generated, known ones included.
    pub generated_states: u64,
    /// Steps on the longest of the paths followed.
    pub max_depth: u64,
    /// Steps of single devices and the office that were computed by the functions that ship.
    pub device_steps: u64,
    /// States in which all is settled.
    pub settled_states: u64,
    /// States from which nothing without a fault leads to a settled one. None: not looked for,
    /// because somebody is dishonest or the space is not exhausted.
    pub stuck_states: Option<u64>,
    /// How long it took.
    pub seconds: f64,
    /// True if there is no state within the bounds that was not looked at.
    pub is_exhausted: bool,
    /// Each property.
    pub findings: Vec<Finding>,
}

impl SceneReport {
    /// True if every property showed what it had to, over the whole space.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.is_exhausted && self.violated().is_none()
    }

    /// The first property that did not show what it had to.
    #[must_use]
    pub fn violated(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| !finding.holds)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.expect, self.holds) {
            (Expect::Always, true) => "holds",
            (Expect::Always, false) => "is violated",
            (Expect::Sometimes, true) => "was reached",
            (Expect::Sometimes, false) => "was never reached",
            (Expect::Broken, true) => "breaks, as it must",
            (Expect::Broken, false) => "does not break, as it must",
        };
        write!(f, "{} {what}", self.property)?;
        for (number, step) in self.path.iter().enumerate() {
            write!(f, "\n    {:>3} {step}", number + 1)?;
        }
        Ok(())
    }
}
