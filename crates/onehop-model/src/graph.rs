//! The graph of a scene as far as it was explored, and what can be read off it: shortest paths, and
//! whether every state can reach one in which all is settled without anything going wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Parts of the log, so that threads seldom wait for each other.
const PARTS: usize = 64;

/// States and steps in the order in which they were met.
#[derive(Debug)]
pub(crate) struct Log {
    parts: Vec<Mutex<Part>>,
}

#[derive(Debug, Default)]
struct Part {
    /// A state, and whether all is settled in it.
    states: Vec<(u64, bool)>,
    /// From, to, and whether nothing went wrong.
    steps: Vec<(u64, u64, bool)>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::new(Part::default())).collect() }
    }

    fn with(&self, name: u64, write: impl FnOnce(&mut Part)) {
        if let Some(part) = self.parts.get(usize::try_from(name % PARTS as u64).unwrap_or(0)) {
            write(&mut part.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(crate) fn state(&self, name: u64, is_settled: bool) {
        self.with(name, |part| part.states.push((name, is_settled)));
    }

    pub(crate) fn step(&self, from: u64, to: u64, is_calm: bool) {
        self.with(from, |part| part.steps.push((from, to, is_calm)));
    }

    /// Puts everything together. The log is empty afterwards.
    pub(crate) fn graph(&self) -> Graph {
        let (mut states, mut steps) = (Vec::new(), Vec::new());
        for part in &self.parts {
            let part = std::mem::take(&mut *part.lock().unwrap_or_else(PoisonError::into_inner));
            states.extend(part.states);
            steps.extend(part.steps);
        }
        states.sort_unstable();
        states.dedup_by_key(|(name, _)| *name);
        steps.sort_unstable();
        steps.dedup();
        Graph { states, steps }
    }
}

/// An explored graph.
#[derive(Debug)]
pub(crate) struct Graph {
    states: Vec<(u64, bool)>,
    steps: Vec<(u64, u64, bool)>,
}

impl Graph {
    pub(crate) fn settled(&self) -> usize {
        self.states.iter().filter(|(_, is_settled)| *is_settled).count()
    }

    /// States whose next ones were looked at.
    pub(crate) fn expanded(&self) -> usize {
        self.states.len()
    }

    fn number(&self, name: u64) -> Option<usize> {
        self.states.binary_search_by_key(&name, |(name, _)| *name).ok()
    }

    /// States from which no path without faults leads to a settled one, by name.
    pub(crate) fn stuck(&self) -> Vec<u64> {
        let calm: Vec<(usize, usize)> = self
            .steps
            .iter()
            .filter(|(_, _, is_calm)| *is_calm)
            .filter_map(|(from, to, _)| Some((self.number(*to)?, self.number(*from)?)))
            .collect();
        // Where the steps into each state begin.
        let mut starts = vec![0usize; self.states.len() + 1];
        for (to, _) in &calm {
            starts[to + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (mut into, mut next) = (vec![0usize; calm.len()], starts.clone());
        for (to, from) in &calm {
            into[next[*to]] = *from;
            next[*to] += 1;
        }
        let mut can: Vec<bool> = self.states.iter().map(|(_, is_settled)| *is_settled).collect();
        let mut queue: VecDeque<usize> = (0..can.len()).filter(|at| can[*at]).collect();
        while let Some(to) = queue.pop_front() {
            for from in &into[starts[to]..starts[to + 1]] {
                if !std::mem::replace(&mut can[*from], true) {
                    queue.push_back(*from);
                }
            }
        }
        let stuck = self.states.iter().zip(&can).filter(|(_, can)| !**can);
        stuck.map(|((name, _), _)| *name).collect()
    }

    /// The names of the states on a shortest path.
    pub(crate) fn path(&self, from: u64, to: u64) -> Vec<u64> {
        self.path_to(from, |name| name == to)
    }

    /// The names on a shortest path to any state that `is_end` names; empty if there is none.
    pub(crate) fn path_to(&self, from: u64, is_end: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut before: BTreeMap<u64, u64> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        before.insert(from, from);
        while let Some(at) = queue.pop_front() {
            if is_end(at) {
                return unwind(&before, from, at);
            }
            let first = self.steps.partition_point(|(source, ..)| *source < at);
            for (_, next, _) in self.steps[first..].iter().take_while(|(source, ..)| *source == at)
            {
                if !before.contains_key(next) {
                    before.insert(*next, at);
                    queue.push_back(*next);
                }
            }
        }
        Vec::new()
    }
}

fn unwind(before: &BTreeMap<u64, u64>, from: u64, to: u64) -> Vec<u64> {
    let (mut path, mut at) = (vec![to], to);
    while at != from {
        let Some(source) = before.get(&at) else { break };
        at = *source;
        path.push(at);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(states: &[(u64, bool)], steps: &[(u64, u64, bool)]) -> Graph {
        let log = Log::new();
        for (name, is_settled) in states {
            log.state(*name, *is_settled);
        }
        for (from, to, is_calm) in steps {
            log.step(*from, *to, *is_calm);
        }
        log.graph()
    }

    #[test]
    fn a_state_that_settles_only_by_a_fault_is_stuck() {
        let states = [(1, false), (2, false), (3, true)];
        let calm = graph(&states, &[(1, 2, true), (2, 3, true)]);
        assert!(calm.stuck().is_empty());
        let faulty = graph(&states, &[(1, 2, true), (2, 3, false)]);
        assert_eq!(faulty.stuck(), vec![1, 2]);
    }

    #[test]
    fn a_shortest_path_is_found_over_faults_too() {
        let states = [(1, false), (2, false), (3, false), (4, true)];
        let graph = graph(&states, &[(1, 2, true), (2, 3, true), (3, 4, true), (1, 4, false)]);
        assert_eq!(graph.path(1, 4), [1, 4]);
        assert!(graph.path(4, 1).is_empty());
    }
}
