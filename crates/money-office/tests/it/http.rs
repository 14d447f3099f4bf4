//! The service.

use onehop_wire::office::{
    ClaimAnswer, ClaimBundle, OfficeAnswer, OfficeInfo, OfficeRequest, OutcomeKind, SyncAnswer,
    Transfer, Verdict,
};
use onehop_wire::{Checkpoint, List, Signed, decode, encode};

use crate::office::{Folder, Serving};
use crate::wallet::{Wallet, enrol_request};

/// [O-17] [O-18]
#[test]
fn wallets_enrol_charge_pay_and_settle_and_a_kill_changes_no_answer() {
    let folder = Folder::init();
    let office = folder.serve();
    let mut buyer = Wallet::enrol(&office, 1, "buyer");
    let seller = Wallet::enrol(&office, 2, "seller");
    let charge = buyer.sync_request(Transfer::Charge(50_000));
    let charged = office.post("/v1/sync", &charge);
    buyer.renew(charged.read::<SyncAnswer>());
    assert_eq!(buyer.checkpoint.body.balance, 50_000);
    let claim = buyer.pay(&seller, 735);
    let claims = ClaimBundle { claims: List::new(vec![claim]).unwrap() };
    let first: ClaimAnswer = office.post("/v1/claim", &claims).read();
    assert!(matches!(first.verdicts[0], Verdict::Pending(_)));
    assert_eq!(office.get(&format!("/v1/outcome/{}", "09".repeat(32))).status, 404);
    let sync = buyer.sync_request(Transfer::None);
    let synced = office.post("/v1/sync", &sync);
    assert_eq!(synced.read::<SyncAnswer>().checkpoint.body.balance, 50_000 - 735);
    let paid = office.post("/v1/claim", &claims);
    drop(office);

    let office = folder.serve();
    assert_eq!(office.post("/v1/sync", &charge).body, charged.body);
    assert_eq!(office.post("/v1/sync", &sync).body, synced.body);
    let again = office.post("/v1/claim", &claims);
    assert_eq!(again.body, paid.body);
    let verdict = again.read::<ClaimAnswer>().verdicts[0].clone();
    let Verdict::Outcome(outcome) = verdict else { panic!("{verdict:?}") };
    assert_eq!(outcome.body.kind, OutcomeKind::Paid);
    let stored = office.get(&format!("/v1/outcome/{}", "09".repeat(32)));
    assert_eq!(stored.body, encode(&outcome));
    // The operator's commands go through the service that has the store open.
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
    assert!(folder.ok(&["wallet", "seller"]).contains("account 7.35 INR"));
    let csv = folder.ok(&["statement", "seller"]);
    let lines: Vec<&str> = csv.lines().collect();
    let [header, line] = *lines else { panic!("{csv}") };
    assert_eq!(header, "posting,at,from,to,amount,currency,evidence");
    let fields: Vec<&str> = line.split(',').collect();
    assert!(fields[2].starts_with("suspense/0909"), "{line}");
    assert_eq!(fields[3], format!("account/{}", seller.key.wallet()));
    assert_eq!((fields[4], fields[5]), ("7.35", "INR"));
    let json = folder.ok(&["statement", "buyer", "--format", "jsonl", "-"]);
    let rows = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sums: Vec<String> = rows.map(|row| row["amount"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sums, ["500.00", "7.35", "492.65"]);
    folder.ok(&["deposit", "seller", "2.65"]);
    folder.ok(&["redeem", "seller", "10"]);
    let refused = folder.refused(&["redeem", "seller", "0.01"], 4);
    assert_eq!(refused, "insufficient funds: 0.01 INR asked, 0.00 INR free");
    drop(office);
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
    assert!(folder.ok(&["settle"]).starts_with("0 paid"));
    a_lost_wallet_and_a_bond(&folder);
}

fn a_lost_wallet_and_a_bond(folder: &Folder) {
    let early = folder.refused(&["refund", "seller", "buyer"], 4);
    assert!(early.ends_with(" was not reported lost"), "{early}");
    folder.ok(&["deposit", "seller", "5"]);
    assert!(folder.ok(&["bond", "seller", "3"]).contains("account 2.00 INR"));
    let early = folder.refused(&["release-bond", "seller", "3"], 4);
    assert!(early.contains(" may be claimed until "), "{early}");
    assert!(folder.ok(&["report-lost", "seller"]).contains("bond 3.00 INR, lost, refund from "));
    let early = folder.refused(&["refund", "seller", "buyer"], 4);
    assert!(early.contains(" may be claimed until "), "{early}");
    assert_eq!(folder.ok(&["debts"]), "nobody owes anything\n");
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}

/// [O-20]
#[test]
fn requests_that_are_unsigned_malformed_or_too_large_are_problems_and_change_nothing() {
    let folder = Folder::init();
    let mut office = folder.serve();
    let buyer = Wallet::enrol(&office, 1, "buyer");
    let before = folder.ok(&["wallets", "--json"]);
    let info: OfficeInfo = office.get("/v1/office").read();
    let mut unsigned = enrol_request(&info, 3, "new");
    unsigned.body.name = onehop_wire::Text::new("other").unwrap();
    let reply = office.post("/v1/enrol", &unsigned);
    let problem = (reply.status, reply.problem());
    assert_eq!(problem, (422, "signature of a enrol does not verify".to_owned()));
    let mut sync = buyer.sync_request(Transfer::Charge(1));
    sync.body.transfer = Transfer::Charge(2);
    let reply = office.post("/v1/sync", &sync);
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (422, "signature of a sync does not verify")
    );
    let good = encode(&buyer.sync_request(Transfer::None));
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        let reply = office.post_bytes("/v1/sync", "application/octet-stream", &good[..cut]);
        assert_eq!(reply.status, 400);
        assert!(reply.problem().starts_with("request is not readable: "));
    }
    let long = [good.as_slice(), &[0]].concat();
    let reply = office.post_bytes("/v1/sync", "application/octet-stream", &long);
    assert_eq!(reply.problem(), "request is not readable: 1 bytes follow the end");
    assert_eq!(office.post_bytes("/v1/sync", "text/plain", &good).status, 415);
    let large = vec![0; 4 * 1024 * 1024 + 1];
    let reply = office.post_bytes("/v1/claim", "application/octet-stream", &large);
    assert_eq!((reply.status, reply.problem().as_str()), (413, "the body is over 4194304 bytes"));
    assert_eq!(office.get("/v1/nothing").status, 404);
    assert_eq!(office.get("/v1/sync").status, 405);
    assert_eq!(office.get("/v1/outcome/xyz").status, 400);
    let order = money_office::OperatorCommand {
        nonce: onehop_wire::Nonce([1; 16]),
        at: money_office::service::now(),
        command: money_office::Command::Deposit { wallet: buyer.key.wallet(), amount: 5 },
    };
    let forged = buyer.key.sign(&buyer.office, order).into_signed();
    let reply = office.as_operator(|office| office.post("/v1/operator/command", &forged));
    assert_eq!(reply.status, 401);
    assert_eq!(reply.problem(), "signature of a operator-command does not verify");
    assert!(folder.log().contains("operator call refused"), "{}", folder.log());
    assert_eq!(folder.ok(&["wallets", "--json"]), before);
}

