//! The LAN link over real sockets, on loopback only.

use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use onehop_link::{
    lan::{LanConfig, LanLink},
    link::{Link, LinkError, LinkEvent},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::{
    conformance::{self, Bench},
    driver::{hear, next_of_connection, soon, up},
};

struct OnLoopback(LanConfig);

impl Bench for OnLoopback {
    type Link = LanLink;

    fn link(&mut self) -> LanLink {
        LanLink::new(self.0)
    }
}

/// A configuration of its own port, so that tests do not hear each other.
fn config() -> LanConfig {
    let free = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    config_at(free.local_addr().unwrap().port())
}

fn config_at(port: u16) -> LanConfig {
    LanConfig {
        port,
        interface: Some(Ipv4Addr::LOCALHOST),
        announce_every: Duration::from_millis(50),
        ..LanConfig::default()
    }
}

fn bench() -> OnLoopback {
    OnLoopback(config())
}

/// Opens a socket for datagrams to `at`, beside others.
fn ear(at: Ipv4Addr, port: u16) -> UdpSocket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    #[cfg(unix)]
    socket.set_reuse_port(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&SocketAddr::from((at, port)).into()).unwrap();
    UdpSocket::from_std(socket.into()).unwrap()
}

/// Hears a look-up on the wire itself, and returns where its sender takes connections.
async fn overhear(config: &LanConfig) -> SocketAddr {
    let mut datagram = [0; 300];
    let socket = ear(Ipv4Addr::UNSPECIFIED, config.port);
    soon(socket.recv(&mut datagram)).await.unwrap();
    assert_eq!(datagram[..2], [0x4F, 1]);
    (Ipv4Addr::LOCALHOST, u16::from_be_bytes([datagram[2], datagram[3]])).into()
}

conformance::every_link!(bench());

#[tokio::test]
async fn a_thousand_messages_cross() {
    let mut bench = bench();
    conformance::a_thousand_messages_cross(bench.link(), bench.link(), |_, _| {}).await;
}

#[tokio::test]
async fn a_thousand_messages_cross_a_network_that_cuts_connections_within_frames() {
    let (near_seller, near_buyer) = (config(), config());
    let cuts = Arc::new(AtomicUsize::new(0));
    let between = tokio::spawn(cutting_proxy(near_seller, near_buyer, Arc::clone(&cuts)));
    let (seller, buyer) = (LanLink::new(near_seller), LanLink::new(near_buyer));
    conformance::a_thousand_messages_cross(seller, buyer, |_, _| {}).await;
    let cuts = cuts.load(Ordering::Relaxed);
    assert!(cuts >= 10 && !between.is_finished(), "{cuts} cuts");
    between.abort();
}

/// Says again near the buyer what the seller says, and passes bytes on, 100 KB a connection.
async fn cutting_proxy(near_seller: LanConfig, near_buyer: LanConfig, cuts: Arc<AtomicUsize>) {
    let seller = overhear(&near_seller).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let speaker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    speaker.set_broadcast(true).unwrap();
    let mut datagram = vec![0x4F, 1];
    datagram.extend_from_slice(&listener.local_addr().unwrap().port().to_be_bytes());
    datagram.extend_from_slice(b"tea");
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        let (buyer, _) = tokio::select! {
            accepted = listener.accept() => accepted.unwrap(),
            _ = ticks.tick() => {
                let to = (Ipv4Addr::new(127, 255, 255, 255), near_buyer.port);
                speaker.send_to(&datagram, to).await.unwrap();
                continue;
            }
        };
        let mut seller = TcpStream::connect(seller).await.unwrap();
        let (mut from_buyer, mut to_buyer) = buyer.into_split();
        let (from_seller, mut to_seller) = seller.split();
        let mut limited = from_seller.take(100_003);
        tokio::select! {
            _ = tokio::io::copy(&mut from_buyer, &mut to_seller) => {}
            _ = tokio::io::copy(&mut limited, &mut to_buyer) => {}
        }
        assert!(cuts.fetch_add(1, Ordering::Relaxed) < 200, "the buyer does not get on");
    }
}

