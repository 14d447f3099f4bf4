//! Strangers in the neighbourhood that flood and stall.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crate::bench::{Bench, Figures};
use crate::process::Running;

const FLOODERS: usize = 8;
const STALLERS: usize = 40;
/// Bytes that are thrown at the seller before anybody pays.
const FLOOD: usize = 512 << 20;
/// How much more memory the seller may have at most meanwhile, in KiB.
const GROWTH_MAX: u64 = 32 << 10;
/// No write and no connection takes longer before it counts as refused.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn a_seller_that_is_flooded_and_stalled_still_sells_in_bounded_memory() {
    let bench = Bench::new();
    let mut office = bench.office("office");
    bench.enrol("asha", &office, "50");
    bench.enrol("bharat", &office, "");
    office.stop();
    let ear = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, bench.port.number)).unwrap();
    let mut seller = bench.start_wallet("bharat", &["sell", "7.35", "--order", "tea"]);
    seller.event("selling");
    let address = heard(&ear);
    // The buyer needs the port.
    drop(ear);
    let before = memory(&seller, "VmRSS:");
    let (is_over, began) = (AtomicBool::new(false), Instant::now());
    let (sender, written) = channel();
    std::thread::scope(|scope| {
        let stalled: Vec<_> = (0..STALLERS).map(|number| stall(address, number)).collect();
        for number in 0..FLOODERS {
            let (sender, is_over) = (sender.clone(), &is_over);
            scope.spawn(move || flood(address, number, is_over, &sender));
        }
        scope.spawn(|| shout(bench.port.number, &is_over));
        // A test that fails must not flood for ever.
        let end = End(&is_over);
        let mut bytes = 0;
        while bytes < FLOOD {
            bytes += written.recv().unwrap();
        }
        let (flooded, began) = (began.elapsed(), Instant::now());
        let pay = ["pay", "--to", "bharat", "--max", "7.35", "--yes"];
        let buyer = bench.start_wallet("asha", &pay);
        let id = seller.event("buyer")["id"].as_str().unwrap().to_owned();
        let (after, most) = (memory(&seller, "VmRSS:"), memory(&seller, "VmHWM:"));
        seller.say(&id);
        buyer.finish().came_to(0, "paid");
        seller.finish().came_to(0, "paid");
        println!(
            "{} MiB from {FLOODERS} strangers in {flooded:.1?}, {STALLERS} that stall, paid in \
             {:.1?}: the seller's memory {before} KiB before, {after} after, {most} at most",
            bytes >> 20,
            began.elapsed()
        );
        assert!(most.saturating_sub(before) < GROWTH_MAX, "{before} KiB, then {most}");
        drop((end, stalled));
    });
    assert_eq!(bench.figures("asha"), Figures { available: 4_265, ..Figures::default() });
    let received = Figures { received_unsettled: 735, ..Figures::default() };
    assert_eq!(bench.figures("bharat"), received);
}

/// Ends the floods when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where the seller takes connections, as its look-up says.
fn heard(ear: &UdpSocket) -> SocketAddr {
    let mut datagram = [0; 512];
    ear.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (_, source) = ear.recv_from(&mut datagram).unwrap();
    SocketAddr::new(source.ip(), u16::from_be_bytes([datagram[2], datagram[3]]))
}

/// Connects and says nothing, or half a frame.
fn stall(address: SocketAddr, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    if number.is_multiple_of(2) {
        stream.write_all(&[0x03, 0xE8, 1, 2, 3]).unwrap();
    }
    stream
}

/// Writes junk, on a new connection whenever the seller ends one.
fn flood(address: SocketAddr, number: usize, is_over: &AtomicBool, written: &Sender<usize>) {
    let junk = junk(number);
    while !is_over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) else {
            continue;
        };
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        while !is_over.load(Ordering::Relaxed) && stream.write_all(&junk).is_ok() {
            written.send(junk.len()).ok();
        }
    }
}

/// 64 KiB: for every second flooder junk through and through, for the others in frames whose
/// lengths are right.
fn junk(number: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32 + u32::try_from(number).unwrap();
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    let mut bytes: Vec<u8> = (0..64 << 10).map(|_| byte()).collect();
    if number.is_multiple_of(2) {
        for frame in bytes.chunks_exact_mut(1_024) {
            frame[..2].copy_from_slice(&1_022_u16.to_be_bytes());
        }
    }
    bytes
}

/// Fills the place where look-ups are heard, from an address of its own.
fn shout(port: u16, is_over: &AtomicBool) {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
    socket.set_broadcast(true).unwrap();
    let junk = junk(1);
    let all = (Ipv4Addr::new(127, 255, 255, 255), port);
    while !is_over.load(Ordering::Relaxed) {
        // One in some hundreds begins as a look-up does.
        for datagram in junk.chunks(200) {
            socket.send_to(datagram, all).ok();
        }
        socket.send_to(&[&[0x4F, 1, 0, 9][..], &junk[..60]].concat(), all).ok();
    }
}

/// A figure of the process in KiB.
fn memory(process: &Running, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
