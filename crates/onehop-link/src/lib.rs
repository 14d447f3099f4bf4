//! Frames between two devices: what carries them, and what makes messages of them.
//!
//! * [`framing`]: messages over frames that get lost, repeated, reordered and cut off; pure.
//! * [`channels`]: many such channels over connections that come and go; pure.
//! * [`bearer`]: the bearer a person chose, or the best there is.
//! * [`ble`]: a bearer over Bluetooth LE; with the feature `ble` on a real stack.
//! * [`lan`]: a bearer over UDP and TCP, in one network segment or on one device.
//! * [`link`]: what a bearer of frames can do, and what it reports.
//! * [`loopback`]: a bearer in memory, for tests and simulations.
//! * [`read_queue`]: frames for a peer that reads at its own pace.
//!
//! This crate knows no message and no money: it carries opaque bytes. It authenticates nobody and
//! hides nothing; whoever is near can listen, speak and cut in, and the layer above must bear that.

pub mod bearer;
pub mod ble;
pub mod channels;
pub mod framing;
pub mod lan;
pub mod link;
pub mod loopback;
pub mod read_queue;
mod task;