fn assert_described(office: &Serving) {
    let document = office.get("/openapi.json");
    let document: serde_json::Value = serde_json::from_slice(&document.body).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{tx}", &"00".repeat(32));
        let reply = match methods.get("post") {
            Some(_) => office.post_bytes(&path, "application/octet-stream", &[]),
            None => office.get(&path),
        };
        assert!(reply.status != 405, "{path}");
        assert!(reply.status != 404 || reply.problem() == "the payment has no outcome", "{path}");
    }
    let health = office.get("/health");
    assert_eq!((health.status, health.body.as_slice()), (200, &br#"{"status":"serving"}"#[..]));
}

#[test]
fn the_documents_served_describe_what_is_served_and_health_says_so() {
    let folder = Folder::init();
    let mut office = folder.serve();
    assert_described(&office);
    office.as_operator(assert_described);
}

/// [O-25]
#[test]
fn wallets_and_the_operator_have_listeners_of_their_own() {
    let folder = Folder::init();
    let mut office = folder.serve();
    for path in ["/v1/operator/command", "/metrics"] {
        assert_eq!(office.post_bytes(path, "application/octet-stream", &[]).status, 404, "{path}");
        assert_eq!(office.get(path).status, 404, "{path}");
    }
    assert_eq!(office.as_operator(|office| office.get("/v1/sync")).status, 404);
    drop(office);
    let refused = folder.refused(&["serve", "--operator-listen", "0.0.0.0:0"], 4);
    assert_eq!(refused, "the operator's address must be a loopback address, not 0.0.0.0:0");
}

#[test]
fn a_monitor_reads_what_was_answered_and_the_log_names_nothing_that_a_client_wrote() {
    let folder = Folder::init();
    let mut office = folder.serve_with(&["--log", "json"]);
    let buyer = Wallet::enrol(&office, 1, "Asha of the corner shop");
    office.get(&format!("/v1/outcome/{}", "09".repeat(32)));
    office.get("/made/up/by/a/client");
    let reply = office.as_operator(|office| office.get("/metrics"));
    assert_eq!(reply.media_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = String::from_utf8(reply.body).unwrap();
    for line in [
        r#"money_office_requests_total{path="/v1/enrol",status="200"} 1"#,
        r#"money_office_requests_total{path="/v1/outcome/{tx}",status="404"} 1"#,
        r#"money_office_requests_total{path="other",status="404"} 1"#,
    ] {
        assert!(text.lines().any(|it| it == line), "no {line} in {text}");
    }
    let log = folder.log();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let enrolled = lines.iter().find(|line| line["fields"]["path"] == "/v1/enrol").unwrap();
    assert_eq!(enrolled["fields"]["status"], 200);
    for secret in ["Asha", "made", "0909", &buyer.key.wallet().to_string()] {
        assert!(!log.contains(secret) && !text.contains(secret), "{secret} in {log}{text}");
    }
}

/// [O-26]
#[test]
fn an_address_that_asks_too_much_waits_and_the_operator_does_not() {
    let folder = Folder::init();
    let mut office = folder.serve_with(&["--rate", "1"]);
    let replies: Vec<_> = (0..9).map(|_| office.get("/v1/office")).collect();
    assert_eq!(replies[0].status, 200);
    let refused = replies.iter().find(|reply| reply.status == 429).unwrap();
    assert_eq!(refused.problem(), "more requests than one address may make; wait");
    let seconds: u64 = refused.retry_after.as_ref().unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds));
    for _ in 0..9 {
        assert_eq!(office.as_operator(|office| office.get("/health")).status, 200);
    }
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}

