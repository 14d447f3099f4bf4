//! hpke.json: RFC 9180, appendix A.2.1, as the RFC prints it.

use anyhow::ensure;
use onehop_crypto::{Sealer, SessionSecret};
use onehop_wire::SessionKey;
use serde_json::json;

use super::fixed_rng::FixedRng;
use super::readable::{Case, hex};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const EPHEMERAL_IKM: &str = "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b";
const EPHEMERAL_SECRET: &str = "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600";
const ENC: &str = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a";
const RECIPIENT_SECRET: &str = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb";
const RECIPIENT_PUBLIC: &str = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
const PLAINTEXT: &str = "4265617574792069732074727574682c20747275746820626561757479";
/// Sequence number, associated data, ciphertext.
const SEALS: [(usize, &str, &str); 6] = [
    (
        0,
        "436f756e742d30",
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
    ),
    (
        1,
        "436f756e742d31",
        "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c",
    ),
    (
        2,
        "436f756e742d32",
        "71146bd6795ccc9c49ce25dda112a48f202ad220559502cef1f34271e0cb4b02b4f10ecac6f48c32f878fae86b",
    ),
    (
        4,
        "436f756e742d34",
        "63357a2aa291f5a4e5f27db6baa2af8cf77427c7c1a909e0b37214dd47db122bb153495ff0b02e9e54a50dbe16",
    ),
    (
        255,
        "436f756e742d323535",
        "18ab939d63ddec9f6ac2b60d61d36a7375d2070c9b683861110757062c52b8880a5f6b3936da9cd6c23ef2a95c",
    ),
    (
        256,
        "436f756e742d323536",
        "7a4a13e9ef23978e2c520fd4d2e757514ae160cd0cd05e556ef692370ca53076214c0c40d4c728d6ed9e727a5b",
    ),
];

pub(crate) fn cases() -> anyhow::Result<Vec<Case>> {
    let seals = SEALS.map(|(number, aad, ciphertext)| {
        json!({
            "number": number.to_string(),
            "aad": aad,
            "plaintext": PLAINTEXT,
            "ciphertext": ciphertext,
        })
    });
    let case = Case::new("RFC 9180, A.2.1, base mode")
        .with("info", INFO)
        .with("recipient_secret", RECIPIENT_SECRET)
        .with("recipient_public", RECIPIENT_PUBLIC)
        .with("ephemeral_ikm", EPHEMERAL_IKM)
        .with("ephemeral_secret", EPHEMERAL_SECRET)
        .with("enc", ENC)
        .with("seals", seals.to_vec());
    sealed_as_printed()?;
    Ok(vec![case])
}

/// What the RFC prints is what this project's own sender makes of the same randomness.
fn sealed_as_printed() -> anyhow::Result<()> {
    let recipient = SessionKey::from_hex(RECIPIENT_PUBLIC)?;
    let mut rng = FixedRng::new(&[&hex::decode(EPHEMERAL_IKM)?]);
    let (enc, mut sealer) = Sealer::setup(&mut rng, &recipient, &hex::decode(INFO)?)?;
    ensure!(rng.is_used_up(), "the ephemeral key is made of less randomness");
    ensure!(hex(enc.0) == *ENC, "the encapsulated key is another");
    let secret = SessionSecret::from_bytes(SessionKey::from_hex(EPHEMERAL_SECRET)?.0);
    ensure!(secret.public() == enc, "the ephemeral secret is another");
    let mut next = 0;
    for (number, aad, ciphertext) in SEALS {
        while next < number {
            sealer.seal(&[], &[])?;
            next += 1;
        }
        let sealed = sealer.seal(&hex::decode(aad)?, &hex::decode(PLAINTEXT)?)?;
        ensure!(hex(sealed) == *ciphertext, "ciphertext {number} is another");
        next += 1;
    }
    Ok(())
}
