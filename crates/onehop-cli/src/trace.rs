//! `--trace` and `--step`: every record and packet, as it happens or before it is let happen.

use std::time::{SystemTime, UNIX_EPOCH};

use onehop_node::{Act, Go, Watch};
use serde_json::{Value, json};

use crate::args::LinkArgs;
use crate::render::Screen;
use crate::stdin;

/// Looks on for a person or a parent process.
#[derive(Debug)]
pub(crate) struct Trace {
    screen: Screen,
    trace: bool,
    step: bool,
    /// The parent is gone: nothing leaves any more.
    mute: bool,
}

impl Trace {
    pub(crate) const fn new(screen: Screen, args: &LinkArgs) -> Self {
        Self { screen, trace: args.trace, step: args.step, mute: false }
    }

    fn say(&self, kind: &'static str, act: &Act) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let mut object = serde_json::Map::new();
        object.insert(kind.to_owned(), name(act).into());
        object.extend(parts(act).as_object().cloned().unwrap_or_default());
        object.insert("at_us".to_owned(), u64::try_from(at).unwrap_or(u64::MAX).into());
        self.screen.trace(&format!("{kind}: {}", words(act)), &Value::Object(object));
    }
}

impl Watch for Trace {
    fn before(&mut self, act: &Act) -> Go {
        if !self.step {
            return Go::On;
        }
        let is_packet = matches!(act, Act::Send { .. } | Act::Receive { .. });
        if self.mute {
            return if is_packet { Go::Cut } else { Go::On };
        }
        self.say("step", act);
        match stdin::line_now().as_deref() {
            Some("cut") => Go::Cut,
            Some(_) => Go::On,
            None => {
                self.mute = true;
                if is_packet { Go::Cut } else { Go::On }
            }
        }
    }

    fn after(&mut self, act: &Act) {
        if self.trace {
            self.say("trace", act);
        }
    }
}

const fn name(act: &Act) -> &'static str {
    match act {
        Act::Persist { .. } => "persist",
        Act::Send { .. } => "send",
        Act::Receive { .. } => "receive",
        Act::Up { .. } => "up",
        Act::Down { .. } => "down",
    }
}

fn words(act: &Act) -> String {
    match act {
        Act::Persist { records, forced, .. } => {
            let forced = if *forced { ", forced" } else { "" };
            format!("persist {}{forced}", records.join(" "))
        }
        Act::Send { peer, name, bytes } => format!("send {name} to {}, {bytes} bytes", peer.0),
        Act::Receive { peer, bytes } => format!("receive {bytes} bytes from {}", peer.0),
        Act::Up { peer, as_buyer } => {
            format!("up {} as {}", peer.0, if *as_buyer { "buyer" } else { "seller" })
        }
        Act::Down { peer } => format!("down {}", peer.0),
    }
}

fn parts(act: &Act) -> Value {
    match act {
        Act::Persist { first, records, forced } => {
            json!({ "first": first, "records": records, "forced": forced })
        }
        Act::Send { peer, name, bytes } => {
            json!({ "peer": peer.0, "name": name, "bytes": bytes })
        }
        Act::Receive { peer, bytes } => json!({ "peer": peer.0, "bytes": bytes }),
        Act::Up { peer, as_buyer } => json!({ "peer": peer.0, "as_buyer": as_buyer }),
        Act::Down { peer } => json!({ "peer": peer.0 }),
    }
}
