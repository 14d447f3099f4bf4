//! The service's log, on standard error.

use tracing_subscriber::filter::LevelFilter;

use super::args::LogForm;

/// Writes what the service says from now on: in text what went wrong, as JSON every answer. A log
/// that the process has already stays.
pub(super) fn start(form: LogForm) {
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    // Fails only if there is a log already, as where another program runs this one.
    let _is_first = match form {
        LogForm::Text => {
            let quiet = lines.with_max_level(LevelFilter::WARN).without_time().with_ansi(false);
            quiet.try_init().is_ok()
        }
        LogForm::Json => lines.with_max_level(LevelFilter::INFO).json().try_init().is_ok(),
    };
}
