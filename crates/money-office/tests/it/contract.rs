//! What every store of the office must do, run on each of them.

use money_office::{Batch, LedgerStore, Purpose, Row, Table};

pub(crate) fn put(table: Table, key: &[u8], value: Option<&[u8]>) -> Batch {
    let mut batch = Batch::default();
    batch.writes.insert((table, key.to_vec()), value.map(<[u8]>::to_vec));
    batch
}

/// The whole contract, on an empty store.
pub(crate) fn contract(store: &mut impl LedgerStore) {
    rows_are_sorted_within_their_table(store);
    a_batch_happens_whole(store);
    a_call_given_up_changes_nothing(store);
    a_random_history_reads_as_a_sorted_map_would(store);
}

fn keys(
    store: &impl LedgerStore,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Vec<Vec<u8>> {
    let rows = store.scan(Table::Open, prefix, after, limit).unwrap();
    rows.into_iter().map(|(key, _)| key).collect()
}

fn rows_are_sorted_within_their_table(store: &mut impl LedgerStore) {
    let (one, two) = (Table::Open, Table::Wants);
    for key in [&b"a"[..], b"ab", b"ab\xff", b"b", b"ba", b"\xff", b"\xff\xff"] {
        store.apply(&put(one, key, Some(key))).unwrap();
    }
    store.apply(&put(two, b"ab", Some(b"other"))).unwrap();
    assert_eq!(store.get(one, b"ab").unwrap().unwrap(), b"ab");
    assert_eq!(store.get(one, b"abc").unwrap(), None);
    assert_eq!(keys(store, b"a", None, 9), [&b"a"[..], b"ab", b"ab\xff"]);
    assert_eq!(keys(store, b"a", Some(b"a"), 9), [&b"ab"[..], b"ab\xff"]);
    assert_eq!(keys(store, b"a", Some(b"ab"), 9), [&b"ab\xff"[..]]);
    assert_eq!(keys(store, b"", Some(b"ab\xff"), 1), [b"b"]);
    assert_eq!(keys(store, b"b", Some(b"a"), 9), [&b"b"[..], b"ba"]);
    assert_eq!(keys(store, b"\xff", None, usize::MAX), [&b"\xff"[..], b"\xff\xff"]);
    assert!(keys(store, b"c", None, 9).is_empty());
}

fn a_batch_happens_whole(store: &mut impl LedgerStore) {
    let mut batch = put(Table::Open, b"a", None);
    batch.writes.extend(put(Table::Wants, b"new", Some(&[7; 100_000])).writes);
    batch.writes.extend(put(Table::Wants, b"empty", Some(b"")).writes);
    store.apply(&batch).unwrap();
    assert_eq!(store.get(Table::Open, b"a").unwrap(), None);
    assert_eq!(store.get(Table::Wants, b"new").unwrap().unwrap().len(), 100_000);
    assert_eq!(store.get(Table::Wants, b"empty").unwrap().unwrap(), b"");
}

fn a_call_given_up_changes_nothing(store: &mut impl LedgerStore) {
    let before = store.scan(Table::Open, b"", None, usize::MAX).unwrap();
    for purpose in [Purpose::Read, Purpose::Write] {
        store.begin(purpose).unwrap();
        assert_eq!(store.get(Table::Open, b"ab").unwrap().unwrap(), b"ab");
        store.cancel();
        store.begin(purpose).unwrap();
        assert_eq!(store.scan(Table::Open, b"", None, usize::MAX).unwrap(), before);
        store.finish().unwrap();
    }
    store.begin(Purpose::Write).unwrap();
    store.apply(&put(Table::Open, b"c", Some(b"in a call"))).unwrap();
    assert_eq!(store.get(Table::Open, b"c").unwrap().unwrap(), b"in a call");
}

/// Numbers that a seed gives, one after the other.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound`.
    pub(crate) fn roll(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn a_random_history_reads_as_a_sorted_map_would(store: &mut impl LedgerStore) {
    let mut dice = Dice::new(0x0051_7cc1_b727_220a);
    let mut expected: std::collections::BTreeMap<Vec<u8>, Vec<u8>> = Default::default();
    let table = Table::News;
    for round in 0..40u8 {
        let mut batch = Batch::default();
        for _ in 0..=dice.roll(9) {
            let length = usize::try_from(dice.roll(4)).unwrap();
            // Some have the id of a wallet before them, as most keys of an office do.
            let id = [0, 32][usize::try_from(dice.roll(2)).unwrap()];
            let byte = u8::try_from(dice.roll(6)).unwrap();
            let key: Vec<u8> = std::iter::repeat_n(byte, id)
                .chain(
                    (0..length).map(|_| [0, 1, 254, 255][usize::try_from(dice.roll(4)).unwrap()]),
                )
                .collect();
            let value = (dice.roll(3) > 0).then(|| vec![round; usize::from(round)]);
            match &value {
                Some(value) => expected.insert(key.clone(), value.clone()),
                None => expected.remove(&key),
            };
            batch.writes.insert((table, key), value);
        }
        store.apply(&batch).unwrap();
        for prefix in [&[][..], &[0], &[255], &[255, 255], &[1, 254], &[3; 32], &[2; 30]] {
            let all: Vec<Row> = expected
                .iter()
                .filter(|(key, _)| key.starts_with(prefix))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            assert_eq!(store.scan(table, prefix, None, usize::MAX).unwrap(), all);
            // Page by page, as calls read.
            let (mut paged, mut after): (Vec<Row>, Option<Vec<u8>>) = (Vec::new(), None);
            loop {
                let page = store.scan(table, prefix, after.as_deref(), 3).unwrap();
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                paged.extend(page);
            }
            assert_eq!(paged, all);
        }
    }
}
