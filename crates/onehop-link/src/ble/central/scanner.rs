//! Looks for sellers while that is wanted, and says whom it sees.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use btleplug::{
    api::{Central as _, CentralEvent, Peripheral as _},
    platform::{Adapter, Peripheral, PeripheralId},
};
use futures_util::StreamExt as _;
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;

use super::{CONNECT_AGAIN_AFTER, PATIENCE, scan::Scan, trouble};
use crate::ble::{SERVICE, error::BleError, radio::Sighting, streams::Device};

/// Devices whose names for the stack are remembered.
const KNOWN_MAX: usize = 256;
/// The time between two looks at one device.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The time between two looks at all devices and at the adapter.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// Whether to look for advertisers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) on: bool,
    /// Connections for which it stands back.
    pauses: u32,
}

impl Wanted {
    const fn is_now(&self) -> bool {
        self.on && self.pauses == 0
    }
}

/// Looking for advertisers stands back while this is there.
pub(super) struct Pause(Arc<watch::Sender<Wanted>>);

impl Pause {
    pub(super) fn new(scanning: &Arc<watch::Sender<Wanted>>) -> Self {
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
pub(super) struct Shared {
    /// Devices by the names that the link uses, and when each was looked at last.
    pub(super) known: Mutex<BTreeMap<Device, (PeripheralId, Instant)>>,
    pub(super) gone: broadcast::Sender<Device>,
}

impl Shared {
    pub(super) fn id(&self, device: &str) -> Option<PeripheralId> {
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

pub(super) struct Scanner {
    #[cfg(not(target_os = "linux"))]
    pub(super) name: String,
    pub(super) adapter: Adapter,
    #[cfg(target_os = "linux")]
    pub(super) bluez: bluer::Adapter,
    pub(super) shared: Arc<Shared>,
    pub(super) sightings: mpsc::Sender<Sighting>,
}

impl Scanner {
    /// Scans while that is wanted, until the link is gone.
    pub(super) async fn run(self, mut wanted: watch::Receiver<Wanted>) {
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
            #[cfg(target_os = "linux")]
            crate::ble::bluez::check_powered(&self.bluez).await?;
            #[cfg(not(target_os = "linux"))]
            super::check_powered(&self.adapter, &self.name).await?;
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
                crate::ble::bluez::forget(&self.bluez, &properties.address.to_string()).await;
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
