//! The central's role on every platform, by btleplug.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use btleplug::{
    api::{
        Central as _, CentralEvent, CentralState, Characteristic, Manager as _, Peripheral as _,
        ValueNotification, WriteType,
    },
    platform::{Adapter, Manager, Peripheral, PeripheralId},
};
use futures_util::{Stream, StreamExt as _};
use tokio::{
    runtime::Handle,
    sync::{broadcast, mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;

use super::{
    CHARACTERISTIC, SERVICE, Task,
    error::BleError,
    radio::{Central, Sighting, Visit},
    scan::Scan,
    streams::Device,
};

/// Sightings that wait; more are of devices that will be seen again.
const SIGHTINGS_MAX: usize = 64;
/// Devices whose names for the stack are remembered.
const KNOWN_MAX: usize = 256;
/// The time between two looks at one device.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The time between two looks at all devices and at the adapter.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How long looking for others stands back for one connection: adapters do one at a time.
const PAUSED_MAX: Duration = Duration::from_secs(4);
/// The time between two looks at whether a device is still connected.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// How long the stack may take to answer before it is taken for gone.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A scanner and connector on one adapter.
pub struct Plug {
    name: String,
    adapter: Adapter,
    #[cfg(target_os = "linux")]
    bluez: bluer::Adapter,
    shared: Arc<Shared>,
    sightings: tokio::sync::Mutex<mpsc::Receiver<Sighting>>,
    scanning: Arc<watch::Sender<Wanted>>,
    _scanner: Task,
}

/// Whether to look for advertisers.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    on: bool,
    /// Connections for which it stands back.
    pauses: u32,
}

impl Wanted {
    const fn is_now(&self) -> bool {
        self.on && self.pauses == 0
    }
}

/// Looking for advertisers stands back while this is there.
struct Pause(Arc<watch::Sender<Wanted>>);

impl Pause {
    fn new(scanning: &Arc<watch::Sender<Wanted>>) -> Self {
        scanning.send_modify(|wanted| wanted.pauses += 1);
        Self(Arc::clone(scanning))
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.0.send_modify(|wanted| wanted.pauses = wanted.pauses.saturating_sub(1));
    }
}

#[derive(Debug)]
struct Shared {
    /// Devices by the names that the link uses, and when each was looked at last.
    known: Mutex<BTreeMap<Device, (PeripheralId, Instant)>>,
    gone: broadcast::Sender<Device>,
}

impl fmt::Debug for Plug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plug").finish_non_exhaustive()
    }
}

impl Plug {
    /// Opens the adapter whose name is `wanted`, or the first.
    ///
    /// # Errors
    /// [`BleError`]
    pub async fn open(wanted: Option<&str>) -> Result<Self, BleError> {
        let manager = Manager::new().await.map_err(|error| trouble("open", &error))?;
        let adapters =
            manager.adapters().await.map_err(|error| trouble("list adapters", &error))?;
        let mut there = BTreeMap::new();
        for adapter in adapters {
            // The first word is the name; the order of adapters is any.
            let info = adapter.adapter_info().await.unwrap_or_default();
            let name = info.split(' ').next().unwrap_or_default().to_owned();
            there.insert(name, adapter);
        }
        let (name, adapter) = match wanted {
            None => there.pop_first().ok_or(BleError::NoAdapter)?,
            Some(wanted) => match there.remove_entry(wanted) {
                Some(entry) => entry,
                None => {
                    let there = there.into_keys().collect();
                    return Err(BleError::NoSuchAdapter { wanted: wanted.to_owned(), there });
                }
            },
        };
        let (sender, sightings) = mpsc::channel(SIGHTINGS_MAX);
        let (gone, _) = broadcast::channel(SIGHTINGS_MAX);
        let shared = Arc::new(Shared { known: Mutex::default(), gone });
        let (scanning, wanted) = watch::channel(Wanted::default());
        let scanning = Arc::new(scanning);
        #[cfg(target_os = "linux")]
        let bluez = super::bluez::adapter(&name).await?;
        let scanner = Scanner {
            name: name.clone(),
            adapter: adapter.clone(),
            #[cfg(target_os = "linux")]
            bluez: bluez.clone(),
            shared: Arc::clone(&shared),
            sightings: sender,
        };
        let _scanner = Task::spawn(scanner.run(wanted));
        Ok(Self {
            name,
            adapter,
            #[cfg(target_os = "linux")]
            bluez,
            shared,
            sightings: tokio::sync::Mutex::new(sightings),
            scanning,
            _scanner,
        })
    }
}

