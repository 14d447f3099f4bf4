//! The Bluetooth link over a stack in memory.

mod air;

use onehop_link::link::{Link as _, LinkEvent};

use crate::{
    conformance::{self, Bench},
    driver::{hear, next_of_connection, soon, up},
};
use air::{Air, FakeLink, Rogue, Weather};

/// Each link is a device of its own.
struct InMemory {
    air: Air,
    made: usize,
}

impl Bench for InMemory {
    type Link = FakeLink;

    fn link(&mut self) -> FakeLink {
        self.made += 1;
        self.air.link(&format!("device {}", self.made)).0
    }
}

fn bench() -> InMemory {
    InMemory { air: Air::new(517), made: 0 }
}

#[tokio::test]
async fn a_connection_carries_frames_both_ways() {
    conformance::a_connection_carries_frames_both_ways(bench()).await;
}

#[tokio::test]
async fn every_listener_hears_every_announcer() {
    conformance::every_listener_hears_every_announcer(bench()).await;
}

#[tokio::test]
async fn who_does_not_listen_hears_nothing() {
    conformance::who_does_not_listen_hears_nothing(bench()).await;
}

#[tokio::test]
async fn a_closed_connection_goes_down_once_on_both_sides() {
    conformance::a_closed_connection_goes_down_once_on_both_sides(bench()).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    conformance::what_does_not_fit_is_refused(bench()).await;
}

#[tokio::test]
async fn no_event_is_lost_by_giving_up_waiting() {
    conformance::no_event_is_lost_by_giving_up_waiting(bench()).await;
}

// [L-1] [L-8]
#[tokio::test]
async fn a_thousand_messages_cross_an_air_that_loses_repeats_and_reorders() {
    let mut bench = bench();
    bench.air.set_weather(Weather { loss: 1, repeat: 1, overtaken: 3 });
    let (seller, buyer) = (bench.link(), bench.link());
    conformance::a_thousand_messages_cross(seller, buyer, |_, _| ()).await;
}
