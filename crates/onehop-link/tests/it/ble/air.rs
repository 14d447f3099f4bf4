//! A Bluetooth stack in memory: any number of centrals and sellers, an air that can lose, repeat,
//! reorder and cut, and the habits of real stacks that the bearer has to bear.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use onehop_link::ble::{
    BleConfig, BleLink, Notices,
    desk::Desk,
    error::BleError,
    radio::{Central, Peripheral, Sighting, Visit},
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Interval, interval},
};

pub(crate) type FakeLink = BleLink<FakeCentral>;

/// How bad the air is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Of 100 values, so many are lost.
    pub(crate) loss: u64,
    /// So many come twice.
    pub(crate) repeat: u64,
    /// So many are overtaken by the next.
    pub(crate) overtaken: u64,
}

/// The air between all fakes. Clones are the same air.
#[derive(Clone)]
pub(crate) struct Air(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    att_mtu: usize,
    weather: Weather,
    seed: u64,
    can_subscribe: bool,
    /// Advertisements that one adapter can have.
    adverts_max: usize,
    sellers: BTreeMap<String, Seller>,
    connections: BTreeMap<u64, Connection>,
    made: u64,
    /// Who cannot be reached.
    cut: Vec<String>,
    /// Advertisements sent by hand.
    rogues: Vec<(String, Rogue)>,
    visits: u64,
}

/// A device that is no seller of ours.
#[derive(Clone, Debug)]
pub(crate) enum Rogue {
    /// Reads give this.
    Says(Vec<u8>),
    /// Connecting never ends.
    Silent,
}

#[derive(Default)]
struct Seller {
    desk: Option<Arc<Desk>>,
    /// Registered, as the stack says.
    adverts: usize,
    /// Really sent.
    adverts_sent: usize,
    /// The stack refuses everything.
    is_off: bool,
}

struct Connection {
    central: String,
    seller: String,
    rogue: Option<Rogue>,
    is_subscribed: bool,
    values: mpsc::UnboundedSender<Vec<u8>>,
    /// A write that is overtaken by the next.
    held: Option<Vec<u8>>,
    held_back: Option<Vec<u8>>,
}