impl Plug {
    /// Connects; fails by chance and then tries again, so that the caller bounds the time.
    async fn connect(&self, peripheral: &Peripheral) {
        let pause = Pause::new(&self.scanning);
        let mut connecting = std::pin::pin!(async {
            while peripheral.connect().await.is_err() {
                sleep(CONNECT_AGAIN_AFTER).await;
            }
        });
        let quickly = timeout(PAUSED_MAX, &mut connecting).await;
        drop(pause);
        if quickly.is_err() {
            connecting.await;
        }
    }
}

impl Central for Plug {
    type Visit = PlugVisit;

    async fn scan(&self, on: bool) -> Result<(), BleError> {
        if on && matches!(self.adapter.adapter_state().await, Ok(CentralState::PoweredOff)) {
            return Err(BleError::Off { adapter: self.name.clone() });
        }
        self.scanning.send_modify(|wanted| wanted.on = on);
        Ok(())
    }

    async fn sighting(&self) -> Sighting {
        match self.sightings.lock().await.recv().await {
            Some(sighting) => sighting,
            // The scanner is gone, and so is the link that asks.
            None => std::future::pending().await,
        }
    }

    async fn visit(&self, device: &str) -> Result<PlugVisit, BleError> {
        let id = self.shared.id(device).ok_or(BleError::NoAdapter)?;
        let failed = |error: btleplug::Error| trouble("find the device again", &error);
        let peripheral = self.adapter.peripheral(&id).await.map_err(failed)?;
        let guard = Leave { peripheral: Some(peripheral.clone()) };
        let gone = self.shared.gone.subscribe();
        self.connect(&peripheral).await;
        while let Err(error) = peripheral.discover_services().await {
            // A slow stack needs longer than the crate waits.
            if !peripheral.is_connected().await.unwrap_or_default() {
                return Err(trouble("discover the service", &error));
            }
        }
        let (service, wanted) = (Uuid::from_u128(SERVICE), Uuid::from_u128(CHARACTERISTIC));
        let mut found = peripheral.characteristics().into_iter();
        let found = found.find(|it| it.service_uuid == service && it.uuid == wanted);
        let Some(characteristic) = found else {
            #[cfg(target_os = "linux")]
            super::bluez::forget(&self.bluez, &peripheral.address().to_string()).await;
            let text = "it lacks the characteristic".to_owned();
            return Err(BleError::Stack { action: "use a seller nearby", text });
        };
        let failed = |error: btleplug::Error| trouble("listen to the device", &error);
        let values = peripheral.notifications().await.map_err(failed)?;
        let mut alive = interval(ALIVE_EVERY);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let device = device.to_owned();
        Ok(PlugVisit {
            device,
            #[cfg(target_os = "linux")]
            bluez: self.bluez.clone(),
            peripheral,
            characteristic,
            values,
            gone,
            alive,
            guard,
        })
    }
}

/// A connection by btleplug.
pub struct PlugVisit {
    device: Device,
    #[cfg(target_os = "linux")]
    bluez: bluer::Adapter,
    peripheral: Peripheral,
    characteristic: Characteristic,
    values: Pin<Box<dyn Stream<Item = ValueNotification> + Send>>,
    gone: broadcast::Receiver<Device>,
    alive: Interval,
    guard: Leave,
}

impl fmt::Debug for PlugVisit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlugVisit").finish_non_exhaustive()
    }
}

impl Visit for PlugVisit {
    fn att_mtu(&self) -> usize {
        usize::from(self.peripheral.mtu())
    }

    async fn read(&mut self) -> Result<Vec<u8>, BleError> {
        let read = self.peripheral.read(&self.characteristic).await;
        read.map_err(|error| trouble("read", &error))
    }

    async fn write(&mut self, value: &[u8], confirmed: bool) -> Result<(), BleError> {
        let kind = if confirmed { WriteType::WithResponse } else { WriteType::WithoutResponse };
        let written = self.peripheral.write(&self.characteristic, value, kind).await;
        written.map_err(|error| trouble("write", &error))
    }

    async fn subscribe(&mut self) -> Result<(), BleError> {
        let subscribed = self.peripheral.subscribe(&self.characteristic).await;
        subscribed.map_err(|error| trouble("subscribe", &error))
    }

