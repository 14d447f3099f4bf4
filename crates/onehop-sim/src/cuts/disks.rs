//! The disks that one power cut can leave.

use std::collections::BTreeSet;

use onehop_store::SimJournal;

/// Most writes, and most sectors, of which every subset is tried.
const SUBSETS_MAX: usize = 8;

/// Every disk that a power cut leaves of `journal` and that is not in `seen`; `cases` counts all.
pub(super) fn left_by(
    journal: &SimJournal,
    seen: &mut BTreeSet<Vec<u8>>,
    cases: &mut u64,
    subsets: Subsets,
) -> Vec<SimJournal> {
    let mut disks = Vec::new();
    for kept in choices(journal.pending_writes(), subsets) {
        *cases += 1;
        let mut disk = journal.clone();
        disk.crash(|sector| kept.get(sector).copied().unwrap_or(false));
        if seen.insert(disk.image()) {
            disks.push(disk);
        }
    }
    disks
}

/// Of what every subset is tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Subsets {
    /// Of the writes, and of the sectors of all of them.
    OfSectors,
    /// Of the writes. While a log is read back its torn tail is overwritten with zeros: subsets of
    /// those sectors are subsets of the sectors that arrived in the first place.
    OfWrites,
}

/// What of the sectors of `writes` arrives, in every way that is tried.
fn choices(writes: &[usize], of: Subsets) -> BTreeSet<Vec<bool>> {
    let sectors: usize = writes.iter().sum();
    let mut choices = BTreeSet::new();
    for at in 0..=sectors {
        // Torn at this boundary, in order or not; and this one sector lost, or alone.
        choices.insert((0..sectors).map(|n| n < at).collect::<Vec<bool>>());
        choices.insert((0..sectors).map(|n| n >= at).collect());
        choices.insert((0..sectors).map(|n| n != at).collect());
        choices.insert((0..sectors).map(|n| n == at).collect());
    }
    let owner: Vec<usize> =
        writes.iter().enumerate().flat_map(|(n, len)| std::iter::repeat_n(n, *len)).collect();
    for chosen in subsets(writes.len()) {
        choices.insert(owner.iter().map(|n| chosen.get(*n).copied().unwrap_or(false)).collect());
    }
    if of == Subsets::OfSectors {
        choices.extend(subsets(sectors));
    }
    choices
}

/// Every subset of `count` things; of more than eight every subset of the last eight, with the
/// others all there and all gone.
fn subsets(count: usize) -> Vec<Vec<bool>> {
    let free = count.min(SUBSETS_MAX);
    let mut subsets = Vec::new();
    for mask in 0..1usize << free {
        for others in [true, false] {
            let chosen = |n: usize| match n.checked_sub(count - free) {
                Some(bit) => mask >> bit & 1 == 1,
                None => others,
            };
            subsets.push((0..count).map(chosen).collect());
        }
    }
    subsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subset_of_a_few_sectors_is_tried() {
        assert_eq!(choices(&[3, 1], Subsets::OfSectors).len(), 1 << 4);
        assert_eq!(choices(&[], Subsets::OfSectors).len(), 1);
    }

    #[test]
    fn of_many_sectors_each_tear_each_loss_and_each_subset_of_writes_is_tried() {
        let choices = choices(&[10, 6, 4], Subsets::OfWrites);
        for at in 0..=20 {
            assert!(choices.contains(&(0..20).map(|n| n < at).collect::<Vec<_>>()));
            assert!(choices.contains(&(0..20).map(|n| n != at).collect::<Vec<_>>()));
        }
        let second_lost: Vec<bool> = (0..20).map(|n| !(10..16).contains(&n)).collect();
        assert!(choices.contains(&second_lost));
    }
}
