//! The Linux stack: which adapter to use, and the peripheral's role, by BlueZ over D-Bus.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use bluer::{
    Adapter, Address, ErrorKind, InternalErrorKind, Session, Uuid,
    adv::{Advertisement, AdvertisementHandle},
    gatt::local::{
        Application, ApplicationHandle, Characteristic, CharacteristicNotifier,
        CharacteristicNotify, CharacteristicNotifyMethod, CharacteristicRead, CharacteristicWrite,
        CharacteristicWriteMethod, ReqError, Service,
    },
};
use tokio::{sync::watch, time::timeout};

use super::{
    CHARACTERISTIC, SERVICE, Task, desk::Desk, error::BleError, radio::Peripheral, streams::Refused,
};

/// How long a value waits for the first subscription to be known here.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(1);
/// The time between two advertisements. Connecting takes at least two of them.
const ADVERTISED_EVERY: Duration = Duration::from_millis(100);
/// Where the kernel says what blocks a radio.
const RFKILL: &str = "/sys/class/rfkill";

/// An adapter of this computer.
#[derive(Clone)]
pub struct Bluez {
    adapter: Adapter,
}

impl fmt::Debug for Bluez {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bluez").field(&self.adapter.name()).finish()
    }
}

/// The adapters of this computer.
pub(super) async fn adapters() -> Result<(Session, Vec<String>), BleError> {
    let session = Session::new().await.map_err(|_| BleError::NoBus)?;
    let names = session.adapter_names().await;
    let mut names = names.map_err(|error| trouble("list adapters", "", &error))?;
    names.sort();
    Ok((session, names))
}

impl Bluez {
    /// Chooses the adapter `wanted`, or else the first that can do what is `to_sell` or not.
    ///
    /// # Errors
    /// [`BleError`] of that adapter, or of the first.
    pub async fn open(wanted: Option<&str>, to_sell: bool) -> Result<Self, BleError> {
        let (session, names) = adapters().await?;
        if let Some(wanted) = wanted.filter(|wanted| !names.iter().any(|name| name == wanted)) {
            return Err(BleError::NoSuchAdapter { wanted: wanted.to_owned(), there: names });
        }
        let mut first = None;
        for name in names.iter().filter(|name| wanted.is_none_or(|wanted| wanted == *name)) {
            let adapter = session.adapter(name).map_err(|error| trouble("open", name, &error))?;
            let bluez = Self { adapter };
            match bluez.check_ready(to_sell).await {
                Ok(()) => return Ok(bluez),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(BleError::NoAdapter))
    }

    /// The adapter's name, such as `hci0`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.adapter.name()
    }

    async fn check_ready(&self, to_sell: bool) -> Result<(), BleError> {
        check_powered(&self.adapter).await?;
        if to_sell && self.adapter.supported_advertising_instances().await.is_err() {
            return Err(BleError::NoPeripheral { adapter: self.name().to_owned() });
        }
        Ok(())
    }

    fn trouble(&self, action: &'static str, error: &bluer::Error) -> BleError {
        trouble(action, self.name(), error)
    }
}

/// The service while it is registered.
#[derive(Debug)]
pub struct Serving {
    _application: ApplicationHandle,
    _notifying: Task,
}

/// The advertisement while it is registered.
#[derive(Debug)]
pub struct Advert {
    _advert: AdvertisementHandle,
    /// How many the adapter sent when this one was looked at first; 0 before. By then the one that
    /// it took the place of is gone.
    instances: AtomicU8,
}

impl Peripheral for Bluez {
    type Serving = Serving;
    type Advert = Advert;

    async fn serve(&self, desk: Arc<Desk>) -> Result<Serving, BleError> {
        let (subscribed, notifier) = watch::channel(None);
        let application = application(&desk, subscribed);
        let serving = self.adapter.serve_gatt_application(application).await;
        let application = serving.map_err(|error| self.trouble("offer its service", &error))?;
        let _notifying = Task::spawn(notify(desk, notifier));
        Ok(Serving { _application: application, _notifying })
    }

