//! The seller's task: registers the service, advertises it, and does so again when the stack
//! forgets it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    BleConfig,
    desk::Desk,
    error::{BleError, Notice},
    inbox::{Happening, Inbox},
    radio::Peripheral,
};

/// What the shop is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Be found.
    Open(oneshot::Sender<Result<(), BleError>>),
    /// Be found no more. Who is connected stays.
    Shut(oneshot::Sender<()>),
}

struct Shop<P: Peripheral> {
    peripheral: P,
    desk: Arc<Desk>,
    inbox: Arc<Inbox>,
    patience: Duration,
    wanted: bool,
    is_lost: bool,
    serving: Option<P::Serving>,
    advert: Option<P::Advert>,
    /// How often an offer had been read when it was advertised last.
    offers: u64,
}

/// Runs until `orders` end.
pub(super) async fn run<P: Peripheral>(
    peripheral: P,
    desk: Arc<Desk>,
    inbox: Arc<Inbox>,
    config: BleConfig,
    mut orders: mpsc::Receiver<Order>,
) {
    let mut shop = Shop {
        peripheral,
        desk,
        inbox,
        patience: config.stack_timeout,
        wanted: false,
        is_lost: false,
        serving: None,
        advert: None,
        offers: 0,
    };
    let mut looks = interval(config.look_every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut checks = interval(config.check_every);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Open(reply)) => {
                    let opened = shop.open().await;
                    shop.wanted = opened.is_ok();
                    shop.is_lost = false;
                    // Who does not wait for the answer does not need it.
                    reply.send(opened).ok();
                }
                Some(Order::Shut(reply)) => {
                    shop.wanted = false;
                    shop.advert = None;
                    reply.send(()).ok();
                }
            },
            _ = looks.tick(), if shop.serving.is_some() => shop.look().await,
            _ = checks.tick(), if shop.wanted || shop.serving.is_some() => shop.check().await,
        }
    }
}

impl<P: Peripheral> Shop<P> {
    async fn open(&mut self) -> Result<(), BleError> {
        let opened = timeout(self.patience, self.register()).await;
        let opened = opened.unwrap_or(Err(BleError::Late { action: "start advertising" }));
        if opened.is_err() {
            self.forget();
        }
        opened
    }

    async fn register(&mut self) -> Result<(), BleError> {
        if self.serving.is_none() {
            self.serving = Some(self.peripheral.serve(Arc::clone(&self.desk)).await?);
        }
        if self.advert.is_none() {
            self.advert = Some(self.peripheral.advertise().await?);
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.advert = None;
        self.serving = None;
        self.desk.on_all_gone();
    }

    /// Looks who has disconnected.
    async fn look(&mut self) {
        self.desk.on_time();
        for device in self.desk.devices() {
            let is_connected = timeout(self.patience, self.peripheral.is_connected(&device));
            if !is_connected.await.unwrap_or_default() {
                self.desk.on_gone(&device);
            }
        }
        if self.desk.is_idle() {
            self.serving = None;
        }
        // Whoever connects reads an offer.
        let offers = self.desk.offers();
        if std::mem::replace(&mut self.offers, offers) != offers && self.wanted {
            self.renew().await;
        }
    }

    /// Advertises anew: some stacks say that they still advertise, and send nothing from when a
    /// central connects until it has gone.
    async fn renew(&mut self) {
        let advertised = timeout(self.patience, self.peripheral.advertise()).await;
        // Without room for two the old one goes first, and the next check advertises again.
        self.advert = advertised.ok().and_then(Result::ok);
    }

    /// Looks whether the stack still knows the shop, and opens it again if not.
    async fn check(&mut self) {
        let Some(serving) = self.serving.as_ref().filter(|_| !self.wanted || self.advert.is_some())
        else {
            self.reopen().await;
            return;
        };
        let checked = self.peripheral.check(serving, self.advert.as_ref());
        let late = BleError::Late { action: "say whether it advertises" };
        if let Err(error) = timeout(self.patience, checked).await.unwrap_or(Err(late)) {
            self.forget();
            if self.wanted {
                self.lost(error);
                self.reopen().await;
            }
        }
    }

    async fn reopen(&mut self) {
        if !self.wanted {
            return;
        }
        match self.open().await {
            Ok(()) => {
                if std::mem::take(&mut self.is_lost) {
                    self.inbox.put(Happening::Notice(Notice::Back));
                }
            }
            Err(error) => self.lost(error),
        }
    }

    fn lost(&mut self, error: BleError) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.inbox.put(Happening::Notice(Notice::Lost(error)));
        }
    }
}
