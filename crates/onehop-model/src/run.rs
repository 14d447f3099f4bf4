//! Runs a scene: explores all of it, and reads the findings off the graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use stateright::{Checker as _, Expectation, HasDiscoveries, Model as _};

use crate::machine::Machine;
use crate::report::{Finding, SceneReport};
use crate::scene::{Expect, Size};
use crate::scenes::scene;
use crate::setup::SetupError;
use crate::world::World;

/// How a scene is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How large it is.
    pub size: Size,
    /// Threads of the checker of `stateright`; 0: the calling thread alone explores, so that what
    /// is set for a thread counts.
    pub threads: usize,
    /// States generated after which the checker gives up; none: never.
    pub states_max: Option<usize>,
}

/// What liveness is called among the findings.
pub const LIVENESS: &str = "I12 everything can settle without faults";

/// Runs a scene in the calling thread.
///
/// # Errors
/// [`SetupError`]: there is no such scene, or it cannot begin.
pub fn run_scene(name: &str, size: Size) -> Result<SceneReport, SetupError> {
    run_scene_with(name, &Options { size, threads: 0, states_max: None })
}

/// Runs a scene.
///
/// # Errors
/// [`SetupError`]: there is no such scene, or it cannot begin.
pub fn run_scene_with(name: &str, options: &Options) -> Result<SceneReport, SetupError> {
    let scene = scene(name, options.size).ok_or_else(|| SetupError::new(name))?;
    #[expect(clippy::disallowed_methods, reason = "how long it took is reported, nothing else")]
    let begun = Instant::now();
    let machine = Machine::new(scene)?;
    let mut report = if options.threads == 0 {
        let explored = explore(&machine, options.states_max);
        report(&machine, &explored)
    } else {
        check(machine, options)
    };
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// What an exploration came to.
struct Explored {
    unique: usize,
    generated: usize,
    depth: usize,
    is_exhausted: bool,
    /// For a property, the first state that was found for it.
    found: BTreeMap<&'static str, u64>,
}

/// Explores in the calling thread, breadth first; stops when a property is violated.
fn explore(machine: &Machine, states_max: Option<usize>) -> Explored {
    let properties = machine.properties();
    let broken: BTreeSet<&str> = machine
        .scene
        .promises
        .iter()
        .filter(|(_, expect)| *expect == Expect::Broken)
        .map(|(promise, _)| promise.name)
        .collect();
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut queue: VecDeque<(World, usize)> = VecDeque::new();
    let mut explored =
        Explored { unique: 0, generated: 1, depth: 0, is_exhausted: true, found: BTreeMap::new() };
    for start in machine.init_states() {
        seen.insert(start.name);
        queue.push_back((start, 1));
    }
    let mut actions = Vec::new();
    while let Some((world, depth)) = queue.pop_front() {
        explored.depth = explored.depth.max(depth);
        let mut is_violated = false;
        for property in &properties {
            let holds = (property.condition)(machine, &world);
            let is_found = match property.expectation {
                Expectation::Always | Expectation::Eventually => !holds,
                Expectation::Sometimes => holds,
            };
            if is_found && !explored.found.contains_key(property.name) {
                explored.found.insert(property.name, world.name);
                let is_always = property.expectation == Expectation::Always;
                is_violated |= is_always && !broken.contains(property.name);
            }
        }
        if is_violated || states_max.is_some_and(|max| explored.generated >= max) {
            explored.is_exhausted = false;
            break;
        }
        machine.actions(&world, &mut actions);
        for action in actions.drain(..) {
            let Some(next) = machine.next_state(&world, action) else { continue };
            explored.generated += 1;
            if seen.insert(next.name) {
                queue.push_back((next, depth + 1));
            }
        }
    }
    explored.unique = seen.len();
    explored
}

/// Lets the checker of `stateright` explore.
fn check(machine: Machine, options: &Options) -> SceneReport {
    let must_hold = machine.scene.promises.iter().filter(|(_, it)| *it == Expect::Always);
    let must_hold: BTreeSet<&'static str> = must_hold.map(|(promise, _)| promise.name).collect();
    let finish = HasDiscoveries::AnyOf(must_hold.clone());
    let mut builder = machine.checker().threads(options.threads).finish_when(finish);
    if let Some(max) = options.states_max {
        builder = builder.target_state_count(max);
    }
    let checker = builder.spawn_bfs().join();
    let found = checker.discoveries().into_iter();
    let found: BTreeMap<&'static str, u64> =
        found.map(|(name, path)| (name, path.last_state().name)).collect();
    let is_violated = found.keys().any(|name| must_hold.contains(name));
    let gave_up = options.states_max.is_some_and(|max| checker.state_count() >= max);
    let explored = Explored {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        is_exhausted: !is_violated && !gave_up,
        found,
    };
    report(checker.model(), &explored)
}

fn report(machine: &Machine, explored: &Explored) -> SceneReport {
    let graph = machine.log.graph();
    let start = machine.start.name;
    // A checker that was done before it had looked at what follows each state has missed some.
    let is_exhausted = explored.is_exhausted && graph.expanded() == explored.unique;
    let mut findings = Vec::new();
    for (promise, expect) in &machine.scene.promises {
        let found = explored.found.get(promise.name);
        let holds = match expect {
            Expect::Always => found.is_none(),
            Expect::Sometimes | Expect::Broken => found.is_some(),
        };
        let path = match (expect, found) {
            (Expect::Always, Some(at)) => words(machine, &graph.path(start, *at)),
            _ => Vec::new(),
        };
        findings.push(Finding { property: promise.name, expect: *expect, holds, path });
    }
    let is_violated = findings.iter().any(|it| it.expect == Expect::Always && !it.holds);
    let mut stuck_states = None;
    if is_exhausted && machine.scene.dishonest.is_none() && !is_violated {
        let stuck = graph.stuck();
        stuck_states = Some(stuck.len() as u64);
        let path = graph.path_to(start, |name| stuck.binary_search(&name).is_ok());
        let (holds, path) = (stuck.is_empty(), words(machine, &path));
        findings.push(Finding { property: LIVENESS, expect: Expect::Always, holds, path });
    }
    SceneReport {
        scene: machine.scene.name,
        about: machine.scene.about,
        bounds: machine.scene.bounds_in_words(),
        unique_states: explored.unique as u64,
        generated_states: explored.generated as u64,
        max_depth: explored.depth as u64,
        device_steps: (machine.steps.len() + machine.served.len()) as u64,
        settled_states: graph.settled() as u64,
        stuck_states,
        seconds: 0.0,
        is_exhausted,
        findings,
    }
}

/// The actions along a path of states.
fn words(machine: &Machine, path: &[u64]) -> Vec<String> {
    let mut world = machine.start.clone();
    let mut words = Vec::new();
    for next in path.iter().skip(1) {
        let mut actions = Vec::new();
        machine.possible(&world, &mut actions);
        let step = actions.into_iter().find_map(|action| {
            let after = machine.after(&world, &action)?;
            (after.name == *next).then_some((action, after))
        });
        let Some((action, after)) = step else { break };
        words.push(action.words(&machine.names));
        world = after;
    }
    words
}