    async fn advertise(&self) -> Result<Advert, BleError> {
        self.check_ready(true).await?;
        // Flags and the service, 21 bytes: no name, nothing that stays.
        let advertisement = Advertisement {
            service_uuids: [Uuid::from_u128(SERVICE)].into(),
            discoverable: Some(true),
            // Where the stack lets it be chosen; its own is more than a second.
            min_interval: Some(ADVERTISED_EVERY),
            max_interval: Some(ADVERTISED_EVERY * 2),
            ..Advertisement::default()
        };
        let advert = self.adapter.advertise(advertisement).await;
        let advert = advert.map_err(|error| self.trouble("advertise", &error))?;
        Ok(Advert { _advert: advert, instances: AtomicU8::new(0) })
    }

    async fn check(&self, _: &Serving, advert: Option<&Advert>) -> Result<(), BleError> {
        check_powered(&self.adapter).await?;
        let Some(advert) = advert else { return Ok(()) };
        let active = self.adapter.active_advertising_instances().await;
        let active = active.map_err(|error| self.trouble("ask what is advertised", &error))?;
        if active == 0 || active < advert.instances.swap(active, Ordering::Relaxed) {
            let text = "the stack has dropped the advertisement".to_owned();
            return Err(BleError::Stack { action: "advertise", text });
        }
        Ok(())
    }

    async fn is_connected(&self, device: &str) -> bool {
        let Ok(address) = device.parse::<Address>() else { return false };
        let Ok(device) = self.adapter.device(address) else { return false };
        device.is_connected().await.unwrap_or_default()
    }
}

/// The last subscription. A subscriber more is none: the stack tells of the first only.
type Subscribed = watch::Sender<Option<Arc<tokio::sync::Mutex<CharacteristicNotifier>>>>;
type Notifier = watch::Receiver<Option<Arc<tokio::sync::Mutex<CharacteristicNotifier>>>>;

fn application(desk: &Arc<Desk>, subscribed: Subscribed) -> Application {
    let (reads, writes) = (Arc::clone(desk), Arc::clone(desk));
    let read = CharacteristicRead {
        read: true,
        fun: Box::new(move |request| {
            let device = request.device_address.to_string();
            let value = reads.on_read(&device, usize::from(request.offset));
            Box::pin(async move { value.map_err(att_error) })
        }),
        ..CharacteristicRead::default()
    };
    let write = CharacteristicWrite {
        write: true,
        write_without_response: true,
        // Acquired writes lose and repeat what comes before they are acquired.
        method: CharacteristicWriteMethod::Fun(Box::new(move |value, request| {
            let device = request.device_address.to_string();
            let (offset, mtu) = (usize::from(request.offset), usize::from(request.mtu));
            let taken = if request.prepare_authorize {
                Err(Refused::NotPermitted)
            } else {
                writes.on_write(&device, offset, &value, Some(mtu).filter(|mtu| *mtu > 0))
            };
            Box::pin(async move { taken.map_err(att_error) })
        })),
        ..CharacteristicWrite::default()
    };
    let notify = CharacteristicNotify {
        notify: true,
        method: CharacteristicNotifyMethod::Fun(Box::new(move |notifier| {
            let notifier = Arc::new(tokio::sync::Mutex::new(notifier));
            subscribed.send_replace(Some(notifier));
            Box::pin(std::future::ready(()))
        })),
        ..CharacteristicNotify::default()
    };
    let characteristic = Characteristic {
        uuid: Uuid::from_u128(CHARACTERISTIC),
        read: Some(read),
        write: Some(write),
        notify: Some(notify),
        ..Characteristic::default()
    };
    let service = Service {
        uuid: Uuid::from_u128(SERVICE),
        primary: true,
        characteristics: vec![characteristic],
        ..Service::default()
    };
    Application { services: vec![service], ..Application::default() }
}

