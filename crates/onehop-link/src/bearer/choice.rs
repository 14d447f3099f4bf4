//! What a person chose: by arguments, by variables, or by saying nothing.

use std::str::FromStr;

use crate::lan::LanConfig;

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
}
