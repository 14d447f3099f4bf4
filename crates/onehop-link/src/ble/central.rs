//! The central's role on every platform, by btleplug.

mod connection;
mod scan;
mod scanner;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use btleplug::{
    api::{Central as _, Manager as _, Peripheral as _},
    platform::{Adapter, Manager, Peripheral},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;

use super::{
    CHARACTERISTIC, SERVICE, Task,
    error::BleError,
    radio::{Central, Sighting},
};
pub use connection::PlugVisit;
use connection::{ALIVE_EVERY, Leave};
use scanner::{Pause, Scanner, Shared, Wanted};

/// Sightings that wait; more are of devices that will be seen again.
const SIGHTINGS_MAX: usize = 64;
/// How long looking for others stands back for one connection: adapters do one at a time.
const PAUSED_MAX: Duration = Duration::from_secs(4);
/// How long the stack may take to answer before it is taken for gone.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A scanner and connector on one adapter.
pub struct Plug {
    #[cfg(not(target_os = "linux"))]
    name: String,
    adapter: Adapter,
    #[cfg(target_os = "linux")]
    bluez: bluer::Adapter,
    shared: Arc<Shared>,
    sightings: tokio::sync::Mutex<mpsc::Receiver<Sighting>>,
    scanning: Arc<watch::Sender<Wanted>>,
    _scanner: Task,
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
        let shared = Arc::new(Shared { known: std::sync::Mutex::default(), gone });
        let (scanning, wanted) = watch::channel(Wanted::default());
        let scanning = Arc::new(scanning);
        #[cfg(target_os = "linux")]
        let bluez = super::bluez::adapter(&name).await?;
        let scanner = Scanner {
            #[cfg(not(target_os = "linux"))]
            name: name.clone(),
            adapter: adapter.clone(),
            #[cfg(target_os = "linux")]
            bluez: bluez.clone(),
            shared: Arc::clone(&shared),
            sightings: sender,
        };
        let _scanner = Task::spawn(scanner.run(wanted));
        Ok(Self {
            #[cfg(not(target_os = "linux"))]
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
        if on {
            #[cfg(target_os = "linux")]
            super::bluez::check_powered(&self.bluez).await?;
            #[cfg(not(target_os = "linux"))]
            check_powered(&self.adapter, &self.name).await?;
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

#[cfg(not(target_os = "linux"))]
async fn check_powered(adapter: &Adapter, name: &str) -> Result<(), BleError> {
    let state = adapter.adapter_state().await;
    let state = state.map_err(|error| trouble("say whether the adapter is on", &error))?;
    if matches!(state, btleplug::api::CentralState::PoweredOff) {
        return Err(BleError::Off { adapter: name.to_owned() });
    }
    Ok(())
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
