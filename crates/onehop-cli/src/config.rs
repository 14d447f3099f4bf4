//! The settings file: what the command line leaves out, and the environment too, is taken from it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Command;

use crate::exit::Failure;

/// The variable that names the file, where `--config` does not.
const VARIABLE: &str = "ONEHOP_CONFIG";
/// The settings, which are long options of the program.
const SETTINGS: [&str; 8] =
    ["wallet", "json", "quiet", "link", "adapter", "interface", "port", "for"];

/// Puts the settings of the file into `command` as what is meant where nothing is said.
///
/// # Errors
/// If the file that is named is not there, or what it holds is no setting.
pub(crate) fn apply(command: Command, raw: &[OsString]) -> Result<Command> {
    let Some((path, is_named)) = path(raw) else {
        return Ok(command);
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => {
            return Ok(command);
        }
        Err(error) => {
            let text = format!("failed to read {}: {error}", path.display());
            return Err(Failure::usage(text).into());
        }
    };
    let settings = read(&path, &text)?;
    Ok(settings.into_iter().fold(command, |command, (name, value)| set(command, &name, &value)))
}

/// The file that is read if it is there.
pub(crate) fn place(raw: &[OsString]) -> Option<PathBuf> {
    path(raw).map(|(path, _)| path)
}

/// The file, and whether somebody named it.
fn path(raw: &[OsString]) -> Option<(PathBuf, bool)> {
    let mut args = raw.iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        if text == "--config" {
            return args.next().map(|path| (PathBuf::from(path), true));
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some((PathBuf::from(path), true));
        }
    }
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Some((PathBuf::from(path), true));
    }
    let user = directories::ProjectDirs::from("", "", "onehop")?;
    Some((user.config_dir().join("config.toml"), false))
}

fn read(path: &Path, text: &str) -> Result<Vec<(String, String)>> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.message().lines().next().unwrap_or_default().to_owned();
        Failure::usage(format!("{} is no settings file: {line}", path.display()))
    })?;
    table.into_iter().map(|(name, value)| setting(path, name, &value)).collect()
}

fn setting(path: &Path, name: String, value: &toml::Value) -> Result<(String, String)> {
    let path = path.display();
    if !SETTINGS.contains(&name.as_str()) {
        let known = SETTINGS.join(", ");
        return Err(
            Failure::usage(format!("{path}: no setting {name:?}; there are {known}")).into()
        );
    }
    let text = match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Float(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => None,
    };
    let text = text.with_context(|| format!("{path}: {name} is no text, number or yes or no"));
    Ok((name, text.map_err(|error| Failure::usage(error.to_string()))?))
}

/// Gives the option `name` another default, wherever there is one.
fn set(command: Command, name: &str, value: &str) -> Command {
    let found = command.get_arguments().find(|arg| arg.get_long() == Some(name));
    let id = found.map(|arg| arg.get_id().clone());
    let mut command = match id {
        Some(id) => command.mut_arg(id, |arg| arg.default_value(value.to_owned())),
        None => command,
    };
    let below: Vec<String> =
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for below in below {
        command = command.mut_subcommand(below, |below| set(below, name, value));
    }
    command
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::*;
    use crate::args::{Args, Command as Wanted, LinkKind};

    fn parsed(settings: &str, line: &[&str]) -> Args {
        let settings = read(Path::new("config.toml"), settings).unwrap();
        let command = settings
            .into_iter()
            .fold(Args::command(), |command, (name, value)| set(command, &name, &value));
        let matches = command.try_get_matches_from(line).unwrap();
        Args::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn a_setting_is_meant_where_nothing_is_said_and_what_is_said_comes_first() {
        let settings = "link = \"lan\"\nport = 5000\nquiet = true\nwallet = \"purse\"\nfor = 9";
        let args = parsed(settings, &["onehop", "pay"]);
        let Wanted::Pay(pay) = &args.command else { panic!("{args:?}") };
        assert!(matches!(pay.link.link, LinkKind::Lan));
        assert_eq!((pay.link.port, pay.seconds), (5000, 9));
        assert_eq!((args.global.quiet, args.global.json), (true, false));
        assert_eq!(args.global.wallet, Some(PathBuf::from("purse")));
        let said = ["onehop", "--wallet", "other", "pay", "--link", "ble", "--port", "6"];
        let args = parsed(settings, &said);
        let Wanted::Pay(pay) = &args.command else { panic!("{args:?}") };
        assert!(matches!(pay.link.link, LinkKind::Ble));
        assert_eq!(pay.link.port, 6);
        assert_eq!(args.global.wallet, Some(PathBuf::from("other")));
    }

    #[test]
    fn what_is_no_setting_is_named_in_one_line() {
        for (text, words) in [
            ("colour = 1", "config.toml: no setting \"colour\"; there are wallet, json, quiet"),
            ("port = [1]", "config.toml: port is no text, number or yes or no"),
            ("port", "config.toml is no settings file: "),
        ] {
            let error = read(Path::new("config.toml"), text).unwrap_err().to_string();
            assert!(error.starts_with(words) && !error.contains('\n'), "{error}");
        }
    }
}
