//! What the demonstration shows: messages, figures, and whether each is as it must be.

use serde_json::{Value, json};

use crate::demo::process::Ended;
use crate::render::Screen;

/// Collects checks while they are shown.
#[derive(Debug)]
pub(super) struct Report {
    screen: Screen,
    checks: usize,
    failed: usize,
}

/// The four figures of one wallet, in minor units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Figures {
    pub(super) available: u64,
    pub(super) held: u64,
    pub(super) in_doubt: u64,
    pub(super) received_unsettled: u64,
}

impl Figures {
    const NAMES: [&'static str; 4] = ["available", "held", "in_doubt", "received_unsettled"];

    const fn all(self) -> [u64; 4] {
        [self.available, self.held, self.in_doubt, self.received_unsettled]
    }
}

impl Report {
    pub(super) const fn new(screen: Screen) -> Self {
        Self { screen, checks: 0, failed: 0 }
    }

    /// A new part begins.
    pub(super) fn part(&self, text: &str) {
        self.screen.result(format!("\n{text}"), &json!({ "event": "part", "text": text }));
    }

    /// A line of explanation.
    pub(super) fn say(&self, text: &str) {
        self.screen.result(format!("  {text}"), &json!({ "event": "note", "text": text }));
    }

    /// Compares a figure with what it must be.
    pub(super) fn check(
        &mut self,
        name: &str,
        (value, limit): (&Value, &Value),
        with: (&str, &str),
    ) {
        let (unit, method) = with;
        let holds = value == limit;
        self.note(holds);
        if !holds {
            self.screen_text(&format!("WRONG  {name}: {value} {unit}, must be {limit}"));
        }
        self.figure(name, value, limit, holds, unit, method);
    }

    /// Compares a figure with the most it may be.
    pub(super) fn check_most(&mut self, name: &str, value: u64, most: u64, unit: &str) {
        let holds = value <= most;
        self.note(holds);
        let mark = if holds { "" } else { "  WRONG" };
        self.screen_text(&format!("{name}: {value} {unit}, at most {most}{mark}"));
        self.figure(name, &value.into(), &most.into(), holds, unit, "monotonic clock");
    }

    /// Shows the four figures of a wallet and compares each.
    pub(super) fn figures(&mut self, stage: &str, who: &str, ended: &Ended, expected: Figures) {
        let found = ended.printed("received_unsettled").cloned().unwrap_or_default();
        let shown: Vec<String> = Figures::NAMES
            .iter()
            .map(|name| format!("{:>10}", major(found.get(name).and_then(Value::as_u64))))
            .collect();
        self.screen_text(&format!("{who:<8}{}", shown.join("  ")));
        for (name, limit) in Figures::NAMES.iter().zip(expected.all()) {
            let value = found.get(name).cloned().unwrap_or_default();
            let name = format!("{who} {name}, {stage}");
            self.check(&name, (&value, &limit.into()), ("minor units", "onehop balance"));
        }
    }

    /// The head of the table of figures.
    pub(super) fn figures_head(&self) {
        let names = ["available", "held", "in doubt", "received*"];
        let head: Vec<String> = names.iter().map(|name| format!("{name:>10}")).collect();
        self.screen_text(&format!("{:<8}{}   INR, *unsettled", "", head.join("  ")));
    }

    /// Shows records and messages of both sides in the order they happened.
    pub(super) fn sequence(&self, payment: &str, sides: [(&str, &str, &Ended); 2]) {
        let mut acts: Vec<(u64, &str, &str, &Value)> = Vec::new();
        for (who, other, ended) in sides {
            let traced = ended.complained.iter().filter(|line| is_shown(line));
            acts.extend(traced.map(|line| (at(line), who, other, line)));
        }
        acts.sort_by_key(|(at, ..)| *at);
        for (_, who, other, act) in acts {
            self.act(payment, who, other, act);
        }
    }

    fn act(&self, payment: &str, who: &str, other: &str, act: &Value) {
        if let Some(records) = act.get("records").and_then(Value::as_array) {
            let names: Vec<&str> = records.iter().filter_map(Value::as_str).collect();
            let forced = act.get("forced").and_then(Value::as_bool).unwrap_or_default();
            let mark = if forced { ", forced" } else { "" };
            let json = json!({
                "event": "record", "payment": payment, "side": who, "records": names,
                "forced": forced,
            });
            self.screen.result(format!("  {who:<7}=> disk    {}{mark}", names.join(" ")), &json);
            return;
        }
        let name = act.get("name").and_then(Value::as_str).unwrap_or_default();
        let bytes = act.get("bytes").and_then(Value::as_u64).unwrap_or_default();
        let lost = act.get("step").is_some();
        let (arrow, mark) = if lost { ("-x", ", lost: the link is cut here") } else { ("->", "") };
        let json = json!({
            "event": "message", "payment": payment, "from": who, "to": other, "name": name,
            "bytes": bytes, "lost": lost,
        });
        let text = format!("  {who:<7}{arrow} {other:<7} {name:<15}{bytes:>5} bytes{mark}");
        self.screen.result(text, &json);
    }

    /// How many checks there were, and how many did not hold.
    pub(super) fn end(&self) -> bool {
        let (checks, failed) = (self.checks, self.failed);
        let json = json!({ "event": "end", "checks": checks, "failed": failed });
        let text = format!("\n{checks} figures checked, {failed} wrong");
        self.screen.result(text, &json);
        failed == 0
    }

    fn note(&mut self, holds: bool) {
        self.checks += 1;
        self.failed += usize::from(!holds);
    }

    fn figure(&self, name: &str, value: &Value, limit: &Value, holds: bool, unit: &str, how: &str) {
        let json = json!({
            "name": name, "value": value, "unit": unit, "limit": limit, "holds": holds, "n": 1,
            "method": how,
        });
        self.screen.json_only(&json);
    }

    fn screen_text(&self, text: &str) {
        self.screen.text_only(&format!("  {text}"));
    }
}

/// A cut is a step; all else is shown once it is done.
fn is_shown(line: &Value) -> bool {
    let traced = line.get("trace").and_then(Value::as_str);
    let is_act = matches!(traced, Some("send" | "persist"));
    is_act || line.get("cut").is_some()
}

fn at(line: &Value) -> u64 {
    line.get("at_us").and_then(Value::as_u64).unwrap_or_default()
}

fn major(minor: Option<u64>) -> String {
    let currency = onehop_wire::Currency::by_code("INR").ok();
    match (minor, currency) {
        (Some(minor), Some(currency)) => onehop_wire::Money::new(minor, currency).number(),
        (None, _) | (_, None) => "?".to_owned(),
    }
}
