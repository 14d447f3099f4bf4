//! The buyer's task for one seller: connects, reads the look-up, carries its streams.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

use super::{
    BleConfig,
    error::{BleError, Notice},
    inbox::{Happening, Inbox},
    radio::{Central, Visit},
    streams::Device,
    value::{NoOffer, Offer, Stream, Value, frame_mtu, greeting},
};
use crate::link::LinkId;

/// What a visit is asked to do.
#[derive(Debug)]
pub(super) enum Errand {
    /// Begin a stream, if the seller still says this look-up.
    Dial(LinkId, Vec<u8>),
    /// Send a frame.
    Frame(LinkId, Vec<u8>),
    /// End a stream.
    Close(LinkId),
}

struct Visiting<V> {
    visit: V,
    device: Device,
    config: BleConfig,
    inbox: Arc<Inbox>,
    /// What was read last and is not used yet.
    spare: Option<Offer>,
    streams: BTreeMap<Stream, LinkId>,
    /// How values come.
    way: Way,
    /// Without streams it is left then.
    until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Not tried yet.
    Unknown,
    Notified,
    Polled,
}

/// Why a visit ends, or an errand came to nothing.
enum Trouble {
    /// The connection is of no more use.
    Over,
    /// This errand only.
    Errand,
}

/// Visits `device` until it is gone or of no more use, or `errands` end. Who waits for all copies of
/// `alive` to be gone knows that nothing is connected any more.
pub(super) async fn visit<C: Central>(
    central: Arc<C>,
    device: Device,
    config: BleConfig,
    inbox: Arc<Inbox>,
    mut errands: mpsc::Receiver<Errand>,
    alive: mpsc::Sender<()>,
) {
    let visit = within(config.connect_timeout, "connect", central.visit(&device)).await;
    let mut ended = Happening::Failed(device.clone());
    if let Ok(visit) = visit {
        let mut visiting = Visiting {
            visit,
            device: device.clone(),
            config,
            inbox: Arc::clone(&inbox),
            spare: None,
            streams: BTreeMap::new(),
            way: Way::Unknown,
            until: Instant::now() + config.linger,
        };
        let is_seller = visiting.read_offer().await.is_ok();
        if is_seller {
            ended = Happening::Left(device);
            visiting.serve(&mut errands).await;
        }
        for link in std::mem::take(&mut visiting.streams).into_values() {
            inbox.put(Happening::Down(link));
        }
        refuse_all(&inbox, &mut errands);
        // Some stacks take a while, and who came back meanwhile would be disconnected with this one.
        timeout(config.connect_timeout, visiting.visit.leave(!is_seller)).await.ok();
    }
    refuse_all(&inbox, &mut errands);
    inbox.put(ended);
    drop(alive);
}

/// Says of those who wanted to begin a stream that nobody will.
fn refuse_all(inbox: &Inbox, errands: &mut mpsc::Receiver<Errand>) {
    errands.close();
    while let Ok(errand) = errands.try_recv() {
        if let Errand::Dial(link, _) = errand {
            inbox.put(Happening::Down(link));
        }
    }
}

/// Bounds the time of what a stack does.
async fn within<T>(
    limit: std::time::Duration,
    action: &'static str,
    work: impl Future<Output = Result<T, BleError>>,
) -> Result<T, BleError> {
    timeout(limit, work).await.unwrap_or(Err(BleError::Late { action }))
}

