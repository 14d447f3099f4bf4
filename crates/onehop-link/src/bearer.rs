//! The bearer that a person chose, or the best that this computer has.

use std::{str::FromStr, time::Duration};

use tokio::time::timeout;

use crate::{
    ble::{Notices, error::BleError},
    lan::{LanConfig, LanLink},
    link::{Link, LinkError, LinkEvent, LinkId, PeerRef},
};

/// The link over Bluetooth of this platform.
#[cfg(all(feature = "ble", any(target_os = "linux", target_os = "macos", target_os = "windows")))]
type Ble = crate::ble::BleLink<crate::ble::central::Plug>;

/// How long it may take to find out whether Bluetooth can be used.
const DETECTED_WITHIN: Duration = Duration::from_secs(2);
/// The same when it was asked for.
const OPENED_WITHIN: Duration = Duration::from_secs(10);

/// What carries the frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bearer {
    /// Bluetooth LE if it can be used, else the local network.
    #[default]
    Auto,
    /// One segment of a local network, or loopback.
    Lan,
    /// Bluetooth LE.
    Ble,
}

/// No bearer is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link is auto, lan or ble")]
pub struct NoSuchBearer;

/// Why arguments choose nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadChoice {
    /// No bearer is called so.
    #[error(transparent)]
    Bearer(#[from] NoSuchBearer),
    /// The interface is no address.
    #[error("interface {given:?} is not an IPv4 address")]
    Interface {
        /// What was given.
        given: String,
    },
    /// An option is the last word.
    #[error("{option} lacks its value")]
    Value {
        /// Which.
        option: String,
    },
}

impl FromStr for Bearer {
    type Err = NoSuchBearer;

    fn from_str(name: &str) -> Result<Self, NoSuchBearer> {
        match name {
            "auto" => Ok(Self::Auto),
            "lan" => Ok(Self::Lan),
            "ble" => Ok(Self::Ble),
            _ => Err(NoSuchBearer),
        }
    }
}

/// Which link to open.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// What carries the frames.
    pub bearer: Bearer,
    /// The name of the Bluetooth adapter; none: the first that can do it.
    pub adapter: Option<String>,
    /// Where to speak and listen on the local network. With [`Bearer::Auto`], other than the
    /// default chooses the local network.
    pub lan: LanConfig,
    /// It is to announce, and not only to listen.
    pub to_sell: bool,
}

impl Choice {
    /// Takes `--link`, `--adapter` and `--interface` out of a program's arguments, else from the
    /// variables `ONEHOP_LINK`, `ONEHOP_ADAPTER` and `ONEHOP_INTERFACE`; gives what is left of the
    /// arguments. `variable` looks one up.
    ///
    /// # Errors
    /// [`BadChoice`]
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
        to_sell: bool,
    ) -> Result<(Self, Vec<String>), BadChoice> {
        let [mut link, mut adapter, mut interface] =
            ["ONEHOP_LINK", "ONEHOP_ADAPTER", "ONEHOP_INTERFACE"].map(variable);
        let mut left = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(option) = arguments.next() {
            let place = match option.as_str() {
                "--link" => &mut link,
                "--adapter" => &mut adapter,
                "--interface" => &mut interface,
                _ => {
                    left.push(option);
                    continue;
                }
            };
            *place = Some(arguments.next().ok_or(BadChoice::Value { option })?);
        }
        let bearer = link.map_or(Ok(Bearer::Auto), |link| link.parse())?;
        let address = |given: String| given.parse().map_err(|_| BadChoice::Interface { given });
        let interface = interface.map(address).transpose()?;
        let lan = LanConfig { interface, ..LanConfig::default() };
        Ok((Self { bearer, adapter, lan, to_sell }, left))
    }
}

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
        let late = Err(BleError::Late { action: "answer" });
        match timeout(within, open_ble(adapter.as_deref(), to_sell)).await.unwrap_or(late) {
            Ok(opened) => Ok(opened),
            // Who names an adapter wants that one.
            Err(error) if bearer == Bearer::Auto && adapter.is_none() => {
                Ok(Opened::lan(lan, Some(error)))
            }
            Err(error) => Err(error.into()),
        }
    }
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

    fn parse(
        arguments: &[&str],
        variable: Option<&str>,
    ) -> Result<(Choice, Vec<String>), BadChoice> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        let variable =
            |name: &str| variable.filter(|_| name == "ONEHOP_LINK").map(ToOwned::to_owned);
        Choice::parse(arguments, variable, true)
    }

    #[test]
    fn arguments_choose_before_variables_and_what_is_not_ours_is_left() {
        let (choice, left) =
            parse(&["a", "--link", "ble", "--adapter", "hci1", "b"], Some("lan")).unwrap();
        assert_eq!((choice.bearer, choice.adapter.as_deref()), (Bearer::Ble, Some("hci1")));
        assert_eq!(left, ["a", "b"]);
        assert_eq!(parse(&[], Some("lan")).unwrap().0.bearer, Bearer::Lan);
        assert_eq!(parse(&[], None).unwrap().0.bearer, Bearer::Auto);
        assert!(matches!(parse(&["--link", "tin"], None), Err(BadChoice::Bearer(_))));
        assert!(matches!(parse(&["--link"], None), Err(BadChoice::Value { .. })));
        assert!(matches!(parse(&["--interface", "x"], None), Err(BadChoice::Interface { .. })));
    }

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