impl Air {
    pub(crate) fn new(att_mtu: usize) -> Self {
        let state = State {
            att_mtu,
            weather: Weather::default(),
            seed: 0x9E37_79B9_7F4A_7C15,
            can_subscribe: true,
            adverts_max: 5,
            sellers: BTreeMap::new(),
            connections: BTreeMap::new(),
            made: 0,
            cut: Vec::new(),
            rogues: Vec::new(),
            visits: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Makes the link of a device, or of one of several programs on it.
    pub(crate) fn link(&self, name: &str) -> (FakeLink, Notices) {
        let central = FakeCentral { air: self.clone(), name: name.to_owned(), adverts: adverts() };
        let peripheral = FakePeripheral { air: self.clone(), name: name.to_owned() };
        BleLink::new(config(), central, peripheral)
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    pub(crate) fn set_mtu(&self, att_mtu: usize) {
        self.state().att_mtu = att_mtu;
    }

    /// Centrals have to poll.
    pub(crate) fn refuse_subscribing(&self) {
        self.state().can_subscribe = false;
    }

    /// Adapters have room for one advertisement only.
    pub(crate) fn allow_one_advert(&self) {
        self.state().adverts_max = 1;
    }

    /// Ends all connections of a device.
    pub(crate) fn disconnect(&self, name: &str) {
        let stays = |it: &Connection| it.central != name && it.seller != name;
        let mut state = self.state();
        state.connections.retain(|_, it| stays(it));
        state.advertise_again();
    }

    /// Ends all connections of a device, and lets it make none.
    pub(crate) fn cut(&self, name: &str) {
        self.state().cut.push(name.to_owned());
        self.disconnect(name);
    }

    pub(crate) fn restore(&self, name: &str) {
        self.state().cut.retain(|cut| cut != name);
    }

    /// The stack of a seller forgets everything, and is off or on from here.
    pub(crate) fn restart(&self, name: &str, is_off: bool) {
        let mut state = self.state();
        state.sellers.insert(name.to_owned(), Seller { is_off, ..Seller::default() });
        drop(state);
        self.disconnect(name);
    }

    pub(crate) fn add_rogue(&self, name: &str, rogue: Rogue) {
        self.state().rogues.push((name.to_owned(), rogue));
    }

    pub(crate) fn is_advertising(&self, name: &str) -> bool {
        self.state().sellers.get(name).is_some_and(|seller| seller.adverts_sent > 0)
    }

    pub(crate) fn is_serving(&self, name: &str) -> bool {
        self.state().sellers.get(name).is_some_and(|seller| seller.desk.is_some())
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let mut looks = adverts_every();
        while !is_so(self) {
            looks.tick().await;
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().connections.len()
    }

    /// Connections that were begun so far.
    pub(crate) fn visits(&self) -> u64 {
        self.state().visits
    }

    /// The seller's table, to knock at it by hand.
    pub(crate) fn desk(&self, name: &str) -> Option<Arc<Desk>> {
        self.state().sellers.get(name)?.desk.clone()
    }

    /// A connection of a central by hand, so that the seller sees it connected.
    pub(crate) fn connect_by_hand(
        &self,
        central: &str,
        seller: &str,
    ) -> mpsc::UnboundedReceiver<Vec<u8>> {
        let (values, receiver) = mpsc::unbounded_channel();
        let id = self.state().connect(central, seller, None, values);
        if let Some(connection) = self.state().connections.get_mut(&id) {
            connection.is_subscribed = true;
        }
        receiver
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies everybody who subscribed, as stacks do, whomever the value is for.
    fn notify(&self, seller: &str, value: &[u8]) {
        let mut state = self.state();
        // As a stack that notifies several values at once, each after its length.
        let longest = state.att_mtu - 5;
        assert!(value.len() <= 500, "some stacks lose such a value");
        let ids: Vec<u64> = state.connections.keys().copied().collect();
        for id in ids {
            let fate = state.fate();
            let Some(connection) = state.connections.get_mut(&id) else { continue };
            if connection.seller != seller || !connection.is_subscribed {
                continue;
            }
            // Stacks cut off what is too long.
            let value = value[..value.len().min(longest)].to_vec();
            let mut out = match fate {
                Fate::Lost => vec![],
                Fate::Once => vec![value],
                Fate::Twice => vec![value.clone(), value],
                Fate::Overtaken => {
                    let before = connection.held_back.replace(value);
                    connection.values.send(before.unwrap_or_default()).ok();
                    continue;
                }
            };
            out.extend(connection.held_back.take());
            out.into_iter().for_each(|value| drop(connection.values.send(value)));
        }
    }
}

enum Fate {
    Lost,
    Once,
    Twice,
    Overtaken,
}

impl State {
    fn draw(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    fn fate(&mut self) -> Fate {
        let Weather { loss, repeat, overtaken } = self.weather;
        let drawn = self.draw() % 100;
        if drawn < loss {
            Fate::Lost
        } else if drawn < loss + repeat {
            Fate::Twice
        } else if drawn < loss + repeat + overtaken {
            Fate::Overtaken
        } else {
            Fate::Once
        }
    }

    /// Sellers to whom nobody is connected send what is registered, as the stack does.
    fn advertise_again(&mut self) {
        for (name, seller) in &mut self.sellers {
            if !self.connections.values().any(|it| it.seller == *name) {
                seller.adverts_sent = seller.adverts;
            }
        }
    }

    fn connect(
        &mut self,
        central: &str,
        seller: &str,
        rogue: Option<Rogue>,
        values: mpsc::UnboundedSender<Vec<u8>>,
    ) -> u64 {
        self.made += 1;
        let (central, seller) = (central.to_owned(), seller.to_owned());
        let (is_subscribed, held, held_back) = (false, None, None);
        let connection =
            Connection { central, seller, rogue, is_subscribed, values, held, held_back };
        self.connections.insert(self.made, connection);
        self.made
    }
}

/// As patient as fast tests allow.
fn config() -> BleConfig {
    BleConfig {
        connect_timeout: Duration::from_millis(500),
        finish_after: Duration::ZERO,
        linger_after: Duration::from_millis(50),
        poll_every: Duration::from_millis(2),
        look_every: Duration::from_millis(10),
        check_every: Duration::from_millis(20),
        ..BleConfig::default()
    }
}

fn adverts_every() -> Interval {
    interval(Duration::from_millis(10))
}

fn adverts() -> Arc<tokio::sync::Mutex<Adverts>> {
    let adverts = Adverts { every: adverts_every(), is_scanning: false, waiting: Vec::new() };
    Arc::new(tokio::sync::Mutex::new(adverts))
}

pub(crate) struct Adverts {
    every: Interval,
    is_scanning: bool,
    waiting: Vec<String>,
}

pub(crate) struct FakeCentral {
    air: Air,
    name: String,
    adverts: Arc<tokio::sync::Mutex<Adverts>>,
}

impl Central for FakeCentral {
    type Visit = FakeVisit;

    async fn scan(&self, on: bool) -> Result<(), BleError> {
        self.adverts.lock().await.is_scanning = on;
        Ok(())
    }

    async fn sighting(&self) -> Sighting {
        let mut adverts = self.adverts.lock().await;
        loop {
            if let Some(device) = adverts.waiting.pop() {
                return Sighting::Seen(device);
            }
            adverts.every.tick().await;
            if adverts.is_scanning {
                let state = self.air.state();
                let sellers = state.sellers.iter().filter(|(_, seller)| seller.adverts_sent > 0);
                let names =
                    sellers.map(|(name, _)| name).chain(state.rogues.iter().map(|it| &it.0));
                let names = names.filter(|name| **name != self.name && !state.cut.contains(name));
                adverts.waiting = names.cloned().collect();
                if state.cut.contains(&self.name) {
                    adverts.waiting.clear();
                }
            }
        }
    }

    async fn visit(&self, device: &str) -> Result<FakeVisit, BleError> {
        let rogue = {
            let mut state = self.air.state();
            state.visits += 1;
            state.rogues.iter().find(|(name, _)| name == device).map(|(_, rogue)| rogue.clone())
        };
        if matches!(rogue, Some(Rogue::Silent)) {
            std::future::pending::<()>().await;
        }
        let mut state = self.air.state();
        let is_sent = state.sellers.get(device).is_some_and(|seller| seller.adverts_sent > 0);
        let mut connections = state.connections.values();
        // All programs of a computer share its connection.
        let is_there =
            is_sent || connections.any(|it| it.central == self.name && it.seller == device);
        let is_apart = state.cut.iter().any(|cut| cut == device || *cut == self.name);
        if is_apart || !is_there && rogue.is_none() {
            return Err(failed("connect"));
        }
        let (sender, values) = mpsc::unbounded_channel();
        let id = state.connect(&self.name, device, rogue, sender);
        if let Some(seller) = state.sellers.get_mut(device) {
            // Some stacks send no more from here, and do not say so.
            seller.adverts_sent = 0;
        }
        let att_mtu = state.att_mtu;
        drop(state);
        Ok(FakeVisit { air: self.air.clone(), id, att_mtu, values })
    }
}

pub(crate) struct FakeVisit {
    air: Air,
    id: u64,
    att_mtu: usize,
    values: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl FakeVisit {
    /// The two ends of the connection, if it is there.
    fn ends(&self) -> Result<(String, Arc<Desk>), BleError> {
        let state = self.air.state();
        let connection = state.connections.get(&self.id).ok_or_else(|| failed("reach"))?;
        let seller = state.sellers.get(&connection.seller);
        let desk = seller.and_then(|seller| seller.desk.clone()).ok_or_else(|| failed("find"))?;
        Ok((connection.central.clone(), desk))
    }
}

impl Visit for FakeVisit {
    fn att_mtu(&self) -> usize {
        self.att_mtu
    }

    async fn read(&mut self) -> Result<Vec<u8>, BleError> {
        let rogue = self.air.state().connections.get(&self.id).and_then(|it| it.rogue.clone());
        if let Some(Rogue::Says(bytes)) = rogue {
            return Ok(bytes);
        }
        let (central, desk) = self.ends()?;
        let mut value = Vec::new();
        loop {
            // One response holds the MTU less one.
            let part = desk.on_read(&central, value.len()).map_err(|_| failed("read"))?;
            let part = &part[..part.len().min(self.att_mtu - 1)];
            value.extend_from_slice(part);
            if part.len() < self.att_mtu - 1 {
                return Ok(value);
            }
        }
    }

    async fn write(&mut self, value: &[u8], confirmed: bool) -> Result<(), BleError> {
        let (central, desk) = self.ends()?;
        assert!(value.len() <= 500 && value.len() <= self.att_mtu - 3, "{} bytes", value.len());
        let write = |value: &[u8]| desk.on_write(&central, 0, value, Some(self.att_mtu));
        if confirmed {
            return write(value).map_err(|_| failed("write"));
        }
        let mut state = self.air.state();
        let fate = state.fate();
        let connection = state.connections.get_mut(&self.id).ok_or_else(|| failed("write"))?;
        let before = connection.held.take();
        let times = match fate {
            Fate::Lost => 0,
            Fate::Once => 1,
            Fate::Twice => 2,
            Fate::Overtaken => {
                connection.held = Some(value.to_vec());
                0
            }
        };
        drop(state);
        // Nobody says whether such a write was refused.
        (0..times).for_each(|_| write(value).unwrap_or_default());
        before.into_iter().for_each(|before| write(&before).unwrap_or_default());
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<(), BleError> {
        let mut state = self.air.state();
        if !state.can_subscribe {
            return Err(failed("subscribe"));
        }
        let connection = state.connections.get_mut(&self.id).ok_or_else(|| failed("subscribe"))?;
        connection.is_subscribed = true;
        Ok(())
    }

    async fn notified(&mut self) -> Option<Vec<u8>> {
        self.values.recv().await
    }

    async fn leave(self, _: bool) {}
}

impl Drop for FakeVisit {
    fn drop(&mut self) {
        let mut state = self.air.state();
        state.connections.remove(&self.id);
        state.advertise_again();
    }
}

#[derive(Clone)]
pub(crate) struct FakePeripheral {
    air: Air,
    name: String,
}

/// A registration that is undone when dropped.
pub(crate) struct Registered {
    of: FakePeripheral,
    pump: Option<JoinHandle<()>>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut state = self.of.air.state();
        if let Some(seller) = state.sellers.get_mut(&self.of.name) {
            match &self.pump {
                Some(_) => seller.desk = None,
                None => {
                    seller.adverts = seller.adverts.saturating_sub(1);
                    seller.adverts_sent = seller.adverts_sent.min(seller.adverts);
                }
            }
        }
        self.pump.iter().for_each(JoinHandle::abort);
    }
}

impl Peripheral for FakePeripheral {
    type Serving = Registered;
    type Advert = Registered;

    async fn serve(&self, desk: Arc<Desk>) -> Result<Registered, BleError> {
        let mut state = self.air.state();
        let seller = state.sellers.entry(self.name.clone()).or_default();
        if seller.is_off {
            return Err(BleError::Off { adapter: self.name.clone() });
        }
        seller.desk = Some(Arc::clone(&desk));
        drop(state);
        let (air, name) = (self.air.clone(), self.name.clone());
        let pump = tokio::spawn(async move {
            loop {
                let value = desk.next_value().await;
                air.notify(&name, &value);
                tokio::task::yield_now().await;
            }
        });
        Ok(Registered { of: self.clone(), pump: Some(pump) })
    }

    async fn advertise(&self) -> Result<Registered, BleError> {
        let mut state = self.air.state();
        let adverts_max = state.adverts_max;
        let seller = state.sellers.get_mut(&self.name).ok_or_else(|| failed("advertise"))?;
        if seller.adverts >= adverts_max {
            return Err(failed("advertise"));
        }
        seller.adverts += 1;
        seller.adverts_sent += 1;
        drop(state);
        self.air.0.changed.notify_waiters();
        Ok(Registered { of: self.clone(), pump: None })
    }

    async fn check(&self, _: &Registered, advert: Option<&Registered>) -> Result<(), BleError> {
        let state = self.air.state();
        let seller = state.sellers.get(&self.name).ok_or_else(|| failed("find itself"))?;
        if seller.is_off {
            return Err(BleError::Off { adapter: self.name.clone() });
        }
        if seller.desk.is_none() || advert.is_some() && seller.adverts == 0 {
            return Err(failed("advertise"));
        }
        Ok(())
    }

    async fn is_connected(&self, device: &str) -> bool {
        let state = self.air.state();
        let mut connections = state.connections.values();
        connections.any(|it| it.central == device && it.seller == self.name)
    }
}

fn failed(action: &'static str) -> BleError {
    BleError::Stack { action, text: "no".to_owned() }
}