    async fn notified(&mut self) -> Option<Vec<u8>> {
        loop {
            tokio::select! {
                value = self.values.next() => {
                    let value = value?;
                    if value.uuid == self.characteristic.uuid {
                        return Some(value.value);
                    }
                }
                gone = self.gone.recv() => match gone {
                    // What was told late may be of an earlier connection.
                    Ok(device) if device != self.device => {}
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.alive.reset_immediately(),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                _ = self.alive.tick() => {
                    let is_connected = timeout(PATIENCE, self.peripheral.is_connected()).await;
                    if !matches!(is_connected, Ok(Ok(true))) {
                        return None;
                    }
                }
            }
        }
    }

    async fn leave(mut self, distrusted: bool) {
        if let Some(peripheral) = self.guard.peripheral.take() {
            // It is gone then, or will be when the stack notices.
            peripheral.disconnect().await.ok();
            #[cfg(target_os = "linux")]
            if distrusted {
                super::bluez::forget(&self.bluez, &peripheral.address().to_string()).await;
            }
            #[cfg(not(target_os = "linux"))]
            let _: bool = distrusted;
        }
    }
}

/// Disconnects when dropped: else the stack stays connected for ever, also after the program. A
/// connection is shared by all programs of the computer; another one connects again and goes on.
struct Leave {
    peripheral: Option<Peripheral>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let (Some(peripheral), Ok(runtime)) = (self.peripheral.take(), Handle::try_current()) {
            runtime.spawn(async move { peripheral.disconnect().await.ok() });
        }
    }
}

impl Shared {
    fn id(&self, device: &str) -> Option<PeripheralId> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(device).map(|(id, _)| id.clone())
    }

    /// Does not remember a device any more.
    #[cfg(target_os = "linux")]
    fn drop_known(&self, device: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(device);
    }

    /// Remembers a device; false if it was looked at just now.
    fn is_worth_a_look(&self, device: &str, id: &PeripheralId) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((_, looked_at)) = known.get_mut(device) {
            let is_due = now.duration_since(*looked_at) >= LOOK_EVERY;
            if is_due {
                *looked_at = now;
            }
            return is_due;
        }
        if known.len() >= KNOWN_MAX {
            let oldest = known.iter().min_by_key(|(_, (_, looked_at))| *looked_at);
            let oldest = oldest.map(|(device, _)| device.clone());
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        known.insert(device.to_owned(), (id.clone(), now));
        true
    }
}

/// The service that every device with services has.
#[cfg(target_os = "linux")]
const GENERIC_ATTRIBUTE: u128 = 0x0000_1801_0000_1000_8000_0080_5f9b_34fb;

struct Scanner {
    name: String,
    adapter: Adapter,
    #[cfg(target_os = "linux")]
    bluez: bluer::Adapter,
    shared: Arc<Shared>,
    sightings: mpsc::Sender<Sighting>,
}

impl Scanner {
    /// Scans while that is wanted, until the link is gone.
    async fn run(self, mut wanted: watch::Receiver<Wanted>) {
        let mut is_lost = false;
        while wanted.wait_for(Wanted::is_now).await.is_ok() {
            if let Err(error) = self.scan(&mut wanted, &mut is_lost).await {
                if !std::mem::replace(&mut is_lost, true) {
                    self.sightings.send(Sighting::Lost(error)).await.ok();
                }
                sleep(SWEEP_EVERY).await;
            }
        }
    }

    async fn begin(&self) -> Result<Scan, BleError> {
        #[cfg(target_os = "linux")]
        let begun = Scan::begin(&self.bluez);
        #[cfg(not(target_os = "linux"))]
        let begun = Scan::begin(&self.adapter);
        let late = Err(BleError::Late { action: "look for sellers" });
        timeout(PATIENCE, begun).await.unwrap_or(late)
    }