impl<V: Visit> Visiting<V> {
    async fn serve(&mut self, errands: &mut mpsc::Receiver<Errand>) {
        let mut polls = interval(self.config.poll_every);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_polling = self.way == Way::Polled && !self.streams.is_empty();
            let result = tokio::select! {
                value = self.visit.notified() => match value {
                    Some(value) => self.take(&value),
                    None => Err(Trouble::Over),
                },
                errand = errands.recv() => match errand {
                    Some(errand) => self.run(errand).await,
                    None => Err(Trouble::Over),
                },
                _ = polls.tick(), if is_polling => {
                    let polled = self.poll().await;
                    if matches!(polled, Ok(true)) {
                        // Where one frame waited there may be more.
                        polls.reset_immediately();
                    }
                    polled.map(drop)
                }
                () = sleep_until(self.until), if self.streams.is_empty() => Err(Trouble::Over),
            };
            if matches!(result, Err(Trouble::Over)) {
                return;
            }
        }
    }

    async fn run(&mut self, errand: Errand) -> Result<(), Trouble> {
        match errand {
            Errand::Dial(link, lookup) => {
                let dialed = self.dial(link, &lookup).await;
                if dialed.is_err() {
                    self.inbox.put(Happening::Down(link));
                }
                dialed
            }
            Errand::Frame(link, frame) => {
                let Some(stream) = self.stream(link) else { return Ok(()) };
                self.write(stream, &frame, false).await.map_err(|_| Trouble::Over)
            }
            Errand::Close(link) => {
                if let Some(stream) = self.stream(link) {
                    // If it is lost, the disconnection says the same a little later.
                    self.write(stream, &[], true).await.ok();
                    self.over(stream);
                }
                Ok(())
            }
        }
    }

    /// Reads what the seller says, and reports it.
    async fn read_offer(&mut self) -> Result<(), Trouble> {
        let read = within(self.config.stack_timeout, "read", self.visit.read()).await;
        match Offer::decode(&read.map_err(|_| Trouble::Over)?) {
            Ok(offer) => {
                let lookup = offer.lookup.clone();
                self.inbox.put(Happening::Read(self.device.clone(), lookup));
                self.spare = Some(offer);
                Ok(())
            }
            Err(NoOffer::Version(version)) => {
                self.inbox.put(Happening::Notice(Notice::OtherVersion(version)));
                Err(Trouble::Over)
            }
            Err(NoOffer::Garbage) => Err(Trouble::Over),
        }
    }

    async fn dial(&mut self, link: LinkId, lookup: &[u8]) -> Result<(), Trouble> {
        self.choose_way().await;
        if self.way == Way::Polled && !self.streams.is_empty() {
            // What this device reads belongs to the stream there is.
            return Err(Trouble::Errand);
        }
        // A seller forgets an offer that is not used for long; the second one is fresh.
        for _ in 0..2 {
            let offer = match self.spare.take() {
                Some(offer) => offer,
                None => {
                    self.read_offer().await?;
                    self.spare.take().ok_or(Trouble::Over)?
                }
            };
            if offer.lookup != lookup {
                self.spare = Some(offer);
                return Err(Trouble::Errand);
            }
            let att_mtu = self.visit.att_mtu();
            if self.write(offer.stream, &greeting(att_mtu), true).await.is_ok() {
                self.streams.insert(offer.stream, link);
                let mtu = frame_mtu(att_mtu);
                self.inbox.put(Happening::Up { link, initiator: true, mtu });
                return Ok(());
            }
        }
        Err(Trouble::Over)
    }

    /// Asks to be notified; reads instead if that cannot be.
    async fn choose_way(&mut self) {
        if self.way == Way::Unknown {
            let asked = within(self.config.stack_timeout, "subscribe", self.visit.subscribe());
            self.way = if asked.await.is_ok() { Way::Notified } else { Way::Polled };
        }
    }

    async fn write(&mut self, stream: Stream, rest: &[u8], sure: bool) -> Result<(), BleError> {
        let value = Value { stream, polled: self.way == Way::Polled, rest }.encode();
        within(self.config.stack_timeout, "write", self.visit.write(&value, sure)).await
    }

    /// Reads what waits; true if something did.
    async fn poll(&mut self) -> Result<bool, Trouble> {
        let read = within(self.config.stack_timeout, "read", self.visit.read()).await;
        let value = read.map_err(|_| Trouble::Over)?;
        // An offer instead: the seller has closed the stream.
        let Some(value) = Value::decode(&value).filter(|value| value.polled) else {
            let over: Vec<Stream> = self.streams.keys().copied().collect();
            over.into_iter().for_each(|stream| self.over(stream));
            return Ok(false);
        };
        if let Some(link) = self.streams.get(&value.stream).filter(|_| !value.rest.is_empty()) {
            self.inbox.put(Happening::Frame(*link, value.rest.to_vec()));
        }
        Ok(!value.rest.is_empty())
    }

    /// Takes a value that was notified, perhaps to somebody else.
    fn take(&mut self, value: &[u8]) -> Result<(), Trouble> {
        let Some(value) = Value::decode(value).filter(|value| !value.polled) else {
            return Ok(());
        };
        if let Some(link) = self.streams.get(&value.stream) {
            if value.rest.is_empty() {
                self.over(value.stream);
            } else {
                self.inbox.put(Happening::Frame(*link, value.rest.to_vec()));
            }
        }
        Ok(())
    }

    fn over(&mut self, stream: Stream) {
        if let Some(link) = self.streams.remove(&stream) {
            self.inbox.put(Happening::Down(link));
        }
        self.until = Instant::now() + self.config.linger_after;
    }

    fn stream(&self, link: LinkId) -> Option<Stream> {
        self.streams.iter().find_map(|(stream, of)| (*of == link).then_some(*stream))
    }
}
