//! The system's keyring: GNOME's, with a bus of its own.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::Bench;

/// Longer than a keyring takes to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bus and an unlocked keyring on it, until this is dropped.
struct Session {
    bus: Child,
    ring: Child,
}

impl Session {
    /// None where they are not installed; `.ci/run` names that.
    fn start(bench: &Bench) -> Option<Self> {
        let home = bench.path("home");
        std::fs::create_dir_all(&home).unwrap();
        let address = bench.session_bus();
        let bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--address", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let asked = || ask(&address, "org.freedesktop.DBus.GetId", &[]);
        wait_until(|| asked().is_some());
        let mut ring = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .envs(["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"].map(|name| (name, &home)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        ring.stdin.take().unwrap().write_all(b"the password of the session").unwrap();
        let name = "string:org.freedesktop.secrets";
        wait_until(|| {
            let owned = ask(&address, "org.freedesktop.DBus.NameHasOwner", &[name]);
            owned.is_some_and(|said| said.contains("true"))
        });
        Some(Self { bus, ring })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in [&mut self.ring, &mut self.bus] {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// What the bus answers, if it does.
fn ask(address: &str, method: &str, args: &[&str]) -> Option<String> {
    let asked = Command::new("dbus-send")
        .args([&format!("--bus={address}"), "--print-reply", "--dest=org.freedesktop.DBus", "/"])
        .arg(method)
        .args(args)
        .output()
        .ok()?;
    asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).into_owned())
}

fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "the keyring does not come up");
        std::thread::yield_now();
    }
}

#[test]
fn a_keyring_that_remembers_the_pin_opens_the_wallet_until_it_forgets() {
    let bench = Bench::new();
    let Some(session) = Session::start(&bench) else { return };
    let office = bench.inr();
    let pin = |name: &str, text: &str| {
        std::fs::write(bench.path(name), format!("{text}\n")).unwrap();
        bench.text(name)
    };
    let (first, second) = (pin("first", "four good long words"), pin("second", "four other words"));
    let with = |pin: &str, args: &[&str]| {
        bench.wallet("asha", &[args, &["--pin-file", pin, "--pin-cost", "8"]].concat())
    };
    with(&first, &["init", "--office", &office.url, "--name", "asha"]).says(0, "is enrolled");
    bench.wallet("asha", &["balance"]).fails(2, "give --pin-file FILE or ONEHOP_PIN");

    with(&second, &["pin", "remember"]).fails(3, "wrong PIN; 2 more");
    with(&first, &["pin", "remember"]).says(0, "remembers the PIN");
    bench.wallet("asha", &["balance"]).says(0, "available");
    // The keyring follows the PIN.
    let change = ["pin", "change", "--new-pin-file", &second];
    with(&first, &change).says(0, "has a new PIN");
    bench.wallet("asha", &["balance"]).says(0, "available");
    // One that it could not follow costs one try.
    std::fs::rename(bench.path("asha/keyring"), bench.path("aside")).unwrap();
    with(&second, &["pin", "change", "--new-pin-file", &first]).says(0, "has a new PIN");
    std::fs::rename(bench.path("aside"), bench.path("asha/keyring")).unwrap();
    let wrong = bench.wallet("asha", &["balance"]);
    wrong.fails(2, "give --pin-file FILE or ONEHOP_PIN");
    assert!(wrong.err.contains("remembered a wrong PIN, which it has forgotten; 2 more"));
    with(&first, &["balance"]).says(0, "available");
    bench.wallet("asha", &["balance"]).fails(2, "give --pin-file FILE or ONEHOP_PIN");

    with(&first, &["pin", "remember"]).says(0, "remembers the PIN");
    bench.wallet("asha", &["pin", "forget"]).says(0, "has forgotten the PIN");
    bench.wallet("asha", &["pin", "forget"]).says(0, "remembered no PIN");
    bench.wallet("asha", &["balance"]).fails(2, "give --pin-file FILE or ONEHOP_PIN");

    // A session that is over: the PIN opens the wallet as ever.
    with(&first, &["pin", "remember"]).says(0, "remembers the PIN");
    drop(session);
    let away = bench.wallet("asha", &["balance"]);
    away.fails(2, "give --pin-file FILE or ONEHOP_PIN");
    assert!(away.err.contains("the system has no keyring that answers"), "{}", away.err);
    with(&first, &["balance"]).says(0, "available");
}

#[test]
fn without_a_keyring_nothing_is_remembered_and_a_wallet_without_pin_has_nothing_to_remember() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("open", &office.url, "");
    bench.wallet("open", &["pin", "remember"]).fails(2, "this wallet has no PIN");
    std::fs::write(bench.path("pin"), "four good long words\n").unwrap();
    let pin = ["--pin-file", &bench.text("pin"), "--pin-cost", "8"];
    let init = ["init", "--office", &office.url, "--name", "asha"];
    bench.wallet("asha", &[&init[..], &pin].concat()).says(0, "is enrolled");
    let asked = bench.wallet("asha", &[&["pin", "remember"][..], &pin].concat());
    asked.fails(1, "the system has no keyring that answers");
    assert!(!bench.path("asha/keyring").exists());
    bench.wallet("asha", &["pin", "forget"]).fails(1, "the system has no keyring that answers");
}