/// Notifies what the desk has. What nobody subscribed to is lost, as on the air.
async fn notify(desk: Arc<Desk>, mut notifier: Notifier) {
    loop {
        let value = desk.next_value().await;
        let live = async {
            loop {
                let present = notifier.borrow_and_update().clone();
                if let Some(present) = present
                    && !present.lock().await.is_stopped()
                {
                    return Some(present);
                }
                if notifier.changed().await.is_err() {
                    return None;
                }
            }
        };
        if let Ok(Some(live)) = timeout(SUBSCRIBED_WITHIN, live).await {
            live.lock().await.notify(value).await.ok();
        }
    }
}

const fn att_error(refused: Refused) -> ReqError {
    match refused {
        Refused::Length => ReqError::InvalidValueLength,
        Refused::Offset => ReqError::InvalidOffset,
        Refused::NotPermitted => ReqError::NotPermitted,
        Refused::Busy => ReqError::Failed,
    }
}

/// What an error of the stack means to a person.
pub(super) fn trouble(action: &'static str, adapter: &str, error: &bluer::Error) -> BleError {
    let adapter = adapter.to_owned();
    if let ErrorKind::Internal(InternalErrorKind::DBus(name)) = &error.kind {
        return bus_trouble(action, name, &error.message);
    }
    if matches!(error.kind, ErrorKind::Internal(InternalErrorKind::DBusConnectionLost)) {
        return BleError::NoBus;
    }
    if matches!(error.kind, ErrorKind::NotReady) {
        return BleError::Off { adapter };
    }
    if matches!(error.kind, ErrorKind::NotAuthorized | ErrorKind::NotPermitted) {
        return BleError::Denied;
    }
    if matches!(error.kind, ErrorKind::NotFound) {
        return BleError::NoAdapter;
    }
    BleError::Stack { action, text: error.to_string() }
}

/// What an error of the bus means to a person.
pub(super) fn bus_trouble(action: &'static str, name: &str, message: &str) -> BleError {
    let what = name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name);
    match what {
        "ServiceUnknown" | "NameHasNoOwner" => BleError::NoService,
        _ if what.starts_with("Spawn.") => BleError::NoService,
        "AccessDenied" => BleError::Denied,
        "Disconnected" | "NoServer" => BleError::NoBus,
        "UnknownObject" | "UnknownInterface" => BleError::NoAdapter,
        _ => BleError::Stack { action, text: format!("{what}: {message}") },
    }
}

/// Whether a switch or the flight mode blocks the adapter.
pub(super) fn is_blocked(adapter: &str) -> bool {
    let read = |path: &std::path::Path, name: &str| {
        std::fs::read_to_string(path.join(name)).unwrap_or_default().trim().to_owned()
    };
    let switches = std::fs::read_dir(RFKILL).into_iter().flatten().flatten();
    let mut switches = switches.map(|entry| entry.path());
    switches.any(|path| {
        let is_of_it = read(&path, "type") == "bluetooth" && read(&path, "name") == adapter;
        is_of_it && (read(&path, "soft") == "1" || read(&path, "hard") == "1")
    })
}

/// Whether the adapter is on, and if not, why.
pub(super) async fn check_powered(adapter: &Adapter) -> Result<(), BleError> {
    let name = adapter.name();
    let powered = adapter.is_powered().await;
    if powered.map_err(|error| trouble("say whether the adapter is on", name, &error))? {
        return Ok(());
    }
    let adapter = name.to_owned();
    Err(if is_blocked(name) { BleError::Blocked { adapter } } else { BleError::Off { adapter } })
}

/// The adapter of a name, whether it is there or not.
pub(super) async fn adapter(name: &str) -> Result<Adapter, BleError> {
    let session = Session::new().await.map_err(|_| BleError::NoBus)?;
    session.adapter(name).map_err(|error| trouble("open", name, &error))
}

/// Makes the stack forget a device, so that it discovers it anew; but never one that is paired.
pub(super) async fn forget(adapter: &Adapter, device: &str) {
    let forgotten = async {
        let address: Address = device.parse().ok()?;
        let is_paired = adapter.device(address).ok()?.is_paired().await.ok()?;
        if !is_paired {
            adapter.remove_device(address).await.ok()?;
        }
        Some(())
    };
    // If it cannot be done, the next visit fails as this one did.
    forgotten.await.unwrap_or_default();
}
