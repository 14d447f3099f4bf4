//! The peripheral's role on macOS and Windows, by ble-peripheral-rust.
//!
//! It keeps no order of notifications and does not say when the stack's queue is full; the framing
//! above bears both. Nor does it say who disconnects, only who unsubscribes.

use std::{fmt, sync::Arc};

use ble_peripheral_rust::{
    Peripheral as Stack, PeripheralImpl as _,
    error::Error,
    gatt::{
        characteristic::Characteristic,
        peripheral_event::{
            PeripheralEvent, ReadRequestResponse, RequestResponse, WriteRequestResponse,
        },
        properties::{AttributePermission, CharacteristicProperty},
        service::Service,
    },
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc},
};
use uuid::Uuid;

use super::{
    CHARACTERISTIC, SERVICE, Task, desk::Desk, error::BleError, radio::Peripheral, streams::Refused,
};

/// Requests that wait for an answer.
const REQUESTS_MAX: usize = 64;

/// The peripheral's role of this computer.
#[derive(Clone, Default)]
pub struct Others {
    opened: Arc<Mutex<Option<Opened>>>,
}

struct Opened {
    stack: Stack,
    /// Answers from the desk it was opened with: a link has one.
    _answering: Task,
}

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Others").finish_non_exhaustive()
    }
}

/// Notifies while it is there. The stack has no way to take a service back.
#[derive(Debug)]
pub struct Serving {
    _notifying: Task,
}

/// Advertises while it is there.
#[derive(Debug)]
pub struct Advert(Others);

impl Drop for Advert {
    fn drop(&mut self) {
        let others = self.0.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Some(opened) = others.opened.lock().await.as_mut() {
                    opened.stack.stop_advertising().await.ok();
                }
            });
        }
    }
}

impl Others {
    /// Waits for the stack to be there and on.
    ///
    /// # Errors
    /// [`BleError`]
    async fn open(&self, desk: &Arc<Desk>) -> Result<(), BleError> {
        let mut opened = self.opened.lock().await;
        if opened.is_some() {
            return Ok(());
        }
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let stack = Stack::new(sender).await;
        let mut stack = stack.map_err(|error| trouble("open", &error))?;
        let added = stack.add_service(&service()).await;
        added.map_err(|error| trouble("offer its service", &error))?;
        let _answering = Task::spawn(answer(Arc::clone(desk), requests));
        *opened = Some(Opened { stack, _answering });
        Ok(())
    }
}

impl Peripheral for Others {
    type Serving = Serving;
    type Advert = Advert;

    async fn serve(&self, desk: Arc<Desk>) -> Result<Serving, BleError> {
        self.open(&desk).await?;
        let others = self.clone();
        let _notifying = Task::spawn(async move {
            loop {
                let value = desk.next_value().await;
                if let Some(opened) = others.opened.lock().await.as_mut() {
                    let id = Uuid::from_u128(CHARACTERISTIC);
                    // What is lost here is sent again by the framing.
                    opened.stack.update_characteristic(id, value).await.ok();
                }
            }
        });
        Ok(Serving { _notifying })
    }

    async fn advertise(&self) -> Result<Advert, BleError> {
        let mut opened = self.opened.lock().await;
        let opened = opened.as_mut().ok_or(BleError::NoAdapter)?;
        // No name, so that nothing stays the same.
        let started = opened.stack.start_advertising("", &[Uuid::from_u128(SERVICE)]).await;
        started.map_err(|error| trouble("advertise", &error))?;
        Ok(Advert(self.clone()))
    }

    async fn check(&self, _: &Serving, advert: Option<&Advert>) -> Result<(), BleError> {
        let mut opened = self.opened.lock().await;
        let opened = opened.as_mut().ok_or(BleError::NoAdapter)?;
        let failed = |error: Error| trouble("say whether it is on", &error);
        if !opened.stack.is_powered().await.map_err(failed)? {
            return Err(BleError::Off { adapter: "of this computer".to_owned() });
        }
        let is_advertising = opened.stack.is_advertising().await.map_err(failed)?;
        if advert.is_some() && !is_advertising {
            let text = "the stack has dropped the advertisement".to_owned();
            return Err(BleError::Stack { action: "advertise", text });
        }
        Ok(())
    }

    async fn is_connected(&self, _: &str) -> bool {
        // Who unsubscribes is taken for gone; more is not told.
        true
    }
}

fn service() -> Service {
    let characteristic = Characteristic {
        uuid: Uuid::from_u128(CHARACTERISTIC),
        properties: vec![
            CharacteristicProperty::Read,
            CharacteristicProperty::Write,
            CharacteristicProperty::WriteWithoutResponse,
            CharacteristicProperty::Notify,
        ],
        permissions: vec![AttributePermission::Readable, AttributePermission::Writeable],
        value: None,
        descriptors: Vec::new(),
    };
    let uuid = Uuid::from_u128(SERVICE);
    Service { uuid, primary: true, characteristics: vec![characteristic] }
}

/// Answers what centrals ask. An answer that nobody waits for any more is dropped.
async fn answer(desk: Arc<Desk>, mut requests: mpsc::Receiver<PeripheralEvent>) {
    while let Some(event) = requests.recv().await {
        match event {
            PeripheralEvent::ReadRequest { request, offset, responder } => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                let read = desk.on_read(&request.client, offset);
                let response = read.as_ref().map_or_else(att_error, |_| RequestResponse::Success);
                let value = read.unwrap_or_default();
                responder.send(ReadRequestResponse { value, response }).ok();
            }
            PeripheralEvent::WriteRequest { request, value, offset, responder } => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                let taken = desk.on_write(&request.client, offset, &value, None);
                let response = taken.as_ref().map_or_else(att_error, |()| RequestResponse::Success);
                responder.send(WriteRequestResponse { response }).ok();
            }
            PeripheralEvent::CharacteristicSubscriptionUpdate { request, subscribed } => {
                if !subscribed {
                    desk.on_gone(&request.client);
                }
            }
            PeripheralEvent::StateUpdate { is_powered } => {
                if !is_powered {
                    desk.on_all_gone();
                }
            }
        }
    }
}

const fn att_error(refused: &Refused) -> RequestResponse {
    match refused {
        Refused::Offset => RequestResponse::InvalidOffset,
        Refused::Length | Refused::NotPermitted | Refused::Busy => RequestResponse::UnlikelyError,
    }
}

/// What an error of the stack means to a person, in one line.
fn trouble(action: &'static str, error: &Error) -> BleError {
    let text = error.to_string();
    if text.contains("PermissionDenied") {
        return BleError::Denied;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    BleError::Stack { action, text: words.join(" ") }
}
