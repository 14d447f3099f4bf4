//! Which proofs there are, how many processors each takes, and how large they are.

use clap::Args;

/// One command that prints figures.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) name: &'static str,
    /// What `xtask` is told, without `--json`.
    pub(crate) args: Vec<String>,
    /// True if it needs the variants of the shipped logic that are broken on purpose.
    pub(crate) is_mutated: bool,
    /// Processors that it keeps busy.
    pub(crate) cores: usize,
}

/// Sizes of the long run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Sizes {
    /// Seeds of the simulator, for honest wallets
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    seeds: u64,
    /// Executions of each fuzz target
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    runs: u64,
    /// Power cuts of a virtual machine
    #[arg(long, default_value_t = 200, value_name = "N")]
    cuts: u64,
    /// Wallets that are killed
    #[arg(long, default_value_t = 3_000, value_name = "N")]
    wallets: u64,
    /// How often the office is killed
    #[arg(long, default_value_t = 200, value_name = "N")]
    offices: u64,
    /// Messages that both verifiers judge
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    messages: u64,
}

fn proof(name: &'static str, cores: usize, sizes: &[&str]) -> Proof {
    let args = [name].iter().chain(sizes).map(|arg| (*arg).to_owned()).collect();
    Proof { name, args, is_mutated: false, cores }
}

fn mutants() -> Proof {
    Proof { is_mutated: true, ..proof("mutants", 1, &[]) }
}

/// What every change must pass.
pub(crate) fn short() -> Vec<Proof> {
    let sim = ["--variant", "all", "--seeds", "400", "--jobs", "2", "--payments-min", "20000"];
    vec![
        proof("sim", 2, &sim),
        proof("model", 2, &[]),
        proof("kills", 2, &["--wallets", "48", "--office", "4"]),
        proof("load", 2, &["--kills", "6"]),
        proof("postgres", 2, &["--uploads", "20", "--kills", "12"]),
        proof("measure", 1, &[]),
        proof("power", 1, &["--cuts", "3", "--control-cuts", "2"]),
        mutants(),
        proof("miri", 1, &[]),
        proof("cuts", 1, &[]),
        proof("malformed", 1, &[]),
        proof("verify", 1, &[]),
    ]
}

/// The same, longer, and what takes too long for every change.
pub(crate) fn long(sizes: &Sizes) -> Vec<Proof> {
    let text = |size: u64| size.to_string();
    let [seeds, runs, messages] = [sizes.seeds, sizes.runs, sizes.messages].map(text);
    let [cuts, wallets, offices] = [sizes.cuts, sizes.wallets, sizes.offices].map(text);
    vec![
        proof("sim", 2, &["--variant", "all", "--seeds", &seeds, "--jobs", "2"]),
        // Its largest bounds are not known to be exhausted in a night.
        proof("model", 2, &[]),
        proof("kills", 2, &["--wallets", &wallets, "--office", &offices]),
        proof("load", 2, &["--uploads", "1000", "--kills", &offices]),
        proof("postgres", 2, &["--uploads", "400", "--kills", &offices]),
        proof("measure", 1, &[]),
        proof("power", 1, &["--cuts", &cuts]),
        mutants(),
        proof("miri", 1, &["--all"]),
        proof("cuts", 1, &[]),
        proof("malformed", 1, &[]),
        proof("verify", 1, &["--messages", &messages]),
        proof("fuzz", 2, &["--runs", &runs, "--jobs", "2"]),
        proof("coverage", 2, &["--jobs", "2"]),
    ]
}
