//! Which shard a row is in.

use std::collections::BTreeMap;

use onehop_wire::domain::sha256;

use crate::store::{Row, Table};

/// Where in its keys a table has the id or number that chooses the shard: a wallet's id, that of a
/// payment, or a hash. None: all rows are in the home.
const fn chosen_by(table: Table) -> Option<(usize, usize)> {
    match table {
        Table::Meta | Table::OfficeKeys | Table::Names | Table::Due => None,
        // Numbers, which would otherwise all be in one.
        Table::Evidence | Table::Postings => Some((0, 8)),
        // Behind the kind of the account.
        Table::Accounts => Some((1, 32)),
        Table::Wallets
        | Table::Checkpoints
        | Table::Entries
        | Table::Payments
        | Table::Open
        | Table::Wants
        | Table::Waiting
        | Table::Aborts
        | Table::Answers
        | Table::News
        | Table::Proofs
        | Table::Debts
        | Table::Refunds => Some((0, 32)),
    }
}

/// The shard of a key's row, of so many shards. A key too short to have an id is the home's.
pub(super) fn shard_of(table: Table, key: &[u8], shards: usize) -> usize {
    chosen(table, key, shards).unwrap_or(0)
}

/// The only shard with rows under `prefix`, if there is only one.
pub(super) fn shard_of_prefix(table: Table, prefix: &[u8], shards: usize) -> Option<usize> {
    if chosen_by(table).is_none() { Some(0) } else { chosen(table, prefix, shards) }
}

fn chosen(table: Table, key: &[u8], shards: usize) -> Option<usize> {
    let (from, length) = chosen_by(table)?;
    let id = key.get(from..from.checked_add(length)?)?;
    let hash = sha256(id);
    let (first, _) = hash.0.split_first_chunk::<8>()?;
    let number = u64::from_be_bytes(*first).checked_rem(u64::try_from(shards).ok()?)?;
    usize::try_from(number).ok()
}

/// The first rows of several shards' pages, each of which had at most `limit`.
pub(super) fn merged(mut pages: Vec<Vec<Row>>, limit: usize) -> Vec<Row> {
    if pages.len() == 1 {
        return pages.pop().unwrap_or_default();
    }
    let rows: BTreeMap<Vec<u8>, Vec<u8>> = pages.into_iter().flatten().collect();
    rows.into_iter().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_where_a_scan_looks_for_it_and_ids_are_spread() {
        let mut met = BTreeMap::from([(0, 0), (1, 0), (2, 0)]);
        for number in 0..3000u32 {
            let id = sha256(&number.to_be_bytes()).0;
            let key = [&[1][..], &id, b"more"].concat();
            let shard = shard_of(Table::Accounts, &key, 3);
            *met.entry(shard).or_default() += 1;
            let (account, _) = key.split_at(33);
            assert_eq!(shard_of_prefix(Table::Accounts, account, 3), Some(shard));
            let (short, _) = key.split_at(32);
            assert_eq!(shard_of_prefix(Table::Accounts, short, 3), None);
            assert_eq!(shard_of(Table::Wallets, &id, 3), shard, "all of a wallet in one place");
        }
        assert!(met.values().all(|met| (900..1100).contains(met)), "{met:?}");
        assert_eq!(shard_of(Table::Meta, &[7; 40], 3), 0);
        assert_eq!(shard_of_prefix(Table::Due, &[], 3), Some(0));
        // The office's own cash.
        assert_eq!(shard_of(Table::Accounts, &[0], 3), 0);
    }

    #[test]
    fn pages_of_several_shards_become_one_in_order() {
        let row = |key: u8| (vec![key], vec![key]);
        let pages = vec![vec![row(1), row(4)], vec![], vec![row(2), row(3)]];
        assert_eq!(merged(pages.clone(), 3), [row(1), row(2), row(3)]);
        assert_eq!(merged(pages, usize::MAX), [row(1), row(2), row(3), row(4)]);
    }
}
