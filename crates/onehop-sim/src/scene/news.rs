//! How a copied wallet is found out without any office (spec §5.12).

use onehop_crypto::SigningKey;
use onehop_wire::office::Transfer;
use rand_core::Rng as _;

use super::bench::Bench;
use super::rogue::Rogue;
use super::{NEWS, Played, Trouble, or_stuck};

/// Honest wallets, of which the first two are paid by the copies.
const HONEST: usize = 8;
/// Meetings after which everybody must know. By chance alone each wallet has then met twenty times.
const MEETINGS_MAX: usize = 80;

/// How many of the honest wallets would refuse the copies.
fn informed(bench: &mut Bench, rogue: &Rogue, honest: &[usize]) -> Played<usize> {
    let mut count = 0;
    for at in honest {
        let shunned = bench.unit(*at)?.wallet.state().shunned();
        count += usize::from(shunned.iter().any(|it| it.wallet == rogue.id()));
    }
    Ok(count)
}

/// Two of `honest`, not the same.
fn any_two(bench: &mut Bench, honest: &[usize]) -> Played<(usize, usize)> {
    let mut below = |most: usize| {
        let most = u64::try_from(most).unwrap_or(1);
        usize::try_from(bench.rng.next_u64().checked_rem(most).unwrap_or(0)).unwrap_or(0)
    };
    let (first, second) = (below(honest.len()), below(honest.len().saturating_sub(1)));
    let second = if second < first { second } else { second.saturating_add(1) };
    let at = |place: usize| or_stuck(honest.get(place).copied(), "no such wallet");
    Ok((at(first)?, at(second)?))
}

/// The meetings until all of eight wallets, meeting each other in random order, know of a wallet
/// whose copies have paid two of them; none if that takes longer than it may.
pub(super) fn spread(bench: &mut Bench) -> Played<Option<usize>> {
    bench.facts.is_tainted = true;
    let mut rogue = Rogue::new(bench, "copied", 10_000)?;
    let mut honest = Vec::new();
    for _ in 0..HONEST {
        honest.push(bench.wallet(10_000)?);
    }
    for seller in honest.iter().take(2) {
        // Each copy begins where the image was taken.
        rogue.last = None;
        let is_met = rogue.meet(bench, *seller)?;
        or_stuck(is_met.then_some(()), "a copy was refused before anybody could know")?;
        let tx = rogue.votes(bench, 9_000, &[], |_| {})?;
        let state = bench.unit(*seller)?.state(&tx);
        if state != "COMMITTED" && state != "DONE" {
            return Err(Trouble::Stuck(format!("the copy's payment is {state}")));
        }
    }
    let mut meetings = None;
    for count in 1..=MEETINGS_MAX {
        let (seller, buyer) = any_two(bench, &honest)?;
        bench.open(seller, buyer)?;
        bench.pay(10)?;
        bench.part();
        if informed(bench, &rogue, &honest)? == HONEST {
            meetings = Some(count);
            break;
        }
    }
    let what = format!("after {MEETINGS_MAX} payments some still take a copied wallet for honest");
    bench.must(meetings.is_some(), NEWS, &what)?;
    // Nobody has met the office since, and six of eight have never met the copies.
    rogue.last = None;
    for at in &honest {
        let is_met = rogue.meet(bench, *at)?;
        bench.must(!is_met, NEWS, "a copied wallet was met by one who was told")?;
    }
    Ok(meetings)
}

/// The same as a scene.
pub(super) fn copied(bench: &mut Bench) -> Played<()> {
    spread(bench).map(|_| ())
}

/// The office replaces its root. A wallet that does not meet the office hears of it from one that
/// did, before the new root certifies a key, and goes on paying; one that did not hear cannot.
pub(super) fn root(bench: &mut Bench) -> Played<()> {
    let (old, synced, deaf) = (bench.wallet(10_000)?, bench.wallet(10_000)?, bench.wallet(10_000)?);
    let (root, next, seed) =
        (bench.root.clone(), SigningKey::from_seed(&bench.seed()), bench.seed());
    let today = bench.today;
    or_stuck(bench.office()?.add_root(&root, next.public(), today), "new root")?;
    bench.sync(synced, Transfer::None)?;
    bench.open(synced, old)?;
    bench.pay(10)?;
    bench.part();
    or_stuck(bench.office()?.renew_key(&next, &seed, today), "new key")?;
    let info = or_stuck(bench.office()?.info(), "info")?;
    if let Some(trust) = &mut bench.facts.trust {
        for announced in info.new_roots.into_inner() {
            or_stuck(trust.add_root(announced), "new root")?;
        }
        or_stuck(trust.add_key(info.office_key), "new key")?;
    }
    bench.sync(synced, Transfer::None)?;
    for (seller, buyer) in [(synced, old), (old, synced)] {
        let is_met = bench.meet(seller, buyer)?;
        bench.must(is_met, NEWS, "one who heard of the new root does not take its key")?;
        let tx = bench.pay(10)?;
        let state = bench.unit(seller)?.state(&tx);
        bench.must(state == "DONE", NEWS, "under the new root nothing is paid")?;
    }
    let is_met = bench.meet(deaf, synced)?;
    bench.must(!is_met, NEWS, "a key was taken that no trusted root certified")
}
