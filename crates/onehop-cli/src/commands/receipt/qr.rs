//! A receipt as a QR code, and what a reader of one gives back.

use std::path::Path;

use anyhow::Result;
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::{TxId, encode};
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};
use serde_json::json;

use crate::commands::files::write_bytes;
use crate::exit::{Exit, Failure};
use crate::render::Screen;

/// What the text of a receipt begins with. All of the text is of the 45 characters that a QR code
/// packs most densely (RFC 9285).
const MARK: &str = "ONEHOP:";
/// The least that a picture measures on each side, in its own units.
const PICTURE: u32 = 600;

/// Shows the code, or writes it as a picture.
pub(super) fn show(
    screen: Screen,
    tx: &TxId,
    receipt: &ReceiptFile,
    svg: Option<&Path>,
) -> Result<Exit> {
    if let Some(file) = svg {
        write_bytes(file, self::svg(tx, receipt)?.as_bytes())?;
        let path = file.display().to_string();
        let json = json!({ "file": path, "tx": tx.to_string() });
        screen.progress("saved", format!("{path}: a QR code"), &json);
        return Ok(Exit::Done);
    }
    let json = json!({ "tx": tx.to_string(), "text": text(receipt) });
    screen.result(picture(tx, receipt)?, &json);
    Ok(Exit::Done)
}

/// The code as a picture.
pub(crate) fn svg(tx: &TxId, receipt: &ReceiptFile) -> Result<String> {
    let code = code(tx, receipt)?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(PICTURE, PICTURE).build())
}

/// The code as lines for a terminal, most of which are light on dark.
pub(crate) fn picture(tx: &TxId, receipt: &ReceiptFile) -> Result<String> {
    let code = code(tx, receipt)?;
    Ok(code
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build())
}

fn code(tx: &TxId, receipt: &ReceiptFile) -> Result<QrCode> {
    let text = text(receipt);
    // The receipt checks itself, so that nothing is spent on mending it.
    let code = QrCode::with_error_correction_level(&text, EcLevel::L).map_err(|_| {
        let text = format!(
            "payment {} has a receipt of {} characters, more than a QR code holds; use onehop \
             receipt save",
            tx.short(),
            text.len()
        );
        Failure::refused(text)
    })?;
    Ok(code)
}

/// The text of the code.
fn text(receipt: &ReceiptFile) -> String {
    format!("{MARK}{}", base45::encode(encode(receipt)))
}

/// The receipt in what a reader of QR codes gave, or the bytes as they are.
pub(super) fn unwrap(bytes: Vec<u8>) -> Vec<u8> {
    let text = std::str::from_utf8(&bytes).ok().map(str::trim);
    let code = text.and_then(|text| text.strip_prefix(MARK));
    code.and_then(|code| base45::decode(code).ok()).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::unwrap;

    #[test]
    fn what_a_reader_gives_is_taken_with_an_end_of_line_and_anything_else_is_left_alone() {
        assert_eq!(unwrap(b"ONEHOP:%69 VD92EX0\n".to_vec()), b"Hello!!");
        for other in [&b"ONEHOP:::::"[..], b"%69 VD92EX0", b"\xFF\xFE", b""] {
            assert_eq!(unwrap(other.to_vec()), other);
        }
    }
}
