//! Many wallets whose requests are on their way at once, asked by two devices each, some of whose
//! answers nobody hears.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use onehop_wire::office::{ClaimAnswer, ClaimBundle, OutcomeKind, SyncAnswer, Transfer, Verdict};
use onehop_wire::{Claim, List, TxId, decode, encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::contract::Dice;
use crate::office::{Folder, Serving};
use crate::wallet::Wallet;

/// What each payer charges, in minor units.
const CHARGE: u64 = 50_000;
/// Payments of each payer.
const PAYMENTS: u64 = 5;
/// A device that is refused a connection tries again after this.
const AGAIN: Duration = Duration::from_millis(20);

/// Payers that have paid, and the evidence that their payees have.
pub(crate) struct Crowd {
    pub(crate) payers: Vec<Wallet>,
    pub(crate) claims: Vec<Claim>,
}

/// One request, for as many devices as ask it.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) path: &'static str,
    pub(crate) body: Arc<Vec<u8>>,
}

impl Request {
    pub(crate) fn new<T: serde::Serialize>(path: &'static str, body: &T) -> Self {
        Self { path, body: Arc::new(encode(body)) }
    }
}

impl Crowd {
    /// Enrols, charges and lets everybody pay, with no office.
    pub(crate) fn gather(office: &Serving, payers: u8, payees: u8) -> Self {
        let named = |seed: u8| Wallet::enrol(office, seed, &format!("wallet {seed}"));
        let payees: Vec<Wallet> = (1..=payees).map(named).collect();
        let mut payers: Vec<Wallet> = (101..101 + payers).map(named).collect();
        let mut claims = Vec::new();
        for (at, payer) in (0u64..).zip(&mut payers) {
            let charge = payer.sync_request(Transfer::Charge(CHARGE));
            payer.renew(office.post("/v1/sync", &charge).read());
            for number in 0..PAYMENTS {
                let payee = &payees[usize::try_from((at + number) % 3).unwrap() % payees.len()];
                let mut tx = [0; 32];
                tx[..16].copy_from_slice(&[at.to_be_bytes(), number.to_be_bytes()].concat());
                claims.push(payer.pay_once_more(payee, 100 + number, TxId(tx)));
            }
        }
        Self { payers, claims }
    }

    /// Every payer's SYNC, and `uploads` times all claims, shuffled into bundles.
    pub(crate) fn requests(&self, uploads: usize, dice: &mut Dice) -> Vec<Request> {
        let sync = |payer: &Wallet| Request::new("/v1/sync", &payer.sync_request(Transfer::None));
        let mut requests: Vec<Request> = self.payers.iter().map(sync).collect();
        for _ in 0..uploads {
            requests.extend(self.bundles(dice));
        }
        shuffle(&mut requests, dice);
        requests
    }

    /// All claims, shuffled into bundles.
    pub(crate) fn bundles(&self, dice: &mut Dice) -> Vec<Request> {
        let mut claims = self.claims.clone();
        shuffle(&mut claims, dice);
        let bundle = |part: &[Claim]| {
            let claims = List::new(part.to_vec()).unwrap();
            Request::new("/v1/claim", &ClaimBundle { claims })
        };
        claims.chunks(8).map(bundle).collect()
    }

    /// What each payee is owed, in minor units.
    pub(crate) fn owed(&self) -> BTreeMap<String, u64> {
        let mut owed = BTreeMap::new();
        for claim in &self.claims {
            let payee = claim.agreed.body.payee.to_string();
            *owed.entry(payee).or_insert(0) += claim.agreed.body.amount;
        }
        owed
    }

