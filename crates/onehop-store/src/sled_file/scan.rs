//! Batches of writes, and ranges to read.

use std::ops::Bound;

use super::rows::{TreeId, row_key};

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A range of the flat space of the database.
pub(super) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Puts and deletions to be applied as one atomic batch, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    pub(super) ops: Vec<(TreeId, Vec<u8>, Option<Vec<u8>>)>,
}

impl Writes {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the row at `key`, whether or not there is one.
    pub fn put(&mut self, tree: TreeId, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.ops.push((tree, key.into(), Some(value.into())));
    }

    /// Removes the row at `key`, if there is one.
    pub fn delete(&mut self, tree: TreeId, key: impl Into<Vec<u8>>) {
        self.ops.push((tree, key.into(), None));
    }

    /// Whether there is nothing to apply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// A range of one tree's keys, and how much of it to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The tree.
    pub tree: TreeId,
    /// The lowest key; `None` for the tree's first.
    pub from: Option<Vec<u8>>,
    /// The key to stop before; `None` for the tree's end.
    pub until: Option<Vec<u8>>,
    /// Whether to start from the high end and go down.
    pub reverse: bool,
    /// At most this many rows.
    pub limit: usize,
}

impl Scan {
    /// The whole tree, ascending, at most `limit` rows.
    #[must_use]
    pub fn all(tree: TreeId, limit: usize) -> Self {
        Self { tree, from: None, until: None, reverse: false, limit }
    }

    /// The keys that start with `prefix`, ascending, at most `limit` rows.
    #[must_use]
    pub fn prefix(tree: TreeId, prefix: &[u8], limit: usize) -> Self {
        let until = successor(prefix);
        Self { tree, from: Some(prefix.to_vec()), until, reverse: false, limit }
    }

    /// The keys from `from` on, ascending, at most `limit` rows.
    #[must_use]
    pub fn from(tree: TreeId, from: &[u8], limit: usize) -> Self {
        Self { from: Some(from.to_vec()), ..Self::all(tree, limit) }
    }

    /// The range in the flat space of the database; `None` if it is empty.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        let low = row_key(self.tree, self.from.as_deref().unwrap_or_default());
        let high = match &self.until {
            Some(until) => row_key(self.tree, until),
            None => vec![self.tree.number() + 1],
        };
        (low < high).then_some((Bound::Included(low), Bound::Excluded(high)))
    }
}

/// The least key above every key that starts with `prefix`; `None` if there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut above = prefix[..=kept].to_vec();
    above[kept] += 1;
    Some(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_of_a_prefix_skips_over_its_full_bytes() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(&[1, 0xff, 0xff]), Some(vec![2]));
        assert_eq!(successor(&[0xff]), None);
        assert_eq!(successor(b""), None);
    }
}
