//! A link over Bluetooth LE: the seller is the peripheral, the buyer the central.
//!
//! The seller advertises one service with one characteristic, and nothing else. A buyer that
//! listens connects to every advertiser, reads its look-up, and reports it; the connection is kept
//! for a while, so that [`Link::connect`] only has to subscribe. `protocol-spec.md` 4.7 has the
//! bytes; `ble/value.rs` makes and reads them.
//!
//! Pure: `value`, `streams` (the seller's table) and `finds` (the buyer's memory). Tasks: `shop`
//! (advertise, and again when the stack forgot), `visit` (one seller). What they need of a stack are
//! the traits of [`radio`]; `bluez`, `others` and `central` fulfil them, with the feature `ble`.
//!
//! Nothing is advertised, scanned or connected until [`Link::announce`] or [`Link::listen`]. Neither
//! pairing nor encryption of the radio is asked for: the layers above need none.

#[cfg(all(feature = "ble", target_os = "linux"))]
pub mod bluez;
#[cfg(feature = "ble")]
pub mod central;
pub mod desk;
pub mod error;
mod finds;
pub mod health;
mod inbox;
#[cfg(all(feature = "ble", any(target_os = "macos", target_os = "windows")))]
pub mod others;
pub mod radio;
mod shop;
pub mod streams;
pub mod value;
mod visit;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use crate::link::{LOOKUP_MAX, Link, LinkError, LinkEvent, LinkId, PeerRef};
use crate::task::Task;
use desk::{Desk, Names};
use error::{BleError, Notice};
use finds::Finds;
use inbox::{Happening, Inbox};
use radio::{Central, Peripheral, Sighting};
use shop::Order;
use streams::Device;
use visit::Errand;

/// The service that sellers advertise.
pub const SERVICE: u128 = 0x7aa7_0960_4360_4f59_b6e3_c3ce_d797_f146;
/// Its only characteristic: read, write, write without response, notify.
pub const CHARACTERISTIC: u128 = 0xdca8_589e_bf47_4d1f_9c45_15be_4b3c_1149;

/// Connections that this device makes at once, at most.
const DIALED_MAX: usize = 16;
/// Errands of one visit that wait, at most.
const ERRANDS_MAX: usize = 64;
/// Notices that wait to be read, at most; further ones are lost.
const NOTICES_MAX: usize = 16;

/// How patient a Bluetooth link is.
#[derive(Debug, Clone, Copy)]
pub struct BleConfig {
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long anything else of the stack may take.
    pub stack_timeout: Duration,
    /// How long a frame may wait to be sent.
    pub send_timeout: Duration,
    /// How long a seller stays connected without a stream after its look-up was read.
    pub linger: Duration,
    /// The same after its last stream.
    pub linger_after: Duration,
    /// The time between two reads where the stack cannot be notified.
    pub poll_every: Duration,
    /// The time between two looks at who is still connected.
    pub look_every: Duration,
    /// How long the stack takes at least to be told that all is over.
    pub finish_after: Duration,
    /// How long disconnecting may hold the end up; told to, the stack does it in its own time.
    pub finish_within: Duration,
    /// The time between two looks at whether the stack still advertises.
    pub check_every: Duration,
}

impl Default for BleConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            stack_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(5),
            linger: Duration::from_secs(15),
            linger_after: Duration::from_secs(1),
            poll_every: Duration::from_millis(20),
            look_every: Duration::from_millis(500),
            finish_after: Duration::from_millis(250),
            finish_within: Duration::from_secs(1),
            check_every: Duration::from_secs(2),
        }
    }
}

/// What happens to the Bluetooth of this computer while a link uses it.
#[derive(Debug)]
pub struct Notices(mpsc::Receiver<Notice>);

impl Notices {
    /// Waits for the next one; `None` once the link is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        self.0.recv().await
    }
}

/// A [`Link`] over Bluetooth LE. Dropping it disconnects and advertises no more.
///
/// Its methods have to be called within a tokio runtime with time.
#[derive(Debug)]
pub struct BleLink<C: Central> {
    config: BleConfig,
    inbox: Arc<Inbox>,
    names: Arc<Names>,
    desk: Arc<Desk>,
    central: Arc<C>,
    orders: mpsc::Sender<Order>,
    _shop: Task,
    is_listening: bool,
    finds: Finds<Device>,
    /// Look-ups that were read and are to be reported again, one at a time.
    due: Vec<finds::Report>,
    /// Sellers that are being visited.
    visits: BTreeMap<Device, mpsc::Sender<Errand>>,
    /// Connections that this device made.
    dialed: BTreeMap<LinkId, Dialed>,
    ticks: Interval,
    /// Every visit holds one until it is disconnected.
    alive: mpsc::Sender<()>,
    visits_end: mpsc::Receiver<()>,
    /// Something was left to the stack.
    is_used: bool,
    notices: mpsc::Sender<Notice>,
    last_notice: Option<Notice>,
    start: Instant,
}

