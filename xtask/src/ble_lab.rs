//! `xtask ble-lab`: payments over real Bluetooth LE, between virtual machines.
//!
//! Kernel, BlueZ, D-Bus and our programs are real; controllers and the air between them are
//! simulated on the host. `tests/ble/README.md` draws it.

mod air;
mod app;
mod assets;
mod bank;
mod capture;
mod debian;
mod guest;
mod machine;
mod play;
mod scenes;
mod sniffer;
mod stage;

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;

use crate::source::Finding;
use crate::vm::tools;

use guest::Release;
use scenes::{Report, Scenario, Scene};
use stage::Workshop;

/// Programs, each with the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("mkfs.ext4", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("e2fsck", "e2fsprogs"),
    ("setpriv", "util-linux"),
    ("readelf", "binutils"),
    ("strip", "binutils"),
    ("ldd", "libc-bin"),
    ("python3", "python3-venv"),
    ("zstd", "zstd"),
    ("xz", "xz-utils"),
    ("dpkg-deb", "dpkg"),
    ("apt-get", "apt"),
];

/// What `xtask ble-lab` is told.
#[derive(Args, Debug)]
pub(crate) struct LabArgs {
    /// How much is done
    #[arg(long, value_enum, default_value = "short")]
    round: Round,
    /// Which system the machines run [default: what the round has]
    #[arg(long, value_enum)]
    guest: Option<Which>,
    /// Only this scenario; may be given several times
    #[arg(long, value_enum, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// What moments are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave disks, logs and captures where they are
    #[arg(long)]
    keep: bool,
    /// Only fetch and build what is kept outside of the tree
    #[arg(long)]
    fetch: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Round {
    /// For every change: minutes
    Short,
    /// For the night: everything
    Night,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Which {
    /// BlueZ 5.82
    Trixie,
    /// BlueZ 5.66, which changes the order of what it delivers
    Bookworm,
    Both,
}

/// What the short round plays on trixie, and both rounds on bookworm; the night plays all.
const SHORT: &[Scenario] = &[
    Scenario::Pay,
    Scenario::Many,
    Scenario::Several,
    Scenario::AirCuts,
    Scenario::PowerCuts,
    Scenario::Sizes,
    Scenario::Hostile,
];
const SHORT_BOOKWORM: &[Scenario] = &[Scenario::Pay];
const NIGHT_BOOKWORM: &[Scenario] = &[Scenario::Pay, Scenario::Many, Scenario::AirCuts];

/// Runs the lab.
///
/// # Errors
/// If a tool is missing, or the programs or the guests cannot be built.
pub(crate) fn run(root: &Path, args: &LabArgs) -> Result<Vec<Finding>> {
    tools::check(PROGRAMS)?;
    let began = Instant::now();
    let cache = assets::folder()?;
    let python = assets::python(&cache)?;
    if args.fetch {
        for (release, _) in plan(args) {
            guest::build(&cache, release)?;
        }
        return Ok(Vec::new());
    }
    let folder = tempfile::Builder::new().prefix("ble-lab-").tempdir()?;
    let app = app::build(root, folder.path())?;
    let workshop = Workshop { root, python, app, folder: folder.path() };
    let mut findings = Vec::new();
    for (release, scenarios) in plan(args) {
        let guest = guest::build(&cache, release)?;
        for scenario in scenarios {
            let mut random = ChaCha8Rng::seed_from_u64(args.seed);
            random.set_stream(scenario as u64);
            let round = args.round;
            let mut scene = Scene { workshop: &workshop, guest: &guest, scenario, round, random };
            let since = Instant::now();
            let report = scene.play();
            let name = format!("{} on {}", scenario.name(), release.name());
            eprintln!("ble-lab: {name}: {:.1} s", since.elapsed().as_secs_f64());
            findings.extend(judge(&name, report, args.json));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    eprintln!("ble-lab: {seconds:.0} s in all, seed {}", args.seed);
    if args.keep || !findings.is_empty() {
        eprintln!("ble-lab: disks, logs and captures are in {}", folder.keep().display());
    }
    Ok(findings)
}

/// Prints the figures of a scenario; what of it must not be.
fn judge(name: &str, report: Result<Report>, json: bool) -> Vec<Finding> {
    let finding = |what: String| Finding::new("tests/ble", 0, format!("{name}: {what}"));
    let report = match report {
        Ok(report) => report,
        Err(error) => return vec![finding(format!("{error:#}"))],
    };
    report.figures.iter().for_each(|figure| figure.print(json));
    let mut findings: Vec<Finding> = report.problems.into_iter().map(&finding).collect();
    for figure in report.figures.iter().filter(|figure| !figure.holds()) {
        findings.push(finding(format!("{} does not hold: {}", figure.name, figure.value)));
    }
    findings
}

fn plan(args: &LabArgs) -> Vec<(Release, Vec<Scenario>)> {
    let is_short = args.round == Round::Short;
    let all = Scenario::value_variants();
    let (trixie, bookworm) = if is_short { (SHORT, SHORT_BOOKWORM) } else { (all, NIGHT_BOOKWORM) };
    let which = args.guest.unwrap_or(Which::Both);
    let mut plan = Vec::new();
    for (release, other, usual) in
        [(Release::Trixie, Which::Bookworm, trixie), (Release::Bookworm, Which::Trixie, bookworm)]
    {
        // What is named is played wherever it is told, and without a word about that on trixie.
        let named = !args.scenario.is_empty();
        let only_trixie = named && args.guest.is_none() && release == Release::Bookworm;
        if which != other && !only_trixie {
            let scenarios = if named { args.scenario.clone() } else { usual.to_vec() };
            plan.push((release, scenarios));
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &[&str]) -> LabArgs {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: LabArgs,
        }
        let line = ["ble-lab"].iter().chain(line);
        <Line as clap::Parser>::try_parse_from(line).unwrap().args
    }

    #[test]
    fn the_night_plays_every_scenario_and_both_rounds_play_on_bookworm() {
        let night = plan(&args(&["--round", "night"]));
        assert_eq!(night[0].1, Scenario::value_variants());
        for plan in [plan(&args(&[])), night] {
            assert_eq!(plan[1].0, Release::Bookworm);
            assert!(plan[1].1.contains(&Scenario::Pay));
        }
    }

    #[test]
    fn a_scenario_that_is_named_is_the_only_one() {
        let named = plan(&args(&["--scenario", "air-cuts"]));
        assert_eq!(named, [(Release::Trixie, vec![Scenario::AirCuts])]);
        let both = plan(&args(&["--scenario", "pay", "--guest", "both"]));
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn a_figure_that_does_not_hold_is_a_finding_and_so_is_an_error() {
        let figure = crate::figure::Figure {
            name: "ble_lab.pay.paid".to_owned(),
            value: 1.0,
            unit: "1",
            limit: Some(crate::figure::Limit::AtLeast(2.0)),
            n: 2,
            method: String::new(),
        };
        let report = Report { figures: vec![figure], problems: vec!["no".to_owned()] };
        assert_eq!(judge("pay", Ok(report), true).len(), 2);
        assert_eq!(judge("pay", Err(anyhow::anyhow!("off")), true).len(), 1);
    }
}
