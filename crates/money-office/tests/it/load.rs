//! Many requests in flight while the office is killed, again and again.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;

use crate::contract::Dice;
use crate::crowd::{Crowd, Storm};
use crate::office::{Folder, Serving};

/// How much of it: `ONEHOP_LOAD=UPLOADS,KILLS,SEED`.
struct Plan {
    /// How often all claims are uploaded.
    uploads: usize,
    kills: u64,
    seed: u64,
}

impl Plan {
    fn new() -> Self {
        let told = std::env::var("ONEHOP_LOAD").unwrap_or_default();
        let mut told = told.split(',').map(|it| it.parse::<u64>().ok());
        let mut next = |usual: u64| told.next().flatten().unwrap_or(usual);
        let (uploads, kills) = (usize::try_from(next(10)).unwrap(), next(3));
        Self { uploads, kills, seed: next(RandomState::new().hash_one(0)) }
    }
}

pub(crate) fn address(office: &Serving) -> SocketAddr {
    office.url.trim_start_matches("http://").parse().unwrap()
}

/// [O-10] [O-17] [O-18]
#[test]
fn an_office_killed_under_requests_of_two_devices_each_pays_every_claim_once() {
    let plan = Plan::new();
    println!("seed {}", plan.seed);
    let begun = std::time::Instant::now();
    let mut dice = Dice::new(plan.seed);
    let folder = Folder::init();
    let no_limit = ["--rate", "0"];
    let mut office = folder.serve_with(&no_limit);
    let crowd = Crowd::gather(&office, 8, 3);
    let requests = crowd.requests(plan.uploads, &mut dice);
    let devices = 2 * requests.len() as u64;
    let at = address(&office);
    let storm = Storm::begin(requests, vec![at], plan.seed);
    let mut kills = 0;
    for _ in 0..plan.kills {
        // Spread over the whole storm.
        if !storm.after(1 + dice.roll(devices / (plan.kills + 1))) {
            break;
        }
        drop(office);
        kills += 1;
        office = folder.serve_at(&at.to_string(), &no_limit);
    }
    let heard = storm.end();
    assert_eq!(heard.len() as u64, devices);
    crowd.is_paid_once(&folder, &office, &heard);
    let figures = serde_json::json!({
        "devices": devices,
        "uploads": plan.uploads,
        "kills": kills,
        "claims": crowd.claims.len(),
        "seed": plan.seed,
        "seconds": begun.elapsed().as_secs(),
    });
    println!("load {figures}");
}
