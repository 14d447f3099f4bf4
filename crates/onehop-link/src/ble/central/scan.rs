//! Looking for advertisers: by the crate of the platform, except on Linux.
//!
//! There BlueZ is asked directly, since the crate's scan also asks for classic devices, which takes
//! turns with looking for ours and doubles the time until a seller is found.

use crate::ble::error::BleError;

/// The stack looks for advertisers while this is there.
#[cfg(target_os = "linux")]
pub(super) struct Scan {
    events: std::pin::Pin<Box<dyn futures_util::Stream<Item = bluer::AdapterEvent> + Send>>,
}

#[cfg(target_os = "linux")]
impl Scan {
    pub(super) async fn begin(adapter: &bluer::Adapter) -> Result<Self, BleError> {
        let failed = |error: bluer::Error| {
            crate::ble::bluez::trouble("look for sellers", adapter.name(), &error)
        };
        let filter = bluer::DiscoveryFilter {
            uuids: [bluer::Uuid::from_u128(crate::ble::SERVICE)].into(),
            transport: bluer::DiscoveryTransport::Le,
            duplicate_data: true,
            ..bluer::DiscoveryFilter::default()
        };
        adapter.set_discovery_filter(filter).await.map_err(failed)?;
        let events = Box::pin(adapter.discover_devices().await.map_err(failed)?);
        Ok(Self { events })
    }

    /// Waits until the stack looks no more, as when the adapter is switched off.
    pub(super) async fn ended(&mut self) {
        use futures_util::StreamExt as _;
        while self.events.next().await.is_some() {}
    }

    #[expect(clippy::unused_async, reason = "other platforms wait for it")]
    pub(super) async fn end(self) {
        drop(self);
    }
}

/// The stack looks for advertisers until this is ended.
#[cfg(not(target_os = "linux"))]
pub(super) struct Scan {
    adapter: btleplug::platform::Adapter,
}

#[cfg(not(target_os = "linux"))]
impl Scan {
    pub(super) async fn begin(adapter: &btleplug::platform::Adapter) -> Result<Self, BleError> {
        use btleplug::api::Central as _;
        let services = vec![uuid::Uuid::from_u128(crate::ble::SERVICE)];
        let begun = adapter.start_scan(btleplug::api::ScanFilter { services }).await;
        begun.map_err(|error| super::trouble("look for sellers", &error))?;
        Ok(Self { adapter: adapter.clone() })
    }

    pub(super) async fn ended(&mut self) {
        std::future::pending().await
    }

    pub(super) async fn end(self) {
        use btleplug::api::Central as _;
        // What does not stop is scanned in vain.
        self.adapter.stop_scan().await.ok();
    }
}
