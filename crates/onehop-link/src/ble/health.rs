//! What this computer's Bluetooth can do, for the person and for who helps. No addresses, no names.

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub name: String,
    /// It is as it has to be.
    pub well: bool,
    /// What was found.
    pub text: String,
}

impl Finding {
    fn new(name: impl Into<String>, well: bool, text: impl Into<String>) -> Self {
        Self { name: name.into(), well, text: text.into() }
    }
}

/// Looks at everything that can be looked at without a radio in use.
#[cfg(all(feature = "ble", target_os = "linux"))]
pub async fn examine() -> Vec<Finding> {
    let mut findings = vec![linux::stack()];
    let looked = tokio::time::timeout(std::time::Duration::from_secs(5), linux::adapters()).await;
    let late = super::error::BleError::Late { action: "answer" };
    match looked.unwrap_or(Err(late)) {
        Ok(adapters) => {
            findings.push(Finding::new("permission", true, "the Bluetooth service answers"));
            findings.extend(adapters);
            let settings = linux::settings();
            findings.push(linux::mtu(&settings));
            findings.push(linux::privacy(&settings));
        }
        Err(error) => findings.push(Finding::new("bluetooth", false, error.to_string())),
    }
    findings
}

/// Looks at everything that can be looked at without a radio in use.
#[cfg(all(feature = "ble", any(target_os = "macos", target_os = "windows")))]
pub async fn examine() -> Vec<Finding> {
    let opened = super::central::Plug::open(None);
    let looked = tokio::time::timeout(std::time::Duration::from_secs(5), opened).await;
    let late = super::error::BleError::Late { action: "answer" };
    vec![match looked.unwrap_or(Err(late)) {
        Ok(_) => Finding::new("bluetooth", true, "there is an adapter"),
        Err(error) => Finding::new("bluetooth", false, error.to_string()),
    }]
}

/// Says that there is nothing to look at.
#[cfg(not(all(
    feature = "ble",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
)))]
#[expect(clippy::unused_async, reason = "platforms with Bluetooth wait for it")]
pub async fn examine() -> Vec<Finding> {
    vec![Finding::new("bluetooth", false, super::error::BleError::NotBuilt.to_string())]
}

#[cfg(all(feature = "ble", target_os = "linux"))]
mod linux {
    use super::Finding;
    use crate::ble::{bluez, error::BleError};

    const KERNEL: &str = "/proc/sys/kernel/osrelease";
    const SETTINGS: &str = "/etc/bluetooth/main.conf";
    /// BlueZ's own where its settings say nothing (main.conf, `ExchangeMTU`).
    const ATT_MTU_DEFAULT: u16 = 517;
    /// The least that Bluetooth allows (Core 5.4, Vol 3, Part G, 5.2.1).
    const ATT_MTU_MIN: u16 = 23;

    pub(super) fn stack() -> Finding {
        let kernel = std::fs::read_to_string(KERNEL).unwrap_or_default();
        // The service does not say its version over the bus; its tool does.
        let tool = std::process::Command::new("bluetoothctl")
            .arg("--version")
            .stdin(std::process::Stdio::null())
            .output();
        let said = tool.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
        let version = said.ok().and_then(|said| version_of(&said)).unwrap_or_default();
        let version = if version.is_empty() { "of unknown version".to_owned() } else { version };
        let text = format!("BlueZ {version}, Linux {}", kernel.trim());
        Finding::new("bluetooth stack", true, text)
    }

    /// The first word that is made of digits and dots.
    pub(super) fn version_of(said: &str) -> Option<String> {
        let is_version = |word: &&str| {
            word.starts_with(|c: char| c.is_ascii_digit())
                && word.chars().all(|c| c.is_ascii_digit() || c == '.')
        };
        said.split_whitespace().find(is_version).map(ToOwned::to_owned)
    }

    pub(super) async fn adapters() -> Result<Vec<Finding>, BleError> {
        let (session, names) = bluez::adapters().await?;
        if names.is_empty() {
            return Err(BleError::NoAdapter);
        }
        let mut findings = Vec::new();
        for name in names {
            let failed = |error: bluer::Error| bluez::trouble("ask the adapter", &name, &error);
            let adapter = session.adapter(&name).map_err(failed)?;
            let powered = adapter.is_powered().await.map_err(failed)?;
            let power = match (powered, bluez::is_blocked(&name)) {
                (true, _) => "on",
                (false, true) => "blocked (rfkill unblock bluetooth)",
                (false, false) => "off (bluetoothctl power on)",
            };
            let free = adapter.supported_advertising_instances().await;
            let active = adapter.active_advertising_instances().await.unwrap_or_default();
            let sells = match &free {
                Ok(free) => format!("buys and sells, {active} advertised, {free} more can be"),
                Err(_) => "buys only: it cannot advertise".to_owned(),
            };
            let well = powered && free.is_ok();
            findings.push(Finding::new(
                format!("adapter {name}"),
                well,
                format!("{power}; {sells}"),
            ));
        }
        Ok(findings)
    }

    /// The service's settings; empty, all at their defaults, if they cannot be read.
    pub(super) fn settings() -> String {
        std::fs::read_to_string(SETTINGS).unwrap_or_default()
    }

    /// The most that the stack agrees to; what it comes to is settled in each connection.
    pub(super) fn mtu(settings: &str) -> Finding {
        let said = setting(settings, "ExchangeMTU").and_then(|value| value.parse().ok());
        let most: u16 = said.unwrap_or(ATT_MTU_DEFAULT);
        let well = most >= ATT_MTU_MIN;
        let text = format!("{most} at most, agreed to anew in each connection");
        Finding::new("ATT MTU", well, text)
    }

    pub(super) fn privacy(settings: &str) -> Finding {
        let text = match setting(settings, "Privacy") {
            None | Some("off") => {
                "off: the adapter's own address is seen by whoever is near; see docs/two-laptops.md"
            }
            Some(_) => "on: the adapter's address changes by itself",
        };
        Finding::new("private address", true, text)
    }

    /// What the service's settings say of `name`, if anything.
    pub(super) fn setting<'a>(settings: &'a str, name: &str) -> Option<&'a str> {
        let pairs = settings.lines().filter_map(|line| line.split_once('='));
        let mut said = pairs.filter(|(key, _)| key.trim() == name);
        said.next().map(|(_, value)| value.trim())
    }
}

#[cfg(all(test, feature = "ble", target_os = "linux"))]
mod tests {
    use super::linux::{mtu, setting, version_of};

    #[test]
    fn version_privacy_and_mtu_are_read_from_what_the_service_says() {
        assert_eq!(version_of("bluetoothctl: 5.82\n").as_deref(), Some("5.82"));
        assert_eq!(version_of("5.66").as_deref(), Some("5.66"));
        assert_eq!(version_of("no such thing"), None);
        assert_eq!(setting("[General]\n#Privacy = device\n", "Privacy"), None);
        assert_eq!(setting("[General]\nPrivacy = device\n", "Privacy"), Some("device"));
        assert_eq!(mtu("").text, "517 at most, agreed to anew in each connection");
        assert_eq!(mtu("[GATT]\nExchangeMTU = 185\n").text.split(' ').next(), Some("185"));
        assert!(!mtu("[GATT]\nExchangeMTU = 9\n").well);
    }
}
