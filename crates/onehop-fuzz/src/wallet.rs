//! Two real wallets and their office, and whatever the bytes make happen to them.

mod device;
mod pair;

use crate::reader::{Reader, is_audited};
use pair::Pair;

/// Acts of one input, at most.
const ACTS_MAX: usize = 48;

/// Logs of wallets that did everything once.
pub(crate) fn sample_logs() -> Vec<Vec<Vec<u8>>> {
    let mut pair = Pair::tireless();
    for act in SCRIPT.iter().copied() {
        let mut rest = Reader::new(act);
        while let Some(act) = rest.byte() {
            pair.act(&mut rest, act);
        }
    }
    pair.devices.into_iter().map(|device| device.log).collect()
}

/// The acts by their numbers, for whichever of the two wallets.
const fn act(number: u8, who: u8) -> u8 {
    (number << 1) | who
}

/// A payment that happens; one refused; one cancelled; one in doubt; a claim and a closed purse.
const SCRIPT: &[&[u8]] = &[
    &[act(0, 0)],
    PAY,
    &[act(1, 0), 9, 0, 1, act(2, 1), act(10, 1), act(2, 0), act(2, 0)],
    &[act(1, 0), 9, 0, 2, act(2, 1), act(8, 1), act(11, 0), act(2, 1), act(2, 1), act(2, 0)],
    &[act(1, 0), 9, 0, 3, act(2, 1), act(8, 1), act(15, 0)],
    &[act(14, 0), 0, act(14, 1), 1, act(14, 0), 3, act(14, 1), 3],
    &[act(1, 0), 9, 0, 2],
];
/// 735 for the first order, asked, confirmed, decided and acknowledged.
const PAY: &[u8] = &[act(1, 0), 0xdf, 2, 0, act(2, 1), act(8, 1), act(2, 0), act(2, 1), act(2, 0)];

/// How the two begin, by the first byte of an input.
const HANDSHAKE: u8 = 0;
const STRANGERS: u8 = 1;
const FIRST_SELLS: u8 = 2;

/// Inputs that reach far, for a corpus.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let all = SCRIPT.concat();
    let paid = [&[act(0, 0)], PAY].concat();
    let back = [&paid[..], &[act(0, 1), act(1, 1), 9, 0, 1, act(2, 0), act(8, 0)]].concat();
    let again = [&paid[..], &[act(13, 0), 1, act(13, 1), 0, act(12, 0), 0, 9]].concat();
    let altered = [&[act(1, 0), 9, 0, 1, act(7, 1), 1, 60, 0, 8], PAY].concat();
    let with = |begin: u8, rest: &[u8]| [&[begin], rest].concat();
    vec![
        with(HANDSHAKE, &all),
        with(HANDSHAKE, &paid),
        with(HANDSHAKE, &again),
        with(STRANGERS, &all),
        with(STRANGERS, &back),
        with(STRANGERS, &again),
        with(FIRST_SELLS, PAY),
        with(FIRST_SELLS, &altered),
    ]
}

/// Does with two wallets what the bytes say.
///
/// The first byte says how they begin: as strangers, with handshakes or without; or, most of them, in
/// a session that costs nothing, because every process makes it once.
///
/// # Panics
/// If the two disagree about a payment, money is made or lost, a state is not what its log says,
/// or an office refuses an honest wallet or no longer balances.
pub fn wallet(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut pair = match reader.or_zero() % 32 {
        HANDSHAKE => Pair::new(true),
        STRANGERS => Pair::new(false),
        begin => Pair::met(usize::from(begin % 2)),
    };
    for _ in 0..ACTS_MAX {
        let Some(act) = reader.byte() else { break };
        pair.act(&mut reader, act);
        pair.check();
    }
    for device in &pair.devices {
        device.check_log();
    }
    if let Some(office) = &pair.office {
        assert!(office.sums().is_ok_and(|sums| sums.missing() == 0), "the books balance");
        if is_audited(data) {
            assert!(office.audit().is_ok_and(|report| report.balances()), "the evidence says so");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pair::{agree, conserves, views};
    use super::*;
    use onehop_proto::Standing;

    #[test]
    fn the_script_of_the_logs_reaches_what_it_is_for() {
        let mut names: Vec<String> = Vec::new();
        for bytes in sample_logs().concat() {
            let record: onehop_proto::LogRecord = onehop_wire::decode(&bytes, 1 << 24).unwrap();
            let text = format!("{record:?}");
            names.push(text.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned());
        }
        let wanted = [
            "SellerCommitted",
            "BuyerCommitted",
            "Done",
            "Refused",
            "SellerAborted",
            "BuyerAborted",
            "Prepared",
            "Closed",
            "Renewed",
        ];
        for name in wanted {
            assert!(names.iter().any(|found| found == name), "no {name} in {names:?}");
        }
    }

    #[test]
    fn a_wallet_that_makes_money_is_found() {
        let mut pair = Pair::new(true);
        for act in [&SCRIPT[..1], &[PAY]].concat() {
            let mut rest = Reader::new(act);
            while let Some(act) = rest.byte() {
                pair.act(&mut rest, act);
            }
        }
        pair.check();
        let paid = views(&pair.devices[1].wallet);
        assert_eq!(paid[0].standing, Standing::Paid);
        // Half of a payment: whoever is asked about one side alone knows of no other.
        let mut half = paid.clone();
        half[0].standing = Standing::NotPaid;
        let sold = views(&pair.devices[0].wallet);
        let caught = std::panic::catch_unwind(|| agree(&sold[0], &half[0]));
        assert!(caught.is_err(), "a sale without a payment goes unnoticed");
        let wallet = &pair.devices[1].wallet;
        let check = std::panic::AssertUnwindSafe(|| conserves(wallet, &[]));
        assert!(std::panic::catch_unwind(check).is_err(), "lost money goes unnoticed");
    }
}
