//! Somebody between a seller and a buyer, who does one thing to one of their frames.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It never arrives.
    Lost,
    /// It arrives twice.
    Doubled,
    /// It arrives after the next one.
    Reordered,
    /// It arrives after three more. Where nothing else is to be said these are its repetitions, so
    /// that it is later than the timer.
    Delayed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    ToSeller,
    ToBuyer,
}

/// What is to be done to which frame of a way, and how many have passed.
#[derive(Clone, Copy, Debug)]
struct Plan {
    fault: Fault,
    way: Way,
    frame: usize,
    passed: usize,
}

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    seller: Mutex<Option<SocketAddr>>,
    is_over: AtomicBool,
}

/// Says the look-ups of one port at another one, and passes connections on.
#[derive(Debug)]
pub(crate) struct Relay {
    shared: Arc<Shared>,
    ear: SocketAddr,
    door: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Between sellers at `from` and buyers at `to`, two ports of look-ups.
    pub(crate) fn new(from: u16, to: u16) -> Self {
        let plan = Plan { fault: Fault::Lost, way: Way::ToSeller, frame: usize::MAX, passed: 0 };
        let shared = Arc::new(Shared {
            plan: Mutex::new(plan),
            seller: Mutex::new(None),
            is_over: AtomicBool::new(false),
        });
        let ear = bind(from);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let door = listener.local_addr().unwrap();
        let (speaking, passing) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || speaking.speak(&ear, door.port(), to)),
            std::thread::spawn(move || passing.pass(&listener)),
        ];
        Self { shared, ear: (Ipv4Addr::LOCALHOST, from).into(), door, threads }
    }

    /// Begins anew: `fault` happens to the frame of this number.
    pub(crate) fn plan(&self, fault: Fault, way: Way, frame: usize) {
        *self.shared.plan.lock().unwrap() = Plan { fault, way, frame, passed: 0 };
        *self.shared.seller.lock().unwrap() = None;
    }

    /// Whether there was such a frame.
    pub(crate) fn has_happened(&self) -> bool {
        let plan = self.shared.plan.lock().unwrap();
        plan.passed > plan.frame
    }
}

/// The port was tried just before: a process that another thread starts keeps a copy of that socket
/// until its own program begins.
fn bind(port: u16) -> UdpSocket {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < until => {
                std::thread::yield_now();
            }
            bound => return bound.unwrap(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Both wait for something to come.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        socket.and_then(|socket| socket.send_to(&[], self.ear)).ok();
        TcpStream::connect(self.door).ok();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// A look-up has the seller's port at its bytes 2 and 3; the buyer is told ours.
    fn speak(&self, ear: &UdpSocket, door: u16, to: u16) {
        let speaker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        speaker.set_broadcast(true).unwrap();
        let mut datagram = [0; 512];
        while let Ok((len, source)) = ear.recv_from(&mut datagram) {
            if self.is_over() {
                return;
            }
            let port = u16::from_be_bytes([datagram[2], datagram[3]]);
            *self.seller.lock().unwrap() = Some(SocketAddr::new(source.ip(), port));
            datagram[2..4].copy_from_slice(&door.to_be_bytes());
            speaker.send_to(&datagram[..len], (Ipv4Addr::new(127, 255, 255, 255), to)).ok();
        }
    }

    fn pass(self: &Arc<Self>, listener: &TcpListener) {
        for buyer in listener.incoming().map_while(Result::ok) {
            if self.is_over() {
                return;
            }
            let address = *self.seller.lock().unwrap();
            let Some(seller) = address.and_then(|address| TcpStream::connect(address).ok()) else {
                continue;
            };
            let streams = [buyer.try_clone(), seller.try_clone()].map(Result::unwrap);
            let [to_buyer, to_seller] = streams;
            for (way, from, to) in
                [(Way::ToSeller, buyer, to_seller), (Way::ToBuyer, seller, to_buyer)]
            {
                let shared = Arc::clone(self);
                // It ends with either connection, and those end with their processes.
                std::thread::spawn(move || {
                    shared.carry(way, &from, &to).ok();
                    from.shutdown(Shutdown::Both).ok();
                    to.shutdown(Shutdown::Both).ok();
                });
            }
        }
    }

    /// Passes frames on: two bytes of length, big endian, and as many bytes.
    fn carry(&self, way: Way, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        to.set_nodelay(true)?;
        let mut held: Option<(Vec<u8>, usize)> = None;
        loop {
            let mut frame = vec![0; 2];
            from.read_exact(&mut frame)?;
            let len = usize::from(u16::from_be_bytes([frame[0], frame[1]]));
            frame.resize(2 + len, 0);
            from.read_exact(&mut frame[2..])?;
            match self.fault(way) {
                Some(Fault::Lost) => {}
                Some(Fault::Doubled) => to.write_all(&frame.repeat(2))?,
                Some(Fault::Reordered) => held = Some((frame, 1)),
                Some(Fault::Delayed) => held = Some((frame, 3)),
                None => {
                    to.write_all(&frame)?;
                    if let Some((frame, more)) = held.take() {
                        if more == 1 {
                            to.write_all(&frame)?;
                        } else {
                            held = Some((frame, more - 1));
                        }
                    }
                }
            }
        }
    }

    /// What happens to the next frame on this way.
    fn fault(&self, way: Way) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        if plan.way != way {
            return None;
        }
        plan.passed += 1;
        (plan.passed == plan.frame.saturating_add(1)).then_some(plan.fault)
    }
}