#[derive(Debug)]
struct Dialed {
    device: Device,
    /// The longest frame; 0 until it is up.
    mtu: usize,
    is_closed: bool,
}

impl<C: Central> BleLink<C> {
    /// Makes a link that is silent and deaf, and what tells of the stack.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new<P: Peripheral>(config: BleConfig, central: C, peripheral: P) -> (Self, Notices) {
        let inbox = Arc::new(Inbox::default());
        let names = Arc::new(Names::default());
        let desk = Arc::new(Desk::new(Arc::clone(&inbox), Arc::clone(&names)));
        let (orders, shop_orders) = mpsc::channel(1);
        let shop =
            shop::run(peripheral, Arc::clone(&desk), Arc::clone(&inbox), config, shop_orders);
        let (notices, told) = mpsc::channel(NOTICES_MAX);
        let (alive, visits_end) = mpsc::channel(1);
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let link = Self {
            config,
            inbox,
            names,
            desk,
            central: Arc::new(central),
            orders,
            _shop: Task::spawn(shop),
            is_listening: false,
            finds: Finds::default(),
            due: Vec::new(),
            visits: BTreeMap::new(),
            dialed: BTreeMap::new(),
            ticks,
            alive,
            visits_end,
            is_used: false,
            notices,
            last_notice: None,
            start: Instant::now(),
        };
        (link, Notices(told))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn heard(&self, report: finds::Report) -> Option<LinkEvent> {
        let finds::Report { peer, lookup } = report;
        self.is_listening.then_some(LinkEvent::Heard { peer, lookup })
    }

    fn take(&mut self, happening: Happening) -> Option<LinkEvent> {
        let now = self.now_ms();
        match happening {
            Happening::Up { link, initiator, mtu } => {
                if initiator {
                    let dialed = self.dialed.get_mut(&link).filter(|dialed| !dialed.is_closed)?;
                    dialed.mtu = mtu;
                }
                Some(LinkEvent::Up { link, initiator, mtu })
            }
            Happening::Down(link) => {
                self.dialed.remove(&link);
                Some(LinkEvent::Down { link })
            }
            Happening::Frame(link, bytes) => {
                let is_closed = self.dialed.get(&link).is_some_and(|dialed| dialed.is_closed);
                (!is_closed).then_some(LinkEvent::Frame { link, bytes })
            }
            Happening::Read(device, lookup) => {
                let report = self.finds.read(now, &device, lookup);
                self.heard(report)
            }
            Happening::Failed(device) => {
                self.visits.remove(&device);
                self.finds.failed(now, &device);
                None
            }
            Happening::Left(device) => {
                self.visits.remove(&device);
                self.finds.left(now, &device);
                None
            }
            Happening::Notice(notice) => {
                self.tell(notice);
                None
            }
        }
    }

    fn see(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::Seen(device) => {
                let now = self.now_ms();
                if self.is_listening
                    && self.finds.seen(now, &device)
                    && !self.visits.contains_key(&device)
                {
                    self.visit(device);
                }
            }
            Sighting::Lost(error) => self.tell(Notice::Lost(error)),
            Sighting::Back => self.tell(Notice::Back),
        }
    }

    fn visit(&mut self, device: Device) -> mpsc::Sender<Errand> {
        self.finds.begun(self.now_ms(), &device);
        let (errands, receiver) = mpsc::channel(ERRANDS_MAX);
        let (central, inbox) = (Arc::clone(&self.central), Arc::clone(&self.inbox));
        // Not aborted with the link: it ends with its errands, and then disconnects.
        let (config, alive) = (self.config, self.alive.clone());
        self.is_used = true;
        tokio::spawn(visit::visit(central, device.clone(), config, inbox, receiver, alive));
        self.visits.insert(device, errands.clone());
        errands
    }

    /// Passes a notice on, unless the same was the last one: both roles notice the same adapter.
    fn tell(&mut self, notice: Notice) {
        let is_news = match (&notice, &self.last_notice) {
            (Notice::Lost(_), Some(Notice::Lost(_))) | (Notice::Back, None) => false,
            (notice, last) => Some(notice) != last.as_ref(),
        };
        if is_news {
            // Nobody reads them: then nobody misses this one.
            self.notices.try_send(notice.clone()).ok();
            self.last_notice = Some(notice);
        }
    }

    async fn order(&self, order: Order) -> Result<(), LinkError> {
        self.orders.send(order).await.map_err(|_| LinkError::Stopped)
    }
}

