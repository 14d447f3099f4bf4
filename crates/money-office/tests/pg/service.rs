//! Offices as processes over one database.

use std::net::SocketAddr;

use onehop_wire::List;
use onehop_wire::office::{ClaimAnswer, ClaimBundle, EnrolAnswer, SyncAnswer, Transfer, Verdict};

use crate::cluster::Cluster;
use crate::contract::Dice;
use crate::crowd::{Crowd, Storm};
use crate::office::{Folder, Serving};
use crate::wallet::{Wallet, enrol_request};

pub(crate) fn address(office: &Serving) -> SocketAddr {
    office.url.trim_start_matches("http://").parse().unwrap()
}

/// Another folder with the keys of this one and its database, for a second process.
pub(crate) fn beside(folder: &Folder) -> Folder {
    let other = Folder::new();
    std::fs::create_dir(other.path()).unwrap();
    for name in ["office-root.key", "operator.key", "office.id", "store.url"] {
        std::fs::copy(folder.path().join(name), other.path().join(name)).unwrap();
    }
    other
}

/// [O-17] [O-18]
#[test]
fn the_program_sets_an_office_up_in_a_database_and_finds_it_again() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let empty = Folder::new();
    let line = empty.refused(&["audit", "--store", &url], 3);
    assert!(line.ends_with("a row of table Meta is missing"), "{line}");
    let folder = Folder::init_with(&["--store", &url]);
    let office = folder.serve();
    let mut buyer = Wallet::enrol(&office, 1, "buyer");
    let charge = buyer.sync_request(Transfer::Charge(50_000));
    let charged = office.post("/v1/sync", &charge);
    buyer.renew(charged.read::<SyncAnswer>());
    // The program works beside the service that it needs with a folder.
    folder.ok(&["deposit", "buyer", "2.65"]);
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
    drop(office);
    let office = folder.serve();
    assert_eq!(office.post("/v1/sync", &charge).body, charged.body);
    // The database holds an office, whoever comes with another folder.
    let second = Folder::new();
    let args = ["init", "--currency", "INR", "--profile", "rbi-2023", "--store", &url];
    let line = second.refused(&args, 4);
    assert_eq!(line, "the office's store failed: the store holds an office already");
    let mode = std::fs::metadata(folder.path().join("store.url")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
}

/// [O-10] [O-18]
#[test]
fn two_offices_on_one_database_pay_each_claim_once_whichever_is_asked() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let folder = Folder::init_with(&["--store", &url]);
    let other = beside(&folder);
    let no_limit = ["--rate", "0"];
    let (first, second) = (folder.serve_with(&no_limit), other.serve_with(&no_limit));
    let seed = 0x6d6f_6e65_7921;
    let crowd = Crowd::gather(&first, 6, 3);
    let requests = crowd.requests(6, &mut Dice::new(seed));
    let storm = Storm::begin(requests, vec![address(&first), address(&second)], seed);
    let heard = storm.end();
    crowd.is_paid_once(&folder, &second, &heard);
    // A key that is made while both serve is used by both from then on.
    folder.ok(&["renew-key"]);
    let info = first.get("/v1/office").read();
    let key_of = |office: &Serving, seed| {
        let request = enrol_request(&info, seed, &format!("late {seed}"));
        office.post("/v1/enrol", &request).read::<EnrolAnswer>().office_key.body.number
    };
    assert_eq!((key_of(&first, 201), key_of(&second, 202)), (2, 2));
}

/// [O-17] [O-40]
#[test]
fn while_the_database_is_away_the_office_says_so_writes_nothing_and_needs_no_restart() {
    let cluster = Cluster::start(&[]);
    let folder = Folder::init_with(&["--store", &cluster.database()]);
    let office = folder.serve();
    let mut buyer = Wallet::enrol(&office, 1, "buyer");
    let seller = Wallet::enrol(&office, 2, "seller");
    let charge = buyer.sync_request(Transfer::Charge(50_000));
    let charged = office.post("/v1/sync", &charge);
    buyer.renew(charged.read::<SyncAnswer>());
    let claim = ClaimBundle { claims: List::new(vec![buyer.pay(&seller, 735)]).unwrap() };
    let sync = buyer.sync_request(Transfer::None);
    let before = folder.ok(&["export", "-"]);
    cluster.stop();
    let replies = [
        office.post("/v1/claim", &claim),
        office.post("/v1/sync", &sync),
        office.post("/v1/sync", &charge),
        office.get("/v1/office"),
        office.get("/health"),
    ];
    for reply in replies {
        assert_eq!((reply.status, reply.retry_after.as_deref()), (503, Some("5")));
        let detail = "the office's database is away or busy; nothing was answered";
        assert_eq!(reply.problem(), detail);
    }
    let line = folder.refused(&["audit"], 3);
    assert!(line.starts_with("the office's database is away: "), "{line}");
    cluster.serve();
    assert_eq!(office.get("/health").status, 200);
    assert_eq!(folder.ok(&["export", "-"]), before);
    assert_eq!(office.post("/v1/sync", &charge).body, charged.body);
    office.post("/v1/sync", &sync).read::<SyncAnswer>();
    let verdict = office.post("/v1/claim", &claim).read::<ClaimAnswer>().verdicts[0].clone();
    assert!(matches!(verdict, Verdict::Outcome(_)), "{verdict:?}");
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}
