//! What every run of enough seeds must reach at least once.

pub(crate) mod rows;

use crate::faults::{FaultKind, Variant};

/// Seeds from which on a counter at zero fails the run.
pub(crate) const SEEDS_MIN: u64 = 50;
/// The same for what happens in few seeds only.
pub(crate) const SEEDS_MIN_RARE: u64 = 400;

/// In which runs something must be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// Of honest wallets.
    Honest,
    /// Of honest wallets, if there are many.
    Rare,
    /// Of a wallet that is put back or cloned.
    Dishonest,
}

/// A part of a row: when it must be reached, and the counters of which one must be.
type Part = (When, &'static [&'static str]);

/// A row of a state table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// As in the specification; tests compare it.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the specification by a test"))]
    pub(crate) state: &'static str,
    /// As in the specification; tests compare it.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the specification by a test"))]
    pub(crate) event: &'static str,
    /// What of it is counted.
    pub(crate) parts: &'static [Part],
    /// Why nothing of it is.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test asks for the reason"))]
    pub(crate) elsewhere: &'static str,
}

/// Something that must be reached: one of its counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) counters: &'static [&'static str],
    pub(crate) seeds_min: u64,
}

/// States, messages and what else runs of honest wallets must reach.
pub(crate) const SOMETIMES: &[&str] = &[
    "seller/INVITED",
    "seller/COMMITTED",
    "seller/DONE",
    "seller/REDEEMED",
    "seller/LOST",
    "seller/ABORTED",
    "buyer/ASKED",
    "buyer/REFUSED",
    "buyer/PREPARED",
    "buyer/COMMITTED",
    "buyer/ABORTED",
    "buyer/VOIDED",
    "message/HELLO-1",
    "message/HELLO-2",
    "message/HELLO-3",
    "message/REJECT",
    "message/COMMIT-REQUEST",
    "message/ATTACHMENT",
    "message/AGREED",
    "message/REFUSED",
    "message/COMMIT",
    "message/ABORT",
    "message/COMMITTED",
    "message/RELEASED",
    "message/STATUS",
    "message/UNKNOWN",
    "office/enrolled",
    "office/renewed",
    "office/transfer-refused",
    "office/PAID",
    "office/VOID",
    "office/PENDING",
    "wallet/compacted",
    "wallet/recovered",
    "wallet/halted",
    "office/compacted",
    "office/redeemed",
];

/// What runs of a wallet that is put back or cloned must reach.
const DISHONEST: &[&str] = &["office/DISPUTED", "office/fork-proof"];

/// What runs of `variant` must reach.
pub(crate) fn of(variant: Variant) -> Vec<Need> {
    let is_honest = variant == Variant::Honest;
    let mut needs = Vec::new();
    let mut need = |counters, seeds_min| needs.push(Need { counters, seeds_min });
    for name in if is_honest { SOMETIMES } else { DISHONEST } {
        need(std::slice::from_ref(name), SEEDS_MIN);
    }
    for kind in FaultKind::ALL {
        if is_honest {
            need(kind.counters(), SEEDS_MIN);
        }
    }
    for row in [rows::SELLER, rows::BUYER, rows::OFFICE].into_iter().flatten() {
        for (when, counters) in row.parts {
            match when {
                When::Honest if is_honest => need(counters, SEEDS_MIN),
                When::Rare if is_honest => need(counters, SEEDS_MIN_RARE),
                When::Dishonest if !is_honest => need(counters, SEEDS_MIN_RARE),
                When::Honest | When::Rare | When::Dishonest => {}
            }
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = include_str!("../../../protocol-spec.md");

    /// State and event of each row of the first table below `heading` that begins with `header`.
    fn table(heading: &str, header: &str) -> Vec<(String, String)> {
        let below = SPEC.lines().skip_while(|line| !line.starts_with(heading));
        let table = below.skip_while(|line| !line.starts_with(header)).skip(2);
        table
            .take_while(|line| line.starts_with('|'))
            .map(|line| {
                let mut cells =
                    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
                (cells.next().unwrap(), cells.next().unwrap())
            })
            .collect()
    }

    fn listed(rows: &[Row]) -> Vec<(String, String)> {
        rows.iter().map(|row| (row.state.to_owned(), row.event.to_owned())).collect()
    }

    #[test]
    fn the_rows_are_those_of_the_specification() {
        assert_eq!(listed(rows::SELLER), table("### 7.1", "| state |"));
        assert_eq!(listed(rows::BUYER), table("### 7.2", "| state |"));
        assert_eq!(listed(rows::OFFICE), table("### 9.4", "| state of a tx |"));
    }

    #[test]
    fn a_row_that_is_not_counted_says_why() {
        for row in [rows::SELLER, rows::BUYER, rows::OFFICE].into_iter().flatten() {
            assert_eq!(row.parts.is_empty(), !row.elsewhere.is_empty(), "{row:?}");
        }
    }
}
