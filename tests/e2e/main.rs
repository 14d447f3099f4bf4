//! Everything over real processes, real sockets on loopback and a real disk: the `onehop` program
//! as wallets and as their office, and now and then the library in this process.
//!
//! Nothing sleeps: tests wait for lines and for ends. Every test has its own folder, every pair of
//! wallets that meet its own look-up port. There are few tests with many cases each, because
//! wallets and offices are made once for all cases of a test. `--nocapture` shows what they measured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "tests print what they measured")]

mod bench;
mod carried;
mod crashes;
mod cuts;
// Memory is read from `/proc`.
#[cfg(target_os = "linux")]
mod hostile;
mod kills;
mod losses;
mod many;
mod offices;
mod pair;
mod process;
mod program;
mod refunds;
mod relay;
mod several;
// `setsid` makes a terminal the one that controls a program.
#[cfg(target_os = "linux")]
mod ui;