    /// Scans until that is no longer wanted, or the stack stops.
    async fn scan(
        &self,
        wanted: &mut watch::Receiver<Wanted>,
        is_lost: &mut bool,
    ) -> Result<(), BleError> {
        let events = timeout(PATIENCE, self.adapter.events()).await;
        let late = Err(BleError::Late { action: "say what it sees" });
        let mut events =
            events.map_or(late, |events| events.map_err(|error| trouble("see devices", &error)))?;
        let mut sweeps = interval(SWEEP_EVERY);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut scan = self.begin().await?;
        loop {
            tokio::select! {
                // An error says that the link is gone: the same.
                _ = async { wanted.wait_for(|wanted| !wanted.is_now()).await.is_ok() } => {
                    timeout(PATIENCE, scan.end()).await.ok();
                    return Ok(());
                }
                () = scan.ended() => {
                    // The adapter may be off; that shows when it is begun again.
                    sleep(CONNECT_AGAIN_AFTER).await;
                    return Ok(());
                }
                event = events.next() => match event {
                    Some(event) => self.take(event).await,
                    None => return Err(BleError::NoService),
                },
                _ = sweeps.tick() => {
                    self.sweep().await?;
                    if std::mem::take(is_lost) {
                        self.sightings.send(Sighting::Back).await.ok();
                    }
                }
            }
        }
    }

    /// Looks at the adapter and at every device that the stack knows.
    async fn sweep(&self) -> Result<(), BleError> {
        let swept = timeout(PATIENCE, async {
            if matches!(self.adapter.adapter_state().await, Ok(CentralState::PoweredOff)) {
                return Err(BleError::Off { adapter: self.name.clone() });
            }
            let peripherals = self.adapter.peripherals().await;
            let peripherals = peripherals.map_err(|error| trouble("list devices", &error))?;
            for peripheral in peripherals {
                self.look(&peripheral).await;
            }
            Ok(())
        });
        swept.await.unwrap_or(Err(BleError::Late { action: "list devices" }))
    }

    async fn take(&self, event: CentralEvent) {
        match event {
            CentralEvent::DeviceDiscovered(id)
            | CentralEvent::DeviceUpdated(id)
            | CentralEvent::ServicesAdvertisement { id, .. }
            | CentralEvent::RssiUpdate { id, .. } => {
                if let Ok(Ok(peripheral)) = timeout(PATIENCE, self.adapter.peripheral(&id)).await {
                    timeout(PATIENCE, self.look(&peripheral)).await.ok();
                }
            }
            CentralEvent::DeviceDisconnected(id) => {
                // Nobody is connected to it then.
                self.shared.gone.send(id.to_string()).ok();
            }
            CentralEvent::DeviceConnected(_)
            | CentralEvent::DeviceServicesModified(_)
            | CentralEvent::ManufacturerDataAdvertisement { .. }
            | CentralEvent::ServiceDataAdvertisement { .. }
            | CentralEvent::StateUpdate(_) => {}
        }
    }

    /// Reports a device if it is near and has the service.
    async fn look(&self, peripheral: &Peripheral) {
        let id = peripheral.id();
        let device = id.to_string();
        if !self.shared.is_worth_a_look(&device, &id) {
            return;
        }
        let Ok(Some(properties)) = peripheral.properties().await else { return };
        let has_service = properties.services.contains(&Uuid::from_u128(SERVICE));
        #[cfg(target_os = "linux")]
        if !has_service && properties.rssi.is_some() && is_resolved(&properties.services) {
            // The stack no longer reads the adverts of a device whose services it once found.
            if !peripheral.is_connected().await.unwrap_or_default() {
                super::bluez::forget(&self.bluez, &properties.address.to_string()).await;
                self.shared.drop_known(&device);
            }
            return;
        }
        // What the stack only remembers has no strength of signal.
        let is_near = has_service
            && (properties.rssi.is_some() || peripheral.is_connected().await.unwrap_or_default());
        if is_near {
            // If there are so many, it is seen again.
            self.sightings.try_send(Sighting::Seen(device)).ok();
        }
    }
}

/// Whether the stack has looked for the services of a device: the one of the protocol itself is
/// never in an advert.
#[cfg(target_os = "linux")]
fn is_resolved(services: &[Uuid]) -> bool {
    services.contains(&Uuid::from_u128(GENERIC_ATTRIBUTE))
}

/// What an error of the stack means to a person.
pub(super) fn trouble(action: &'static str, error: &btleplug::Error) -> BleError {
    if matches!(error, btleplug::Error::PermissionDenied) {
        return BleError::Denied;
    }
    if matches!(error, btleplug::Error::NoAdapterAvailable) {
        return BleError::NoAdapter;
    }
    let text = error.to_string();
    #[cfg(target_os = "linux")]
    {
        if text.contains("org.bluez was not provided") || text.contains("NameHasNoOwner") {
            return BleError::NoService;
        }
        if text.contains("Not Ready") {
            return BleError::Off { adapter: "here".to_owned() };
        }
    }
    BleError::Stack { action, text }
}
