//! What `RUST_LOG` asks for, on standard error.

use clap::ArgMatches;
use mqtt_connector_contract::shown::{Shown, VALUE};
use tracing_subscriber::EnvFilter;

use crate::arguments::logs_json;
use crate::output::{self, has_colours, note};

/// Logs to standard error what `RUST_LOG` asks for, as text or, if the arguments say so, as an object a line; without `RUST_LOG` what
/// `default` says, or nothing.
pub fn start(matches: &ArgMatches, default: Option<&str>) {
    let Some(wanted) = std::env::var_os("RUST_LOG").or_else(|| default.map(Into::into)) else { return };
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
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| output::Log);
    if logs_json(matches) {
        output::log_as_json();
        logging.json().with_current_span(false).init();
    } else {
        logging.with_ansi(has_colours(&std::io::stderr())).init();
    }
}