impl<C: Central> Link for BleLink<C> {
    async fn recv(&mut self) -> Result<LinkEvent, LinkError> {
        loop {
            if let Some(event) = self.due.pop().and_then(|report| self.heard(report)) {
                return Ok(event);
            }
            let happening = tokio::select! {
                happening = self.inbox.take() => happening,
                sighting = self.central.sighting(), if self.is_listening => {
                    self.see(sighting);
                    continue;
                }
                _ = self.ticks.tick() => {
                    self.due = self.finds.due(self.now_ms());
                    continue;
                }
            };
            if let Some(event) = self.take(happening) {
                return Ok(event);
            }
        }
    }

    async fn send(&mut self, link: LinkId, frame: &[u8]) -> Result<(), LinkError> {
        let within = self.config.send_timeout;
        let Some(dialed) = self.dialed.get_mut(&link) else {
            return self.desk.send(link, frame, within).await;
        };
        if dialed.is_closed || dialed.mtu == 0 {
            return Err(LinkError::UnknownLink { link });
        }
        if frame.is_empty() || frame.len() > dialed.mtu {
            return Err(LinkError::FrameLength { len: frame.len(), mtu: dialed.mtu });
        }
        let errands = self.visits.get(&dialed.device).ok_or(LinkError::UnknownLink { link })?;
        let sending = errands.send(Errand::Frame(link, frame.to_vec()));
        match timeout(within, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(LinkError::UnknownLink { link }),
            Err(_) => {
                self.close(link);
                Err(LinkError::Blocked { link })
            }
        }
    }

    async fn announce(&mut self, lookup: Option<&[u8]>) -> Result<(), LinkError> {
        let Some(lookup) = lookup else {
            self.desk.announce(None);
            let (reply, done) = oneshot::channel();
            self.order(Order::Shut(reply)).await?;
            return done.await.map_err(|_| LinkError::Stopped);
        };
        if lookup.len() > LOOKUP_MAX {
            return Err(LinkError::LookupTooLong { len: lookup.len() });
        }
        self.desk.announce(Some(lookup));
        self.is_used = true;
        let (reply, done) = oneshot::channel();
        self.order(Order::Open(reply)).await?;
        let opened = done.await.map_err(|_| LinkError::Stopped)?;
        if opened.is_err() {
            self.desk.announce(None);
        }
        Ok(opened?)
    }

    async fn listen(&mut self, on: bool) -> Result<(), LinkError> {
        if on != self.is_listening {
            let late = BleError::Late { action: "look for sellers" };
            let scanning = timeout(self.config.stack_timeout, self.central.scan(on));
            scanning.await.unwrap_or(Err(late))?;
            self.is_listening = on;
            self.finds.forgive();
            self.due.clear();
        }
        Ok(())
    }

    fn connect(&mut self, peer: PeerRef) -> Result<LinkId, LinkError> {
        let (device, lookup) =
            self.finds.whereabouts(peer).ok_or(LinkError::UnknownPeer { peer })?;
        if self.dialed.len() >= DIALED_MAX {
            return Err(LinkError::TooManyLinks { max: DIALED_MAX });
        }
        let link = self.names.next();
        let errands = match self.visits.get(&device) {
            Some(errands) => errands.clone(),
            None => self.visit(device.clone()),
        };
        self.dialed.insert(link, Dialed { device, mtu: 0, is_closed: false });
        if errands.try_send(Errand::Dial(link, lookup)).is_err() {
            // It is just ending, or too busy: the caller tries again.
            self.inbox.put(Happening::Down(link));
        }
        Ok(link)
    }

    fn close(&mut self, link: LinkId) {
        let Some(dialed) = self.dialed.get_mut(&link) else {
            self.desk.close(link);
            return;
        };
        if std::mem::replace(&mut dialed.is_closed, true) {
            return;
        }
        let Some(errands) = self.visits.get(&dialed.device) else { return };
        if let Err(mpsc::error::TrySendError::Full(errand)) = errands.try_send(Errand::Close(link))
        {
            let errands = errands.clone();
            tokio::spawn(async move { errands.send(errand).await.ok() });
        }
    }

    async fn finish(self) {
        if !self.is_used {
            return;
        }
        let Self { mut visits_end, config, .. } = self;
        // All else is dropped: visits end with their errands, and the stack is told.
        let disconnected = timeout(config.finish_within, visits_end.recv());
        tokio::join!(tokio::time::sleep(config.finish_after), async { disconnected.await.ok() });
    }
}