    /// Each claim is paid, once: every answer that ever was says the same, the payees have what
    /// they are owed, and the books are exact.
    pub(crate) fn is_paid_once(&self, folder: &Folder, office: &Serving, heard: &[Heard]) {
        let mut outcomes: BTreeMap<TxId, Vec<u8>> = BTreeMap::new();
        let mut syncs: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
        let last: Vec<Heard> = self
            .bundles(&mut Dice::new(1))
            .into_iter()
            .map(|request| {
                let media_type = "application/octet-stream";
                let reply = office.post_bytes(request.path, media_type, &request.body);
                assert_eq!(reply.status, 200);
                Heard { request, answer: reply.body }
            })
            .collect();
        for heard in heard.iter().chain(&last) {
            if heard.request.path == "/v1/sync" {
                decode::<SyncAnswer>(&heard.answer, heard.answer.len()).unwrap();
                let first = syncs.entry(heard.request.body.to_vec()).or_insert(&heard.answer);
                assert_eq!(*first, heard.answer, "one SYNC, two answers");
                continue;
            }
            let answer: ClaimAnswer = decode(&heard.answer, heard.answer.len()).unwrap();
            for verdict in answer.verdicts.iter() {
                match verdict {
                    Verdict::Pending(_) => {}
                    Verdict::Refused(words) => panic!("{}", words.as_str()),
                    Verdict::Outcome(outcome) => {
                        assert_eq!(outcome.body.kind, OutcomeKind::Paid);
                        let known =
                            outcomes.entry(outcome.body.tx).or_insert_with(|| encode(outcome));
                        assert_eq!(*known, encode(outcome), "one payment, two outcomes");
                    }
                }
            }
        }
        assert_eq!(outcomes.len(), self.claims.len(), "every claim is paid in the end");
        assert_eq!(syncs.len(), self.payers.len());
        let wallets = folder.ok(&["wallets", "--json"]);
        let mut owed = self.owed();
        for line in wallets.lines() {
            let wallet: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(sum) = owed.remove(wallet["wallet"].as_str().unwrap()) {
                assert_eq!(wallet["account"], sum, "{line}");
            }
        }
        assert!(owed.is_empty(), "{owed:?}");
        let audit: serde_json::Value =
            serde_json::from_str(&folder.ok(&["audit", "--json"])).unwrap();
        assert_eq!(audit["books_balance"], true, "{audit}");
        assert_eq!((&audit["missing"], &audit["suspense"]), (&0.into(), &0.into()), "{audit}");
    }
}

/// A request that was answered.
pub(crate) struct Heard {
    pub(crate) request: Request,
    pub(crate) answer: Vec<u8>,
}

pub(crate) fn shuffle<T>(items: &mut [T], dice: &mut Dice) {
    for last in (1..items.len()).rev() {
        items.swap(last, usize::try_from(dice.roll(last as u64 + 1)).unwrap());
    }
}

/// A storm under way.
pub(crate) struct Storm {
    /// One word for each answer that a device heard.
    pub(crate) progress: Receiver<()>,
    done: std::thread::JoinHandle<Vec<Heard>>,
}

impl Storm {
    /// All requests at once, each by two devices, at the services in turn. A device whose answer is
    /// lost asks again, until it hears one.
    pub(crate) fn begin(requests: Vec<Request>, at: Vec<SocketAddr>, seed: u64) -> Self {
        let (said, progress) = channel();
        let done = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(all(requests, at, seed, said))
        });
        Self { progress, done }
    }

    /// Waits for `count` more answers; false if the storm is over before.
    pub(crate) fn after(&self, count: u64) -> bool {
        (0..count).all(|_| self.progress.recv().is_ok())
    }

    pub(crate) fn end(self) -> Vec<Heard> {
        self.done.join().unwrap()
    }
}

async fn all(
    requests: Vec<Request>,
    at: Vec<SocketAddr>,
    seed: u64,
    said: Sender<()>,
) -> Vec<Heard> {
    let mut devices = tokio::task::JoinSet::new();
    for (number, request) in (0u64..).zip(requests) {
        for device in 0..2 {
            let mut turn = at.clone();
            turn.rotate_left(usize::try_from(number + device).unwrap() % at.len());
            let dice = Dice::new(seed ^ (number * 2 + device).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            devices.spawn(until_heard(request.clone(), turn, dice, said.clone()));
        }
    }
    drop(said);
    devices.join_all().await
}

async fn until_heard(
    request: Request,
    at: Vec<SocketAddr>,
    mut dice: Dice,
    said: Sender<()>,
) -> Heard {
    for address in at.iter().cycle() {
        // A quarter of the answers nobody hears.
        let is_lost = dice.roll(4) == 0;
        match ask(*address, &request, is_lost).await {
            Ok(Some((200, answer))) => {
                said.send(()).ok();
                return Heard { request, answer };
            }
            // The office says itself that it answers nothing: the database is away, or busy.
            Ok(Some((503, _))) | Err(_) => tokio::time::sleep(AGAIN).await,
            Ok(Some((status, body))) => {
                panic!("{} is answered {status}: {}", request.path, String::from_utf8_lossy(&body))
            }
            Ok(None) => {}
        }
    }
    unreachable!("somebody is asked for ever")
}

/// Status and body of an answer; nothing if the device went away before it came.
async fn ask(
    at: SocketAddr,
    request: &Request,
    is_lost: bool,
) -> std::io::Result<Option<(u16, Vec<u8>)>> {
    let mut stream = TcpStream::connect(at).await?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: office\r\ncontent-type: application/octet-stream\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        request.path,
        request.body.len()
    );
    stream.write_all(&[head.as_bytes(), &request.body].concat()).await?;
    if is_lost {
        return Ok(None);
    }
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(cut)?;
    let head = String::from_utf8_lossy(&reply[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(cut)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let body = reply.split_off(end + 4);
    if length.and_then(|it| it.trim().parse().ok()) != Some(body.len()) {
        return Err(cut());
    }
    Ok(Some((status, body)))
}
