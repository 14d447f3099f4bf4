//! Every bound of the wire format in one place, with its unit and its reason.

/// Longest sealed message without attachments, in bytes (spec §4).
pub const MESSAGE_MAX: usize = 1024;
/// Longest NEWS, in bytes of the encoded message (spec §5.12).
pub const NEWS_MAX: usize = 4 * 1024;
/// Most items of one NEWS.
pub const NEWS_ITEMS_MAX: usize = 64;
/// Longest packet a peer may send, in bytes: one attachment part and its envelope fit.
pub const PACKET_MAX: usize = 9 * 1024;
/// All attachments of one AGREED together, nested ones included, in bytes (spec §6.4).
pub const ATTACHMENTS_BYTES_MAX: usize = 8 * 1024;
/// Receipts that one AGREED may carry.
pub const RECEIPTS_MAX: usize = 2;
/// Releases that one AGREED may carry.
pub const RELEASES_MAX: usize = 8;
/// Attachments that one AGREED may carry.
pub const ATTACHMENTS_MAX: usize = RECEIPTS_MAX.saturating_add(RELEASES_MAX);
/// Receipts within receipts, at most this deep.
pub const NESTING_MAX: u8 = 8;
/// Longest display name, in bytes of UTF-8.
pub const NAME_MAX: usize = 40;
/// Longest order id, in bytes of UTF-8.
pub const ORDER_ID_MAX: usize = 32;
/// Longest order text, in bytes of UTF-8.
pub const ORDER_TEXT_MAX: usize = 256;
/// Longest request to the office or answer from it, in bytes.
pub const OFFICE_BODY_MAX: usize = 4 * 1024 * 1024;
/// Longest sealed letter of a wallet to its office or of the office to it, in bytes (spec §9.12).
pub const LETTER_MAX: usize = 64 * 1024;
/// A letter to an office is padded to a multiple of this, in bytes.
pub const LETTER_PAGE: usize = 1024;
/// Most zeros of a letter's padding: a page, and what the length of their own length skips.
pub const LETTER_PADDING_MAX: usize = 2 * LETTER_PAGE;
/// Entries of one SYNC: a checkpoint holds no more payments than this.
pub const SYNC_ENTRIES_MAX: usize = 1024;
/// Claims in one request to the office.
pub const CLAIMS_MAX: usize = 64;
/// Outcomes in one answer of the office.
pub const OUTCOMES_MAX: usize = 4096;
/// Most office keys in one file or answer.
pub const OFFICE_KEYS_MAX: usize = 16;
/// Most successors of a root in one file or in an office's information.
pub const NEW_ROOTS_MAX: usize = 16;
/// Most certificates in one case file.
pub const CERTIFICATES_MAX: usize = 16;
/// Most exhibits in one case file.
pub const EXHIBITS_MAX: usize = 64;
/// Wallets in one revocation list.
pub const REVOCATIONS_MAX: usize = 4096;
/// Wallets that one revocation delta may add.
pub const DELTA_WALLETS_MAX: usize = 64;
/// Revocation deltas in one answer of the office, and that a wallet keeps to pass on.
pub const DELTAS_MAX: usize = 64;
/// Versions that one HELLO 1 may offer.
pub const VERSIONS_MAX: usize = 4;
/// The only protocol version there is.
pub const VERSION: u8 = 1;
