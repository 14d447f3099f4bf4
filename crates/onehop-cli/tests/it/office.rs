//! The office: away, another one, an answer that got lost, and none but files.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use onehop_vault::Vault;

use crate::bench::Bench;

#[test]
fn without_the_office_the_purse_stays_open_and_payments_go_on() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    office.stop();
    for args in [&["sync"][..], &["charge", "5"], &["withdraw", "5"]] {
        bench.wallet("asha", args).fails(5, "is not reachable (payments between wallets still");
    }
    let (buyer, seller) = bench.pay("asha", "bharat", "7.35");
    buyer.says(0, "paid");
    seller.says(0, "paid: 7.35 INR");
    // Received money moves on, one hop.
    let (buyer, seller) = bench.pay("bharat", "asha", "5");
    buyer.says(0, "paid");
    seller.says(0, "paid: 5.00 INR");
}

#[test]
fn another_office_at_the_address_is_refused_by_its_id() {
    let bench = Bench::new();
    let office = bench.inr();
    let other = bench.office("other", "INR", "rbi-2023");
    bench.enrol("asha", &office.url, "50");
    let dir = bench.path("asha");
    let key = Vault::at(&dir).unlock(None).unwrap();
    let sealed = std::fs::read(dir.join("office")).unwrap();
    let text = String::from_utf8(key.open(b"office", &sealed).unwrap()).unwrap();
    let moved = text.replace(&office.url, &other.url);
    std::fs::write(dir.join("office"), key.seal(b"office", moved.as_bytes())).unwrap();
    bench.wallet("asha", &["sync"]).fails(5, "expected is");
    assert_eq!(bench.figure("asha", "spendable"), 5_000);
    let pin = "00".repeat(32);
    let init = ["init", "--office", &office.url, "--office-id", &pin, "--no-pin"];
    bench.wallet("new", &init).fails(5, "expected is 0000");
    assert!(!bench.path("new").exists());
}

#[test]
fn a_name_that_is_taken_is_refused_and_another_one_can_be_asked_for() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "");
    let init = ["init", "--office", &office.url, "--name", "asha", "--no-pin"];
    bench.wallet("second", &init).fails(5, "is taken");
    let bare = office.url.trim_start_matches("http://");
    let init = ["init", "--office", bare, "--name", "asha 2"];
    bench.wallet("second", &init).says(0, "\"asha 2\" is enrolled");
    bench.wallet("second", &init).fails(2, "already has a wallet");
}

#[test]
fn a_transfer_beyond_a_limit_is_refused_and_the_purse_is_renewed_all_the_same() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let ended = bench.wallet("asha", &["charge", "100000"]);
    ended.fails(3, "the purse is renewed all the same");
    bench.wallet("asha", &["withdraw", "50.01"]).fails(3, "the purse is renewed all the same");
    assert_eq!(bench.figure("asha", "spendable"), 5_000);
    bench.wallet("asha", &["withdraw", "20"]).says(0, "30.00 INR");
}

#[test]
fn a_charge_whose_answer_is_lost_charges_once_and_an_enrolment_enrols_once() {
    let bench = Bench::new();
    let office = bench.inr();
    let between = Between::new(&office.url);
    between.lose("POST /v1/enrol");
    let init = ["init", "--office", &between.url, "--name", "asha", "--no-pin"];
    bench.wallet("asha", &init).fails(5, "is not reachable");
    bench.wallet("asha", &["init", "--office", &between.url]).says(0, "\"asha\" is enrolled");
    between.lose("POST /v1/sync");
    bench.wallet("asha", &["charge", "50"]).fails(5, "is not reachable");
    bench.wallet("asha", &["pay"]).fails(3, "purse is closed");
    bench.wallet("asha", &["charge", "50"]).says(0, "spendable now        50.00 INR");
    between.lose("POST /v1/sync");
    bench.wallet("asha", &["charge", "7"]).fails(5, "is not reachable");
    bench.wallet("asha", &["sync"]).says(0, "spendable now        57.00 INR");
    between.lose("POST /v1/sync");
    bench.wallet("asha", &["charge", "1"]).fails(5, "is not reachable");
    // Another sum is another charge.
    bench.wallet("asha", &["charge", "2"]).says(0, "spendable now        60.00 INR");
}

