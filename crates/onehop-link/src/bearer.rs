//! The bearer that a person chose, or the best that this computer has.

mod choice;

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{
    ble::{Notices, error::BleError},
    lan::{LanConfig, LanLink},
    link::{Link, LinkError, LinkEvent, LinkId, PeerRef},
};

pub use choice::{BadChoice, Bearer, Choice, NoSuchBearer};

/// The link over Bluetooth of this platform.
#[cfg(all(feature = "ble", any(target_os = "linux", target_os = "macos", target_os = "windows")))]
type Ble = crate::ble::BleLink<crate::ble::central::Plug>;

/// How long it may take to find out whether Bluetooth can be used.
const DETECTED_WITHIN: Duration = Duration::from_secs(2);
/// The same when it was asked for.
const OPENED_WITHIN: Duration = Duration::from_secs(10);
/// How often it is tried then, and how long after each other.
const OPEN_TRIES: u32 = 5;
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A link over whichever bearer.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyLink {
    /// Over a local network.
    Lan(Box<LanLink>),
    /// Over Bluetooth LE.
    #[cfg(all(
        feature = "ble",
        any(target_os = "linux", target_os = "macos", target_os = "windows")
    ))]
    Ble(Box<Ble>),
}

/// A link that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The link. It is silent and deaf.
    pub link: AnyLink,
    /// What happens to the computer's Bluetooth, if the link uses it.
    pub notices: Option<Notices>,
    /// The adapter, if the link uses one that has a name.
    pub adapter: Option<String>,
    /// Why it is not Bluetooth, if nobody chose.
    pub instead: Option<BleError>,
}

impl Opened {
    /// The name of the bearer: `lan` or `ble`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.link {
            AnyLink::Lan(_) => "lan",
            #[cfg(all(
                feature = "ble",
                any(target_os = "linux", target_os = "macos", target_os = "windows")
            ))]
            AnyLink::Ble(_) => "ble",
        }
    }

    /// Says in words what was opened.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.name(), &self.adapter, &self.instead) {
            ("ble", Some(adapter), _) => format!("over Bluetooth LE, adapter {adapter}"),
            ("ble", None, _) => "over Bluetooth LE".to_owned(),
            (_, _, Some(why)) => format!("over the local network: {}", first_clause(why)),
            (_, _, None) => "over the local network".to_owned(),
        }
    }

    fn lan(config: LanConfig, instead: Option<BleError>) -> Self {
        Self {
            link: AnyLink::Lan(Box::new(LanLink::new(config))),
            notices: None,
            adapter: None,
            instead,
        }
    }
}

/// What it is, without what to do about it: nobody asked for Bluetooth.
fn first_clause(error: &BleError) -> String {
    let text = error.to_string();
    text.split(';').next().unwrap_or_default().to_owned()
}

