//! A connection to one seller, by btleplug.

use std::{fmt, pin::Pin};

use btleplug::{
    api::{Characteristic, Peripheral as _, ValueNotification, WriteType},
    platform::Peripheral,
};
use futures_util::{Stream, StreamExt as _};
use tokio::{
    runtime::Handle,
    sync::broadcast,
    time::{Duration, Interval, timeout},
};

use super::{PATIENCE, trouble};
use crate::ble::{error::BleError, radio::Visit, streams::Device};

/// The time between two looks at whether a device is still connected.
pub(super) const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// A connection by btleplug.
pub struct PlugVisit {
    pub(super) device: Device,
    #[cfg(target_os = "linux")]
    pub(super) bluez: bluer::Adapter,
    pub(super) peripheral: Peripheral,
    pub(super) characteristic: Characteristic,
    pub(super) values: Pin<Box<dyn Stream<Item = ValueNotification> + Send>>,
    pub(super) gone: broadcast::Receiver<Device>,
    pub(super) alive: Interval,
    pub(super) guard: Leave,
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
                crate::ble::bluez::forget(&self.bluez, &peripheral.address().to_string()).await;
            }
            #[cfg(not(target_os = "linux"))]
            let _: bool = distrusted;
        }
    }
}

/// Disconnects when dropped: else the stack stays connected for ever, also after the program. A
/// connection is shared by all programs of the computer; another one connects again and goes on.
pub(super) struct Leave {
    pub(super) peripheral: Option<Peripheral>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let (Some(peripheral), Ok(runtime)) = (self.peripheral.take(), Handle::try_current()) {
            runtime.spawn(async move { peripheral.disconnect().await.ok() });
        }
    }
}
