//! What `RUST_LOG` asks for, on standard error.

use std::ffi::OsStr;

use clap::ArgMatches;
use mqtt_connector_contract::shown::{Shown, VALUE};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::arguments::logs_json;
use crate::output::{self, has_colours, note};

/// Logs to standard error what `RUST_LOG` asks for, as text or, if the arguments say so, as an object a line; without `RUST_LOG` what
/// `default` says, or nothing.
pub fn start(matches: &ArgMatches, default: Option<&str>) {
    let Some(wanted) = std::env::var_os("RUST_LOG").or_else(|| default.map(Into::into)) else { return };
    let logging = tracing_subscriber::fmt().with_env_filter(filter(&wanted)).with_writer(|| output::Log);
    if logs_json(matches) {
        output::log_as_json();
        logging.json().with_current_span(false).init();
    } else {
        logging.with_ansi(has_colours(&std::io::stderr())).init();
    }
}

/// [`start`], for a program in which `other` hears of what happens as well.
pub fn start_beside(
    matches: &ArgMatches,
    default: &str,
    other: impl Layer<Registry> + Send + Sync + 'static,
) {
    let filter = filter(&std::env::var_os("RUST_LOG").unwrap_or_else(|| default.into()));
    let log = tracing_subscriber::fmt::layer().with_writer(|| output::Log);
    let registry = tracing_subscriber::registry().with(other);
    if logs_json(matches) {
        output::log_as_json();
        registry.with(log.json().with_current_span(false).with_filter(filter)).init();
    } else {
        registry.with(log.with_ansi(has_colours(&std::io::stderr())).with_filter(filter)).init();
    }
}

/// What is wanted, as `RUST_LOG` says it. What of it cannot be read is said, and ignored.
fn filter(wanted: &OsStr) -> EnvFilter {
    let mut filter = EnvFilter::new("off");
    for directive in wanted.to_string_lossy().split(',').filter(|directive| !directive.is_empty()) {
        match directive.parse() {
            Ok(directive) => filter = filter.add_directive(directive),
            Err(_) => {
                let shown = Shown::quoted(directive, VALUE);
                note(&format!(
                    "mqtt-connector: RUST_LOG: {shown} is ignored; it should be like info or mqtt_connector=debug"
                ));
            }
        }
    }
    filter
}
