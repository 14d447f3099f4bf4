//! Where the PIN comes from, and what is done while a wallet is unlocked.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use onehop_vault::{Cost, DataKey, Pin, Status, Vault, VaultError};
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::exit::Failure;
use crate::folder;
use crate::keyring;
use crate::render::Screen;
use crate::stdin;

/// The variable with the wallet's PIN.
const PIN: &str = "ONEHOP_PIN";
/// The variable with the next one.
const NEW_PIN: &str = "ONEHOP_NEW_PIN";

/// Who says a PIN.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The first line of a file, or of stdin for `-`.
    File(PathBuf),
    /// A variable of the environment.
    Variable(&'static str),
    /// The person at the terminal.
    Terminal,
}

impl Source {
    /// Who says the wallet's PIN; nobody if there is neither file nor variable nor terminal.
    pub(crate) fn of(global: &Global) -> Option<Self> {
        Self::among(global.pin_file.as_deref(), PIN)
    }

    /// Who says the next one.
    fn of_next(file: Option<&Path>) -> Option<Self> {
        Self::among(file, NEW_PIN)
    }

    /// Who says a secret that this file or variable may hold.
    pub(crate) fn among(file: Option<&Path>, variable: &'static str) -> Option<Self> {
        if let Some(file) = file {
            return Some(Self::File(file.to_owned()));
        }
        if std::env::var_os(variable).is_some() {
            return Some(Self::Variable(variable));
        }
        std::io::stdin().is_terminal().then_some(Self::Terminal)
    }

    /// True if a person types it, here or in answer to a question.
    pub(crate) fn is_typed(&self) -> bool {
        match self {
            Self::File(path) => path == Path::new("-"),
            Self::Variable(_) => false,
            Self::Terminal => true,
        }
    }

    /// The PIN; `prompt` is said on a terminal.
    pub(crate) fn read(&self, prompt: &str) -> Result<Pin> {
        pin_of(&self.text(prompt)?)
    }

    /// The same as text.
    pub(crate) fn text(&self, prompt: &str) -> Result<Zeroizing<String>> {
        Ok(match self {
            Self::File(path) if path == Path::new("-") => line()?,
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = text.with_context(|| format!("failed to read {}", path.display()))?;
                Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
            }
            Self::Variable(name) => {
                let text = std::env::var(name).map(Zeroizing::new);
                text.map_err(|_| Failure::usage(format!("{name} is not readable")))?
            }
            Self::Terminal => {
                let quiet = Quiet::begin();
                say(prompt);
                let text = line()?;
                if quiet.is_some() {
                    say("\n");
                }
                text
            }
        })
    }
}

/// A PIN as somebody gave it.
pub(crate) fn pin_of(text: &str) -> Result<Pin> {
    Ok(Pin::new(text).map_err(|error| Failure::usage(error.to_string()))?)
}

/// The wallet's key in the folder `dir`.
pub(crate) fn vault(global: &Global, dir: &Path) -> Vault {
    Vault::at(dir).with_cost(cost(global))
}

/// What one guess is to cost.
pub(crate) fn cost(global: &Global) -> Cost {
    global.pin_cost.map_or_else(Cost::default, |memory_kib| {
        let memory_kib = memory_kib.max(Cost::CHEAPEST.memory_kib);
        Cost { memory_kib, ..Cost::CHEAPEST }
    })
}

/// Unlocks the wallet, asking for its PIN if it has one.
pub(crate) fn unlock(global: &Global, vault: &Vault, status: Status) -> Result<DataKey> {
    shield();
    if !status.has_pin {
        return Ok(vault.unlock(None)?);
    }
    if let Some(key) = recalled(global, vault)? {
        return Ok(key);
    }
    asked(global, |pin| vault.unlock(Some(pin)))
}