#[tokio::test]
async fn a_look_up_is_heard_by_several_processes() {
    let config = config();
    let ear = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lan::the_ear_of_another_process_hears"])
            .env("ONEHOP_LINK_EAR", config.port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let ears = [ear(), ear(), ear()];
    let mut seller = LanLink::new(config);
    seller.announce(Some(b"heard across")).await.unwrap();
    for mut ear in ears {
        let (status, output) = soon(tokio::task::spawn_blocking(move || {
            let mut output = String::new();
            ear.stdout.take().unwrap().read_to_string(&mut output).unwrap();
            (ear.wait().unwrap(), output)
        }))
        .await
        .unwrap();
        assert!(status.success() && output.contains("1 passed"), "{output}");
    }
}

/// Only does something in the processes that the test above starts.
#[tokio::test]
async fn the_ear_of_another_process_hears() {
    if let Ok(port) = std::env::var("ONEHOP_LINK_EAR") {
        let mut listener = LanLink::new(config_at(port.parse().unwrap()));
        listener.listen(true).await.unwrap();
        hear(&mut listener, b"heard across").await;
    }
}

#[tokio::test]
async fn a_peer_that_connects_and_says_nothing_is_dropped() {
    let config = LanConfig { first_frame_timeout: Duration::from_millis(50), ..config() };
    let mut seller = LanLink::new(config);
    seller.announce(Some(b"tea")).await.unwrap();
    let mut silent = TcpStream::connect(overhear(&config).await).await.unwrap();
    let (link, _) = up(&mut seller).await;
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link });
    assert_eq!(soon(silent.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_peer_that_stops_within_a_frame_or_breaks_its_length_is_dropped() {
    let config = LanConfig { frame_timeout: Duration::from_millis(50), ..config() };
    let mut seller = LanLink::new(config);
    seller.announce(Some(b"tea")).await.unwrap();
    let address = overhear(&config).await;
    for bad in [&[0, 9, 1, 2][..], &[0, 0], &[5, 121], &[255, 255, 0]] {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(bad).await.unwrap();
        let (link, _) = up(&mut seller).await;
        assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link });
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let config = LanConfig { connections_max: 2, ..config() };
    let mut seller = LanLink::new(config);
    seller.announce(Some(b"tea")).await.unwrap();
    let address = overhear(&config).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    let (first, _) = up(&mut seller).await;
    up(&mut seller).await;
    let mut third = streams.pop().unwrap();
    let refused = async { third.read(&mut [0]).await };
    tokio::select! {
        read = soon(refused) => assert!(matches!(read, Ok(0) | Err(_))),
        event = seller.recv() => panic!("the third got in: {event:?}"),
    }
    // Once one is gone there is room again.
    drop(streams.remove(0));
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: first });
    let _fourth = TcpStream::connect(address).await.unwrap();
    up(&mut seller).await;
}

#[tokio::test]
async fn a_peer_that_takes_no_frames_is_dropped_in_bounded_time() {
    let config = LanConfig { write_timeout: Duration::from_millis(100), ..config() };
    let mut seller = LanLink::new(config);
    seller.announce(Some(b"tea")).await.unwrap();
    let _stuck = TcpStream::connect(overhear(&config).await).await.unwrap();
    let (link, _) = up(&mut seller).await;
    let refused = soon(async {
        loop {
            if let Err(refused) = seller.send(link, &[0; 1_400]).await {
                return refused;
            }
        }
    })
    .await;
    assert!(matches!(refused, LinkError::Blocked { .. } | LinkError::UnknownLink { .. }));
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link });
}

#[tokio::test]
async fn garbage_datagrams_and_floods_of_them_are_not_reported() {
    let config = LanConfig { lookups_per_second_max: 1_000, ..config() };
    let (mut seller, mut buyer) = (LanLink::new(config), LanLink::new(config));
    buyer.listen(true).await.unwrap();
    let noise = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    noise.set_broadcast(true).unwrap();
    let long = [0x4F; 1_000];
    for garbage in [&b""[..], b"O", b"O\x01\x00\x00tea", b"O\x02\x10\x00tea", &long] {
        for _ in 0..20 {
            let to = (Ipv4Addr::new(127, 255, 255, 255), config.port);
            noise.send_to(garbage, to).await.unwrap();
        }
    }
    seller.announce(Some(b"tea")).await.unwrap();
    match soon(buyer.recv()).await.unwrap() {
        LinkEvent::Heard { lookup, .. } => assert_eq!(lookup, b"tea"),
        event @ (LinkEvent::Up { .. } | LinkEvent::Down { .. } | LinkEvent::Frame { .. }) => {
            panic!("{event:?}")
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_look_up_goes_out_by_multicast_and_by_broadcast() {
    let config = config();
    let by_group = ear(config.group, config.port);
    by_group.join_multicast_v4(config.group, Ipv4Addr::LOCALHOST).unwrap();
    let by_broadcast = ear(Ipv4Addr::new(127, 255, 255, 255), config.port);
    let mut seller = LanLink::new(config);
    seller.announce(Some(b"tea")).await.unwrap();
    for socket in [by_group, by_broadcast] {
        let mut datagram = [0; 300];
        let len = soon(socket.recv(&mut datagram)).await.unwrap();
        assert_eq!(datagram[4..len], *b"tea");
    }
}
