//! What is wrong with the Bluetooth of this computer, in one line, and what to do.

/// Why Bluetooth LE cannot be used here or now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BleError {
    /// Build with the feature `ble`.
    #[error("this program was built without Bluetooth; use --link lan")]
    NotBuilt,
    /// There is no system bus to talk to the Bluetooth service over.
    #[error("no D-Bus system bus here; start dbus, or use --link lan")]
    NoBus,
    /// The service does not run.
    #[error("the Bluetooth service does not run; install bluez and start bluetoothd")]
    NoService,
    /// There is no adapter.
    #[error("no Bluetooth adapter here; plug one in, or use --link lan")]
    NoAdapter,
    /// There is no adapter of the name that was asked for.
    #[error("no Bluetooth adapter {wanted:?} here{}", there_words(.there))]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// Those that are here.
        there: Vec<String>,
    },
    /// Switch it on.
    #[error("Bluetooth adapter {adapter} is off; switch it on (bluetoothctl power on)")]
    Off {
        /// Which.
        adapter: String,
    },
    /// A switch or the flight mode blocks it.
    #[error("Bluetooth adapter {adapter} is blocked; end flight mode (rfkill unblock bluetooth)")]
    Blocked {
        /// Which.
        adapter: String,
    },
    /// The person may not use it.
    #[error("no permission to use Bluetooth; allow it to this user and program")]
    Denied,
    /// It can find others and cannot be found.
    #[error(
        "Bluetooth adapter {adapter} cannot advertise, so it cannot sell; use another adapter or --link lan"
    )]
    NoPeripheral {
        /// Which.
        adapter: String,
    },
    /// The stack refused. Trying again may help.
    #[error("Bluetooth failed to {action}: {text}")]
    Stack {
        /// What was tried.
        action: &'static str,
        /// What the stack said.
        text: String,
    },
    /// The stack did not answer in time.
    #[error("Bluetooth did not {action} in time")]
    Late {
        /// What was tried.
        action: &'static str,
    },
}

/// What happens to the Bluetooth of this computer while it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// It went away. What is under way waits until it is back.
    Lost(BleError),
    /// It is back.
    Back,
    /// A seller nearby speaks another version of this bearer.
    OtherVersion(u8),
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(error) => write!(f, "Bluetooth is gone for now: {error}"),
            Self::Back => f.write_str("Bluetooth is back"),
            Self::OtherVersion(version) => write!(
                f,
                "ignored a seller nearby: it speaks version {version} of the Bluetooth bearer, we \
                 speak {}",
                super::value::VERSION
            ),
        }
    }
}

fn there_words(there: &[String]) -> String {
    if there.is_empty() { String::new() } else { format!("; there is {}", there.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_is_one_line_that_says_what_it_is() {
        let adapter = || "hci1".to_owned();
        let there = vec!["hci0".to_owned(), "hci1".to_owned()];
        let lines = [
            BleError::NotBuilt.to_string(),
            BleError::NoBus.to_string(),
            BleError::NoService.to_string(),
            BleError::NoAdapter.to_string(),
            BleError::Off { adapter: adapter() }.to_string(),
            BleError::Blocked { adapter: adapter() }.to_string(),
            BleError::Denied.to_string(),
            BleError::NoPeripheral { adapter: adapter() }.to_string(),
        ];
        for line in lines {
            // What to do comes after what it is.
            assert!(line.contains(';') && !line.contains('\n') && !line.ends_with('.'), "{line}");
        }
        let named = BleError::NoSuchAdapter { wanted: "hci7".to_owned(), there };
        assert_eq!(named.to_string(), "no Bluetooth adapter \"hci7\" here; there is hci0, hci1");
    }
}
