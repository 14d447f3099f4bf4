//! Notes of the person about other wallets. They lie with the settings and are told to nobody.

use std::collections::BTreeMap;

use onehop_wire::bounded::TextError;
use onehop_wire::{Text, WalletId};
use serde_json::Value;

/// Longest note, in characters.
const NOTE_MAX: usize = 200;
/// So many bytes hold any of them.
const NOTE_BYTES_MAX: usize = 4 * NOTE_MAX;
/// Most notes.
const NOTES_MAX: usize = 1_024;

/// Why a note is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NoteError {
    /// Shorten it.
    #[error("the note has {found} characters, the most are {max}", max = NOTE_MAX)]
    TooLong {
        /// Its characters.
        found: usize,
    },
    /// What changes the cursor or the direction of writing could make a screen lie.
    #[error("the note is not acceptable: {0}")]
    Text(TextError),
    /// Remove another one first.
    #[error("there are {max} notes, which are the most; remove one first", max = NOTES_MAX)]
    Full,
}

/// What the person notes about other wallets, by their ids: a certified name may come to belong to
/// another one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Notes(BTreeMap<WalletId, String>);

impl Notes {
    /// The note about `wallet`.
    pub(crate) fn of(&self, wallet: &WalletId) -> Option<&str> {
        self.0.get(wallet).map(String::as_str)
    }

    /// The same as a value of its own.
    pub(crate) fn copy_of(&self, wallet: &WalletId) -> Option<String> {
        self.0.get(wallet).cloned()
    }

    /// The wallets with a note.
    pub(crate) fn wallets(&self) -> impl Iterator<Item = &WalletId> {
        self.0.keys()
    }

    /// Replaces the note about `wallet`; nothing but blanks removes it.
    ///
    /// # Errors
    /// [`NoteError`]; nothing is changed then.
    pub(crate) fn set(&mut self, wallet: WalletId, text: &str) -> Result<(), NoteError> {
        let text = text.trim();
        if text.is_empty() {
            self.0.remove(&wallet);
            return Ok(());
        }
        let found = text.chars().count();
        if found > NOTE_MAX {
            return Err(NoteError::TooLong { found });
        }
        let text = Text::<NOTE_BYTES_MAX>::new(text).map_err(NoteError::Text)?;
        if self.0.len() >= NOTES_MAX && !self.0.contains_key(&wallet) {
            return Err(NoteError::Full);
        }
        self.0.insert(wallet, text.to_string());
        Ok(())
    }

    /// Reads them; what is no note is left out.
    pub(crate) fn of_json(value: &Value) -> Self {
        let mut notes = Self::default();
        for (wallet, text) in value.as_object().into_iter().flatten() {
            if let (Ok(wallet), Some(text)) = (WalletId::from_hex(wallet), text.as_str()) {
                // A file of the person's own making may hold anything.
                notes.set(wallet, text).ok();
            }
        }
        notes
    }

    /// What [`Notes::of_json`] reads.
    pub(crate) fn to_json(&self) -> Value {
        let notes = self.0.iter();
        notes.map(|(wallet, text)| (wallet.to_string(), Value::from(text.as_str()))).collect()
    }
}

/// A note as it stands behind a certified name in quotes, which no name can imitate.
pub(crate) fn beside(note: Option<&str>) -> String {
    note.map(|note| format!(" (your note: {note:?})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wallet(number: u64) -> WalletId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        WalletId(bytes)
    }

    #[test]
    fn a_note_is_bounded_in_characters_and_blanks_remove_it() {
        let mut notes = Notes::default();
        notes.set(wallet(1), &"ß".repeat(200)).unwrap();
        let long = notes.set(wallet(1), &"ß".repeat(201)).unwrap_err();
        assert_eq!(long.to_string(), "the note has 201 characters, the most are 200");
        assert_eq!(notes.of(&wallet(1)), Some("ß".repeat(200).as_str()));
        for bad in ["a\nb", "a\u{1b}[2Jb", "a\u{202e}b"] {
            let refused = notes.set(wallet(1), bad).unwrap_err();
            assert!(matches!(refused, NoteError::Text(TextError::Control { .. })), "{refused}");
        }
        notes.set(wallet(1), " \t").unwrap();
        assert_eq!(notes, Notes::default());
    }

    #[test]
    fn there_are_1024_notes_and_a_full_book_takes_changes_only() {
        let mut notes = Notes::default();
        for number in 0..1_024 {
            notes.set(wallet(number), "x").unwrap();
        }
        assert_eq!(notes.set(wallet(1_024), "x"), Err(NoteError::Full));
        notes.set(wallet(7), "y").unwrap();
        assert_eq!(notes.of(&wallet(7)), Some("y"));
        notes.set(wallet(7), "").unwrap();
        notes.set(wallet(1_024), "x").unwrap();
        assert_eq!(notes.wallets().count(), 1_024);
    }

    #[test]
    fn what_was_written_is_read_and_what_is_no_note_is_left_out() {
        let mut notes = Notes::default();
        notes.set(wallet(1), "the stall at the \"corner\"").unwrap();
        let mut written = notes.to_json();
        assert_eq!(Notes::of_json(&written), notes);
        written["no id"] = Value::from("x");
        written[wallet(2).to_string()] = Value::from("a\nb");
        written[wallet(3).to_string()] = Value::from(3);
        assert_eq!(Notes::of_json(&written), notes);
        assert_eq!(Notes::of_json(&Value::Null), Notes::default());
    }
}