impl AnyLink {
    /// Opens the link that was chosen.
    ///
    /// # Errors
    /// [`LinkError::Ble`] if Bluetooth was chosen and cannot be used.
    pub async fn open(choice: Choice) -> Result<Opened, LinkError> {
        let Choice { bearer, adapter, lan, to_sell } = choice;
        let is_lan_named = lan.interface.is_some() || lan.port != crate::lan::DEFAULT_PORT;
        let is_lan =
            bearer == Bearer::Lan || bearer == Bearer::Auto && is_lan_named && adapter.is_none();
        if is_lan {
            return Ok(Opened::lan(lan, None));
        }
        let within = if bearer == Bearer::Auto { DETECTED_WITHIN } else { OPENED_WITHIN };
        let tries = if bearer == Bearer::Auto { 1 } else { OPEN_TRIES };
        let late = Err(BleError::Late { action: "answer" });
        match timeout(within, open_ble_within(tries, adapter.as_deref(), to_sell))
            .await
            .unwrap_or(late)
        {
            Ok(opened) => Ok(opened),
            // Who names an adapter wants that one.
            Err(error) if bearer == Bearer::Auto && adapter.is_none() => {
                Ok(Opened::lan(lan, Some(error)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens the link; a service that is just being started again, or has not found its adapters yet, is
/// asked a few times.
async fn open_ble_within(
    tries: u32,
    adapter: Option<&str>,
    to_sell: bool,
) -> Result<Opened, BleError> {
    for _ in 1..tries {
        let opened = open_ble(adapter, to_sell).await;
        if !matches!(opened, Err(BleError::NoService | BleError::NoAdapter)) {
            return opened;
        }
        sleep(OPEN_AGAIN_AFTER).await;
    }
    open_ble(adapter, to_sell).await
}

#[cfg(all(feature = "ble", target_os = "linux"))]
async fn open_ble(adapter: Option<&str>, to_sell: bool) -> Result<Opened, BleError> {
    use crate::ble::{BleConfig, BleLink, bluez::Bluez, central::Plug};
    let bluez = Bluez::open(adapter, to_sell).await?;
    let name = bluez.name().to_owned();
    let central = Plug::open(Some(&name)).await?;
    let (link, notices) = BleLink::new(BleConfig::default(), central, bluez);
    let link = AnyLink::Ble(Box::new(link));
    Ok(Opened { link, notices: Some(notices), adapter: Some(name), instead: None })
}

#[cfg(all(feature = "ble", any(target_os = "macos", target_os = "windows")))]
async fn open_ble(adapter: Option<&str>, _: bool) -> Result<Opened, BleError> {
    use crate::ble::{BleConfig, BleLink, central::Plug, others::Others};
    let central = Plug::open(adapter).await?;
    let (link, notices) = BleLink::new(BleConfig::default(), central, Others::default());
    let link = AnyLink::Ble(Box::new(link));
    Ok(Opened { link, notices: Some(notices), adapter: None, instead: None })
}

#[cfg(not(all(
    feature = "ble",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
)))]
#[expect(clippy::unused_async, reason = "platforms with Bluetooth wait for it")]
async fn open_ble(_: Option<&str>, _: bool) -> Result<Opened, BleError> {
    Err(BleError::NotBuilt)
}

/// Does the same with either link.
macro_rules! either {
    ($self:ident, $link:ident => $what:expr) => {
        match $self {
            Self::Lan($link) => $what,
            #[cfg(all(
                feature = "ble",
                any(target_os = "linux", target_os = "macos", target_os = "windows")
            ))]
            Self::Ble($link) => $what,
        }
    };
}

impl Link for AnyLink {
    async fn recv(&mut self) -> Result<LinkEvent, LinkError> {
        either!(self, link => link.recv().await)
    }

    async fn send(&mut self, link: LinkId, frame: &[u8]) -> Result<(), LinkError> {
        either!(self, any => any.send(link, frame).await)
    }

    async fn announce(&mut self, lookup: Option<&[u8]>) -> Result<(), LinkError> {
        either!(self, link => link.announce(lookup).await)
    }

    async fn listen(&mut self, on: bool) -> Result<(), LinkError> {
        either!(self, link => link.listen(on).await)
    }

    fn connect(&mut self, peer: PeerRef) -> Result<LinkId, LinkError> {
        either!(self, link => link.connect(peer))
    }

    fn close(&mut self, link: LinkId) {
        either!(self, any => any.close(link));
    }

    async fn finish(self) {
        either!(self, link => (*link).finish().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_names_an_interface_or_a_port_means_the_local_network() {
        let interface = Some(std::net::Ipv4Addr::LOCALHOST);
        let named = [
            LanConfig { interface, ..LanConfig::default() },
            LanConfig { port: 20_000, ..LanConfig::default() },
        ];
        for lan in named {
            let choice = Choice { lan, ..Choice::default() };
            let opened = AnyLink::open(choice).await.unwrap();
            assert_eq!((opened.name(), opened.instead), ("lan", None));
        }
    }

    #[cfg(not(feature = "ble"))]
    #[tokio::test]
    async fn without_bluetooth_auto_is_the_local_network_and_says_why() {
        let opened = AnyLink::open(Choice::default()).await.unwrap();
        assert_eq!(opened.instead, Some(BleError::NotBuilt));
        let words = "over the local network: this program was built without Bluetooth";
        assert_eq!(opened.words(), words);
        let chosen = Choice { bearer: Bearer::Ble, ..Choice::default() };
        assert!(matches!(AnyLink::open(chosen).await, Err(LinkError::Ble(BleError::NotBuilt))));
    }
}