#[test]
fn a_wallet_without_a_network_enrols_and_charges_through_files() {
    let bench = Bench::new();
    let office = bench.inr();
    let (info, ask, answer) = (bench.text("info"), bench.text("ask"), bench.text("answer"));
    let at = ["money-office", "--office", &office.dir];
    let run = |args: &[&str]| {
        let ended = bench.run(&at.iter().chain(args).copied().collect::<Vec<_>>());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    run(&["info", "--out", &info]);
    let init = ["init", "--office", &info, "--name", "asha", "--no-pin", "--offline-request", &ask];
    bench.wallet("asha", &init).says(0, "bytes for money-office answer");
    run(&["answer", &ask, "--out", &answer]);
    bench.wallet("asha", &["accept", &answer]).says(0, "\"asha\" is enrolled");
    bench.wallet("asha", &["accept", &answer]).fails(3, "enrolled already");
    let (ask, answer) = (bench.text("ask-2"), bench.text("answer-2"));
    bench.wallet("asha", &["request", "sync", "--charge", "50", &ask]).says(0, "ask-2");
    run(&["answer", &ask, "--out", &answer]);
    bench.wallet("asha", &["accept", &answer]).says(0, "spendable now        50.00 INR");
    // Where there is no network there may still be a pipe.
    let piped = format!(
        "'{0}' --wallet '{1}' request sync --withdraw 20 - | '{0}' money-office --office '{2}' \
         answer - | '{0}' --wallet '{1}' accept -",
        env!("CARGO_BIN_EXE_onehop"),
        bench.text("asha"),
        office.dir
    );
    let ended = std::process::Command::new("sh").args(["-c", &piped]).output().unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    assert!(out.contains("spendable now        30.00 INR"), "{ended:?}");
    std::fs::write(bench.path("junk"), b"junk").unwrap();
    bench.wallet("asha", &["accept", &bench.text("junk")]).fails(2, "is not an answer");
}

/// Stands between a wallet and its office, and loses one answer when told to.
struct Between {
    url: String,
    lose: std::sync::mpsc::Sender<&'static str>,
}

impl Between {
    fn new(office: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let office = office.trim_start_matches("http://").to_owned();
        let (lose, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut lost = None;
            for stream in listener.incoming().map_while(Result::ok) {
                lost = told.try_iter().last().or(lost);
                lost = pass(stream, &office, lost);
            }
        });
        Self { url, lose }
    }

    fn lose(&self, what: &'static str) {
        self.lose.send(what).unwrap();
    }
}

/// Passes one request on, and its answer back unless it is the one to lose.
fn pass(mut wallet: TcpStream, office: &str, lost: Option<&'static str>) -> Option<&'static str> {
    let request = read_request(&mut wallet);
    // One request for each connection, so that the office's end of it is the answer's end.
    let text = String::from_utf8_lossy(&request).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default().len();
    let mut passed = request[..head].to_vec();
    passed.extend(b"\r\nconnection: close");
    passed.extend(&request[head..]);
    let mut there = TcpStream::connect(office).unwrap();
    there.write_all(&passed).unwrap();
    let mut answer = Vec::new();
    there.read_to_end(&mut answer).unwrap();
    if lost.is_some_and(|lost| text.starts_with(lost)) {
        wallet.shutdown(Shutdown::Both).ok();
        return None;
    }
    wallet.write_all(&answer).ok();
    lost
}

fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if request.len() >= head.len() + 4 + length {
                return request;
            }
        }
        let read = stream.read(&mut buffer).unwrap();
        if read == 0 {
            return request;
        }
        request.extend(&buffer[..read]);
    }
}

#[test]
fn an_https_office_is_met_only_by_whom_the_wallet_is_told_to_trust() {
    let bench = Bench::new();
    let plain = bench.inr();
    let dir = plain.dir.clone();
    plain.stop();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (bench.text("office.cert"), bench.text("office.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let office = bench.serve(dir, "https", &["--tls-cert", &certificate, "--tls-key", &key]);
    let init = ["init", "--office", &office.url, "--name", "asha", "--no-pin"];
    bench.wallet("asha", &init).fails(5, "UnknownIssuer");
    let with = |file: &str| {
        let more = ["--office-ca", file].map(ToOwned::to_owned);
        init.iter().map(ToString::to_string).chain(more).collect::<Vec<_>>()
    };
    let run = |file: &str| {
        let args = with(file);
        bench.wallet("asha", &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    run(&key).fails(2, "office.key holds no certificate as PEM");
    run(&bench.text("missing")).fails(1, "missing");
    run(&certificate).says(0, "\"asha\" is enrolled");
    // The certificate is the wallet's now.
    std::fs::remove_file(&certificate).unwrap();
    bench.wallet("asha", &["charge", "5"]).says(0, "5.00 INR");
}
