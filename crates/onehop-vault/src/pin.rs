//! What a person knows.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::PinError;

/// The fewest characters.
const CHARS_MIN: usize = 4;
/// The most bytes.
const BYTES_MAX: usize = 1024;

/// A PIN or a passphrase. It wipes itself and never prints.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// A PIN or passphrase of 4 characters to 1,024 bytes, none of them a control character.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn new(text: impl Into<String>) -> Result<Self, PinError> {
        let text = Zeroizing::new(text.into());
        if text.chars().any(char::is_control) {
            return Err(PinError::Control);
        }
        if text.chars().count() < CHARS_MIN {
            return Err(PinError::Short { min: CHARS_MIN });
        }
        if text.len() > BYTES_MAX {
            return Err(PinError::Long { max: BYTES_MAX });
        }
        Ok(Self(text))
    }

    /// True if it is a few digits only, which a copy of the folder does not keep for long.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.0.chars().count() < 10 || self.0.chars().all(|c| c.is_ascii_digit())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl PartialEq for Pin {
    /// For the two entries of a new PIN only: it takes no care of the time it needs.
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}
