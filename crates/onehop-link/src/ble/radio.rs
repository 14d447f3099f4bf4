//! What the bearer needs of a Bluetooth stack: one small trait for each role.

use std::{future::Future, sync::Arc};

use super::{desk::Desk, error::BleError, streams::Device};

/// Something that the central's role noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// A device advertises the service, or is connected and has it. Said again and again.
    Seen(Device),
    /// Nothing can be seen any more.
    Lost(BleError),
    /// Things can be seen again.
    Back,
}

/// The role of a buyer: finds and connects.
pub trait Central: Send + Sync + 'static {
    /// A connection.
    type Visit: Visit;

    /// Starts or stops to look for advertisers.
    ///
    /// # Errors
    /// [`BleError`]; nothing is looked for then.
    fn scan(&self, on: bool) -> impl Future<Output = Result<(), BleError>> + Send;

    /// Waits for what is seen. Cancel-safe.
    fn sighting(&self) -> impl Future<Output = Sighting> + Send;

    /// Connects to a device and finds the characteristic. The caller bounds the time.
    ///
    /// # Errors
    /// [`BleError`]; nothing is left connected.
    fn visit(&self, device: &str) -> impl Future<Output = Result<Self::Visit, BleError>> + Send;
}

/// A connection to a device that has the characteristic. The caller bounds the time of each call.
pub trait Visit: Send + 'static {
    /// The ATT MTU.
    fn att_mtu(&self) -> usize;

    /// Reads the characteristic whole.
    ///
    /// # Errors
    /// [`BleError`]
    fn read(&mut self) -> impl Future<Output = Result<Vec<u8>, BleError>> + Send;

    /// Writes a value, confirmed by the other side or not.
    ///
    /// # Errors
    /// [`BleError`]
    fn write(
        &mut self,
        value: &[u8],
        confirmed: bool,
    ) -> impl Future<Output = Result<(), BleError>> + Send;

    /// Asks to be notified of values.
    ///
    /// # Errors
    /// [`BleError`]; then the caller reads instead.
    fn subscribe(&mut self) -> impl Future<Output = Result<(), BleError>> + Send;

    /// Waits for a value that is notified; `None` once disconnected. Cancel-safe.
    fn notified(&mut self) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// Disconnects. `distrusted`: what the device said made no sense, so that whatever the stack
    /// remembers of it may be stale and is to be forgotten.
    fn leave(self, distrusted: bool) -> impl Future<Output = ()> + Send;
}

/// The role of a seller: is found, answers reads and takes writes.
pub trait Peripheral: Send + Sync + 'static {
    /// The service is there until this is dropped.
    type Serving: Send + Sync;
    /// It is advertised until this is dropped.
    type Advert: Send + Sync;

    /// Registers the service: reads and writes go to `desk`, and what [`Desk::next_value`] gives is
    /// notified to whoever subscribed.
    ///
    /// # Errors
    /// [`BleError`]
    fn serve(
        &self,
        desk: Arc<Desk>,
    ) -> impl Future<Output = Result<Self::Serving, BleError>> + Send;

    /// Advertises the service.
    ///
    /// # Errors
    /// [`BleError`]
    fn advertise(&self) -> impl Future<Output = Result<Self::Advert, BleError>> + Send;

    /// Looks whether the stack still knows of both.
    ///
    /// # Errors
    /// Why it does not.
    fn check(
        &self,
        serving: &Self::Serving,
        advert: Option<&Self::Advert>,
    ) -> impl Future<Output = Result<(), BleError>> + Send;

    /// Whether a central that has read or written is still connected.
    fn is_connected(&self, device: &str) -> impl Future<Output = bool> + Send;
}
