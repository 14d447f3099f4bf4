//! The database and the office killed under load.

use std::hash::{BuildHasher as _, RandomState};

use crate::cluster::Cluster;
use crate::contract::Dice;
use crate::crowd::{Crowd, Storm};
use crate::office::Folder;
use crate::service::{address, beside};
use crate::shards::SETTINGS;

/// How much of it: `ONEHOP_POSTGRES=UPLOADS,KILLS,SEED`.
fn plan() -> (usize, u64, u64) {
    let told = std::env::var("ONEHOP_POSTGRES").unwrap_or_default();
    let mut told = told.split(',').map(|it| it.parse::<u64>().ok());
    let mut next = |usual: u64| told.next().flatten().unwrap_or(usual);
    let (uploads, kills) = (usize::try_from(next(6)).unwrap(), next(4));
    (uploads, kills, next(RandomState::new().hash_one(0)))
}

/// Two offices serve one store. Each kill takes a database or one of the offices; what was
/// acknowledged stays, and each claim is paid once.
#[expect(clippy::print_stdout, reason = "the figures go to who runs it for them")]
fn storm(clusters: &[Cluster], word: &str) {
    let (uploads, kills, seed) = plan();
    println!("seed {seed}");
    let begun = std::time::Instant::now();
    let mut dice = Dice::new(seed);
    let urls: Vec<String> = clusters.iter().map(Cluster::database).collect();
    let folder = Folder::init_with(&["--store", &urls.join(",")]);
    let other = beside(&folder);
    let no_limit = ["--rate", "0"];
    let mut offices = [folder.serve_with(&no_limit), other.serve_with(&no_limit)].map(Some);
    let at: Vec<_> = offices.iter().flatten().map(address).collect();
    let crowd = Crowd::gather(offices[0].as_ref().unwrap(), 6, 3);
    let requests = crowd.requests(uploads, &mut dice);
    let devices = 2 * requests.len() as u64;
    let storm = Storm::begin(requests, at.clone(), seed);
    let (mut databases_killed, mut offices_killed) = (0, 0);
    for number in 0..kills {
        if !storm.after(1 + dice.roll(devices / (kills + 1))) {
            break;
        }
        if number % 2 == 0 {
            let which = usize::try_from(dice.roll(clusters.len() as u64)).unwrap();
            clusters[which].kill();
            clusters[which].serve();
            databases_killed += 1;
        } else {
            let which = usize::try_from(dice.roll(2)).unwrap();
            drop(offices[which].take());
            let folders = [&folder, &other];
            let again = folders[which].serve_at(&at[which].to_string(), &no_limit);
            offices[which] = Some(again);
            offices_killed += 1;
        }
    }
    let heard = storm.end();
    assert_eq!(heard.len() as u64, devices);
    crowd.is_paid_once(&folder, offices[0].as_ref().unwrap(), &heard);
    let figures = serde_json::json!({
        "devices": devices,
        "databases": databases_killed,
        "offices": offices_killed,
        "claims": crowd.claims.len(),
        "seed": seed,
        "seconds": begun.elapsed().as_secs(),
    });
    println!("{word} {figures}");
}

/// [O-10] [O-17] [O-18]
#[test]
fn a_database_and_offices_killed_under_load_lose_nothing_and_pay_nothing_twice() {
    storm(&[Cluster::start(&[])], "postgres");
}

/// [O-10] [O-17] [O-18]
#[test]
fn three_shards_and_offices_killed_under_load_lose_nothing_and_pay_nothing_twice() {
    let clusters: Vec<_> = (0..3).map(|_| Cluster::start(&SETTINGS)).collect();
    storm(&clusters, "shards");
}