/// [O-20]
#[test]
fn a_request_as_a_file_gets_the_answer_that_http_gives_and_sigterm_stops_the_service() {
    let folder = Folder::init();
    let mut office = folder.serve();
    let mut buyer = Wallet::enrol(&office, 1, "buyer");
    let sync = buyer.sync_request(Transfer::Charge(100));
    let by_http = office.post("/v1/sync", &sync);
    let request = folder.dir.path().join("request");
    std::fs::write(&request, encode(&OfficeRequest::Sync(Box::new(sync)))).unwrap();
    let ask = || {
        let out = folder.run(&["answer", request.to_str().unwrap()]);
        assert!(out.status.success());
        decode::<OfficeAnswer>(&out.stdout, 4 << 20).unwrap()
    };
    let expected = OfficeAnswer::Sync(Box::new(by_http.read()));
    assert_eq!(ask(), expected);
    let pid = office.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(office.child.wait().unwrap().success());
    assert_eq!(ask(), expected);
    buyer.renew(by_http.read());
    let checkpoint: Signed<Checkpoint> = buyer.checkpoint.clone();
    buyer.checkpoint.body.number = 77;
    let wrong = OfficeRequest::Sync(Box::new(buyer.sync_request(Transfer::None)));
    std::fs::write(&request, encode(&wrong)).unwrap();
    assert!(matches!(ask(), OfficeAnswer::Refused(_)));
    assert_eq!(checkpoint.body.balance, 100);
}