/// Unlocks the wallet with what the system's keyring remembers, unless a file or a variable says the
/// PIN. One that is no longer right is forgotten, so that it costs one try and no more.
fn recalled(global: &Global, vault: &Vault) -> Result<Option<DataKey>> {
    if Source::of(global).is_some_and(|source| !source.is_typed()) {
        return Ok(None);
    }
    let (screen, dir) = (Screen::of(global), folder::dir(global)?);
    let Some(pin) = keyring::recall(screen, &dir) else { return Ok(None) };
    match vault.unlock(Some(&pin)) {
        Ok(key) => Ok(Some(key)),
        Err(VaultError::WrongPin { left }) => {
            keyring::forget(&dir)?;
            let text = format!(
                "the system's keyring remembered a wrong PIN, which it has forgotten; {left} more \
                 before the wallet is locked"
            );
            screen.progress("keyring", text, &json!({ "wrong": true, "left": left }));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Tries PINs until one is right; only a person at a terminal is asked more than once.
fn asked<T>(global: &Global, attempt: impl Fn(&Pin) -> Result<T, VaultError>) -> Result<T> {
    let source = Source::of(global).ok_or_else(|| {
        Failure::usage(format!("this wallet has a PIN; give --pin-file FILE or {PIN}"))
    })?;
    loop {
        let pin = source.read("PIN or passphrase: ")?;
        match attempt(&pin) {
            Err(error @ VaultError::WrongPin { .. }) if matches!(source, Source::Terminal) => {
                say(&format!("{error}\n"));
            }
            tried => return Ok(tried?),
        }
    }
}

/// The wallet's PIN, found right.
pub(crate) fn present(global: &Global, vault: &Vault) -> Result<Pin> {
    asked(global, |pin| vault.check(pin).map(|()| pin.clone()))
}

/// The PIN for a wallet that is to be made; none only if the person wants none, or there is neither
/// person nor file nor variable to give one.
pub(crate) fn for_new_wallet(screen: Screen, global: &Global, no_pin: bool) -> Result<Option<Pin>> {
    // A script that says nothing of a PIN goes on as it always did; the warning is its to read.
    let Some(source) = Source::of(global).filter(|_| !no_pin) else {
        let text = "warning: this wallet has no PIN: its key lies beside it, and who can read the \
                    folder has its money; onehop pin set gives it one";
        screen.question("warning", text, &json!({ "warning": "no-pin" }));
        return Ok(None);
    };
    chosen(screen, &source, "new PIN or passphrase: ").map(Some)
}

/// The PIN that takes the place of another.
pub(crate) fn next(screen: Screen, file: Option<&Path>) -> Result<Pin> {
    let source = Source::of_next(file).ok_or_else(|| {
        Failure::usage(format!("give the new PIN: --new-pin-file FILE or {NEW_PIN}"))
    })?;
    chosen(screen, &source, "new PIN or passphrase: ")
}

/// A new PIN, typed twice where it is typed at all.
pub(crate) fn chosen(screen: Screen, source: &Source, prompt: &str) -> Result<Pin> {
    let pin = source.read(prompt)?;
    if matches!(source, Source::Terminal) && source.read("the same again: ")? != pin {
        return Err(Failure::usage("the two are not the same").into());
    }
    if pin.is_weak() {
        let text = "this is quickly guessed by who copies the folder; a passphrase of several \
                    words is not";
        screen.progress("weak_pin", text, &json!({}));
    }
    Ok(pin)
}

/// The PIN again, at a payment.
#[derive(Clone, Debug)]
pub(crate) struct Recheck {
    vault: Vault,
    source: Option<Source>,
    /// From more than so many minor units on.
    above: u64,
}

impl Recheck {
    /// Nothing to check if the wallet has no PIN, or its person wants none at payments.
    pub(crate) fn of(global: &Global, dir: &Path, above: Option<u64>) -> Result<Option<Self>> {
        let vault = vault(global, dir);
        let has_pin = vault.status()?.is_some_and(|status| status.has_pin);
        let source = Source::of(global);
        Ok(above.filter(|_| has_pin).map(|above| Self { vault, source, above }))
    }

    /// True if a payment of so much needs it.
    pub(crate) const fn concerns(&self, minor: u64) -> bool {
        minor > self.above
    }

    /// The PIN, where nobody has to be asked for it.
    pub(crate) fn untyped(&self) -> Option<Result<Pin>> {
        self.source.as_ref().filter(|source| !source.is_typed()).map(|source| source.read(""))
    }

    /// Tries a PIN. It takes a while: call it where waiting is no harm.
    pub(crate) fn check(&self, pin: &Pin) -> Result<(), VaultError> {
        self.vault.check(pin)
    }
}

/// Nothing of an unlocked wallet's memory is to reach a disk or another program: no core dump, and
/// no debugger. What the system does not know is left as it is.
pub(crate) fn shield() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).ok();
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    }
}

/// A line of stdin.
fn line() -> Result<Zeroizing<String>> {
    let line = stdin::line_now().map(Zeroizing::new);
    Ok(line.ok_or_else(|| Failure::usage("stdin has ended where a PIN should be"))?)
}

fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "{text}").and_then(|()| stderr.flush()).ok();
}

/// A terminal that does not show what is typed, until this is dropped.
#[derive(Debug)]
pub(crate) struct Quiet {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Quiet {
    /// None if stdin is no terminal, or cannot be told.
    #[cfg(unix)]
    pub(crate) fn begin() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet).ok()?;
        Some(Self { before })
    }

    #[cfg(not(unix))]
    pub(crate) fn begin() -> Option<Self> {
        None
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before).ok();
    }
}
