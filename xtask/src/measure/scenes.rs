//! What is measured from outside, by callgrind and strace: each scene is a run of this program of
//! its own, so that nothing else is counted.

use std::path::Path;

use anyhow::{Context, Result, bail};
use onehop_crypto::{Opener, Sealer, SessionSecret, SigningKey, Verified, verify};
use onehop_proto::{Config, Wallet};
use onehop_store::{DataKey, OpenMode, SledFile, SledJournal};
use onehop_wire::{Agreed, Currency, Hash, List, OfficeId, TxId, UnixSeconds, WalletId, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::pair::Pair;
use super::past;

/// How often a primitive is done in its scene.
pub(crate) const TIMES: u64 = 50;
/// Line on stderr that begins and ends what strace shall count.
pub(crate) const MARK: &str = "measured part";

/// Plays one scene.
pub(crate) fn play(name: &str, n: u64, folder: &Path) -> Result<()> {
    match name {
        "payment" => payment(),
        "sign" | "verify" | "keygen" | "hpke-sender" | "hpke-receiver" | "seal" | "open" => {
            primitive(name)
        }
        "history" => history(folder),
        "flushes" => flushes(folder),
        "past" => write_past(n, folder),
        "memory" => memory(folder),
        _ => bail!("no scene is called {name:?}"),
    }
}

fn payment() -> Result<()> {
    let mut pair = Pair::new(0, 0)?;
    measured_part(&mut pair)
}

/// Handshake and payment of two wallets that never met.
#[inline(never)]
fn measured_part(pair: &mut Pair) -> Result<()> {
    pair.shake_hands()?;
    let tx = pair.ask(735)?;
    pair.confirm(&tx)
}

/// The same with the past that the folder holds: the keys are the same in every run.
fn history(folder: &Path) -> Result<()> {
    let mut pair = Pair::new(0, 0)?;
    let snapshot = std::fs::read(folder.join("snapshot"))?;
    let lsn = u64::try_from(pair.buyer.records.len())?;
    let wallet = Wallet::recover(Config::default(), [9; 32], Some((lsn, &snapshot)), [])?;
    pair.buyer.wallet = wallet;
    measured_part(&mut pair)
}

/// A body of the size of a vote, and who signs it.
fn sample() -> (OfficeId, SigningKey, Agreed) {
    let body = Agreed {
        checkpoint: Hash([1; 32]),
        seq: 3,
        prev: Hash([2; 32]),
        amount: 735,
        cum_out: 2_000,
        cum_back: 0,
        cum_in: 0,
        currency: Currency::by_code("INR").unwrap_or_else(|_| unreachable!("INR is known")),
        payee: WalletId([3; 32]),
        tx: TxId([4; 32]),
        request: Hash([5; 32]),
        redeem_by: UnixSeconds(1_781_000_000),
        refund_of: None,
        hops: 0,
        attachments: List::empty(),
    };
    (OfficeId([6; 32]), SigningKey::from_seed(&[7; 32]), body)
}

#[inline(never)]
fn measured_sign(office: &OfficeId, key: &SigningKey, body: &Agreed) -> Verified<Agreed> {
    key.sign(office, body.clone())
}

#[inline(never)]
fn measured_verify(
    office: &OfficeId,
    key: &SigningKey,
    signed: &Verified<Agreed>,
) -> Result<Verified<Agreed>> {
    Ok(verify(office, &key.public(), signed.signed().clone())?)
}

#[inline(never)]
fn measured_keygen(rng: &mut ChaCha20Rng) -> (SessionSecret, onehop_wire::SessionKey) {
    let secret = SessionSecret::generate(rng);
    let public = secret.public();
    (secret, public)
}

#[inline(never)]
fn measured_sender(
    rng: &mut ChaCha20Rng,
    to: &onehop_wire::SessionKey,
) -> Result<(onehop_wire::SessionKey, Sealer)> {
    Ok(Sealer::setup(rng, to, &[1; 64])?)
}

#[inline(never)]
fn measured_receiver(secret: &SessionSecret, enc: &onehop_wire::SessionKey) -> Result<Opener> {
    Ok(Opener::setup(secret, enc, &[1; 64])?)
}

#[inline(never)]
fn measured_seal(sealer: &mut Sealer, plaintext: &[u8]) -> Result<Vec<u8>> {
    Ok(sealer.seal(&[2; 40], plaintext)?)
}

#[inline(never)]
fn measured_open(opener: &mut Opener, ciphertext: &[u8]) -> Result<Vec<u8>> {
    Ok(opener.open(&[2; 40], ciphertext)?)
}

fn primitive(name: &str) -> Result<()> {
    let (office, key, body) = sample();
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let plaintext = encode(key.sign(&office, body.clone()).signed());
    for _ in 0..TIMES {
        let signed = key.sign(&office, body.clone());
        let secret = SessionSecret::generate(&mut rng);
        let public = secret.public();
        match name {
            "sign" => drop(measured_sign(&office, &key, &body)),
            "verify" => drop(measured_verify(&office, &key, &signed)?),
            "keygen" => drop(measured_keygen(&mut rng)),
            "hpke-sender" => drop(measured_sender(&mut rng, &public)?),
            _ => {
                let (enc, mut sealer) = Sealer::setup(&mut rng, &public, &[1; 64])?;
                if name == "hpke-receiver" {
                    drop(measured_receiver(&secret, &enc)?);
                    continue;
                }
                if name == "seal" {
                    drop(measured_seal(&mut sealer, &plaintext)?);
                    continue;
                }
                let mut opener = Opener::setup(&secret, &enc, &[1; 64])?;
                let sealed = sealer.seal(&[2; 40], &plaintext)?;
                measured_open(&mut opener, &sealed)?;
            }
        }
    }
    Ok(())
}

/// Two wallets with their logs on disk: one payment between two marks.
fn flushes(folder: &Path) -> Result<()> {
    let mut pair = Pair::new(0, 0)?;
    for (side, name) in [(&mut pair.buyer, "buyer"), (&mut pair.seller, "seller")] {
        let file = SledFile::open(&folder.join(name), "wallet", 1, OpenMode::Create)?;
        side.keep_log(SledJournal::new(file.sealed(DataKey::new(&[1; 32], [2; 16]))))?;
    }
    pair.shake_hands()?;
    eprintln!("{MARK}");
    let tx = pair.ask(735)?;
    pair.confirm(&tx)?;
    eprintln!("{MARK}");
    Ok(())
}

/// Writes a snapshot with `n` past payments.
fn write_past(n: u64, folder: &Path) -> Result<()> {
    let pair = Pair::new(0, 0)?;
    Ok(std::fs::write(folder.join("snapshot"), past::snapshot(&pair.buyer.records, n)?)?)
}

/// Opens that snapshot and prints the resident memory of this process, in KiB.
fn memory(folder: &Path) -> Result<()> {
    let snapshot = std::fs::read(folder.join("snapshot"))?;
    let wallet = Wallet::recover(Config::default(), [9; 32], Some((1, &snapshot)), [])?;
    drop(snapshot);
    println!("{}", resident()?);
    drop(wallet);
    Ok(())
}

fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("no /proc")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
    let number = line.split_whitespace().nth(1).context("no figure")?;
    Ok(number.parse()?)
}
