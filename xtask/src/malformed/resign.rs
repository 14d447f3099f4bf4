//! What the dishonest sign again after they changed it.

use onehop_crypto::SigningKey;
use onehop_wire::domain::domain;
use onehop_wire::{OfficeId, Statement, decode, limits::OFFICE_BODY_MAX};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mutants::Genuine;

/// The bytes of a body, signed as they are.
#[derive(Debug, Serialize)]
struct Raw<'a> {
    kind: &'a str,
    body: &'a [u8],
}

impl Statement for Raw<'_> {
    const TYPE: &'static str = "raw";

    fn signing_input(&self, office: &OfficeId) -> Vec<u8> {
        [&domain(self.kind)[..], office.as_bytes(), self.body].concat()
    }
}

/// `CommitRequest` as the domains write it: `commit-request`.
fn domain_name(body: &str) -> String {
    let mut name = String::new();
    for letter in body.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Signs each statement of a `T` again whose signer `whose` knows, inner ones first.
///
/// `whose` is asked by the type of the statement and its path. None if `bytes` are no `T`.
pub(crate) fn resign<T: Serialize + DeserializeOwned>(
    office: &OfficeId,
    bytes: &[u8],
    whose: &dyn Fn(&str, &str) -> Option<SigningKey>,
) -> Option<Vec<u8>> {
    let value: T = decode(bytes, OFFICE_BODY_MAX).ok()?;
    let fields = Genuine::new(&value).ok()?.fields;
    let mut bytes = bytes.to_vec();
    for field in &fields {
        let body = field.kind.strip_prefix("Signed<").and_then(|kind| kind.strip_suffix('>'));
        let Some(body) = body else { continue };
        let Some(signer) = whose(body, &field.path) else { continue };
        let at = field.to.checked_sub(64)?;
        let kind = domain_name(body);
        let raw = Raw { kind: &kind, body: bytes.get(field.from..at)? };
        let signature = signer.sign(office, raw).signed().signature;
        bytes.get_mut(at..field.to)?.copy_from_slice(&signature.0);
    }
    Some(bytes)
}
