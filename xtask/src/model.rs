//! `xtask model`: explores every state of each scene of the model checker and prints what held.

use clap::{Args, ValueEnum};
use onehop_model::{Options, SCENES, SceneReport, Size, run_scene_with};

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// Fewest different states over all scenes, in the short size and above.
const STATES_MIN: f64 = 400_000.0;

/// What `xtask model` is told.
#[derive(Args, Debug)]
pub(crate) struct ModelArgs {
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Run one scene
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(SCENES))]
    scene: Option<String>,
    /// How large the scenes are
    #[arg(long, value_enum, default_value_t = SizeArg::Short)]
    size: SizeArg,
    /// Give a scene up after so many generated states; it then does not count as exhausted
    #[arg(long, value_name = "N")]
    states_max: Option<usize>,
    /// Threads of stateright's checker; 0: an explorer in this thread, which finds shortest paths
    #[arg(long, default_value_t = 2, value_name = "N")]
    threads: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum SizeArg {
    Tiny,
    Short,
    Night,
}

impl SizeArg {
    const fn size(self) -> Size {
        match self {
            Self::Tiny => Size::Tiny,
            Self::Short => Size::Short,
            Self::Night => Size::Night,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Short => "short",
            Self::Night => "night",
        }
    }
}

/// Runs the scenes; a finding for each that does not hold, and for too few states.
pub(crate) fn run(args: &ModelArgs) -> anyhow::Result<Vec<Finding>> {
    let options =
        Options { size: args.size.size(), threads: args.threads, states_max: args.states_max };
    let scenes: Vec<&str> = match &args.scene {
        Some(scene) => vec![scene.as_str()],
        None => SCENES.to_vec(),
    };
    let mut findings = Vec::new();
    let (mut states, mut figures) = (0, Vec::new());
    for name in scenes {
        let report = run_scene_with(name, &options)?;
        if !args.json {
            print_scene(&report);
        }
        states += report.unique_states;
        findings.extend(report.findings.iter().filter(|it| !it.holds).map(|property| {
            finding(format!("{name}: {property}\n    replay: {}", replay(args, name)))
        }));
        if !report.is_exhausted && report.violated().is_none() {
            findings.push(finding(format!("{name}: not exhausted within the bound of states")));
        }
        figures.extend(figures_of(&report, &method(args, &report)));
    }
    let gates = args.scene.is_none() && args.size != SizeArg::Tiny;
    let limit = gates.then_some(Limit::AtLeast(STATES_MIN));
    let method = format!("stateright, size {}, all scenes", args.size.name());
    let total = figure("model.unique_states", count(states), "1", limit, states, &method);
    if !total.holds() {
        findings.push(finding(format!("{states} states are fewer than {STATES_MIN}")));
    }
    for figure in figures.iter().chain([&total]) {
        figure.print(args.json);
    }
    Ok(findings)
}

fn finding(what: String) -> Finding {
    Finding::new("crates/onehop-model", 0, what)
}

/// The command that finds the path again. One thread, so that it is the shortest.
fn replay(args: &ModelArgs, scene: &str) -> String {
    format!("cargo xtask model --scene {scene} --size {} --threads 0", args.size.name())
}

fn method(args: &ModelArgs, report: &SceneReport) -> String {
    let spent = if report.is_exhausted { "exhausted" } else { "NOT exhausted" };
    format!("size {}, {spent}: {}", args.size.name(), report.bounds)
}

fn figure(
    name: &str,
    value: f64,
    unit: &'static str,
    limit: Option<Limit>,
    n: u64,
    method: &str,
) -> Figure {
    Figure { name: name.to_owned(), value, unit, limit, n, method: method.to_owned() }
}

fn figures_of(report: &SceneReport, method: &str) -> Vec<Figure> {
    let scene = report.scene;
    let n = report.unique_states;
    let violated = report.findings.iter().filter(|property| !property.holds).count() as u64;
    let exactly = |value| Some(Limit::Exactly(value));
    let of = |what: &str, value, unit, limit| {
        figure(&format!("model.{scene}.{what}"), value, unit, limit, n, method)
    };
    let mut figures = vec![
        of("unique_states", count(report.unique_states), "1", None),
        of("generated_states", count(report.generated_states), "1", None),
        of("max_depth", count(report.max_depth), "1", None),
        of("properties", count(report.findings.len() as u64), "1", None),
        of("violated", count(violated), "1", exactly(0.0)),
        of("exhausted", count(u64::from(report.is_exhausted)), "1", exactly(1.0)),
        of("seconds", report.seconds, "s", None),
    ];
    if let Some(stuck) = report.stuck_states {
        figures.push(of("stuck_states", count(stuck), "1", exactly(0.0)));
    }
    figures
}

fn print_scene(report: &SceneReport) {
    println!("{}: {}", report.scene, report.about);
    println!("  bounds: {}", report.bounds);
    println!(
        "  {} states, {} generated, depth {}, {:.1} s, {} steps of the shipped functions, {} states \
         settled{}",
        report.unique_states,
        report.generated_states,
        report.max_depth,
        report.seconds,
        report.device_steps,
        report.settled_states,
        if report.is_exhausted { "" } else { ", NOT exhausted" },
    );
    for property in report.findings.iter().filter(|property| property.holds) {
        println!("  {property}");
    }
}
