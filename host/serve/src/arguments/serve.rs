//! `serve`: what a service is to be like.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_arguments::flags::file;
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_cli::arguments::{ConnectorArguments, TENANTS, component, flag, resolve_flag};
use mqtt_connector_service::http::{Address, Api, ConsoleCookies, Server};

use crate::store::StorePlace;

const LISTEN: &str = "listen";
const STORE: &str = "store";
const DRAIN: &str = "drain";
const METRICS: &str = "metrics";
const TLS_CERTIFICATE: &str = "tls-certificate";
const TLS_KEY: &str = "tls-key";
const BEHIND_PROXY: &str = "behind-proxy";
const OTLP_ENDPOINT: &str = "otlp-endpoint";
const OTLP_CERTIFICATE: &str = "otlp-certificate";
const CONSOLE: &str = "console";
const LARGEST_BODY: &str = "largest-body";
const CONNECTIONS: &str = "connections";
const RETENTION: &str = "retention";
const STORE_SIZE: &str = "store-size";

const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const CERTIFICATE_VARIABLE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";

const DAY: u64 = 24 * 60 * 60;

/// What a service is to be like.
pub(crate) struct ServeArguments {
    pub(crate) tenants: NamedFile,
    pub(crate) listen: Address,
    pub(crate) store: StorePlace,
    pub(crate) store_size: u64,
    pub(crate) retention: Duration,
    /// How long what runs may take to end.
    pub(crate) drain: Duration,
    /// A listener for health and metrics alone.
    pub(crate) metrics: Option<Address>,
    /// Certificate and key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Pages for a person, if they are wanted.
    pub(crate) console: Option<ConsoleCookies>,
    pub(crate) largest_body: usize,
    pub(crate) connections: usize,
    pub(crate) connector: ConnectorArguments,
}

impl ServeArguments {
    pub(crate) fn resolve(matches: &ArgMatches) -> Result<Self, Refusal> {
        let missing = || Refusal::of_usage("an argument is missing; see serve --help");
        let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
        let number = |name: &str| matches.get_one::<u64>(name).copied().ok_or_else(missing);
        let tenants = flag(matches, TENANTS).ok_or_else(missing)?;
        if tenants.path() == "-" {
            return Err(Refusal::of_usage(
                "--tenants - is standard input, which cannot be read again when SIGHUP asks for it: name a file",
            ));
        }
        let listen = matches.get_one::<Address>(LISTEN).cloned().ok_or_else(missing)?;
        let tls = path(TLS_CERTIFICATE).zip(path(TLS_KEY));
        let is_behind_proxy = matches.get_flag(BEHIND_PROXY);
        let cookies =
            if tls.is_some() || is_behind_proxy { ConsoleCookies::Secure } else { ConsoleCookies::Plain };
        if !listen.is_local() && tls.is_none() && !is_behind_proxy {
            return Err(Refusal::of_usage(&format!(
                "--{LISTEN} {listen} can be reached from other machines, and tokens and messages would be readable on the way: \
                 give --{TLS_CERTIFICATE} and --{TLS_KEY}, or say --{BEHIND_PROXY} where a proxy in front speaks TLS"
            )));
        }
        Ok(Self {
            tenants,
            listen,
            store: StorePlace::resolve(matches, STORE)?,
            store_size: number(STORE_SIZE)? << 20,
            retention: Duration::from_secs(number(RETENTION)? * DAY),
            drain: Duration::from_secs(number(DRAIN)?),
            metrics: matches.get_one::<Address>(METRICS).cloned(),
            tls,
            console: matches.get_flag(CONSOLE).then_some(cookies),
            largest_body: usize::try_from(number(LARGEST_BODY)?).unwrap_or(usize::MAX),
            connections: usize::try_from(number(CONNECTIONS)?).unwrap_or(usize::MAX),
            connector: ConnectorArguments::resolve(matches),
        })
    }
}

/// A collector of OpenTelemetry.
pub(crate) struct CollectorArguments {
    /// A URL, below which there are `/v1/traces` and `/v1/metrics`.
    pub(crate) endpoint: String,
    /// The authorities that its certificate may be of, instead of the system's.
    pub(crate) certificate: Option<NamedFile>,
}

impl CollectorArguments {
    /// The collector, if there is one: of the flags or, without them, of the standard's variables. One that is empty is not set.
    pub(crate) fn resolve(matches: &ArgMatches) -> Result<Option<Self>, Refusal> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = match matches.get_one::<String>(OTLP_ENDPOINT) {
            Some(endpoint) => Some(endpoint.clone()),
            None => variable(ENDPOINT_VARIABLE)
                .map(|endpoint| collector(&endpoint))
                .transpose()
                .map_err(|wrong| Refusal::of_usage(&format!("{ENDPOINT_VARIABLE}: {wrong}")))?,
        };
        let certificate = flag(matches, OTLP_CERTIFICATE);
        if endpoint.is_none() && certificate.is_some() {
            return Err(Refusal::of_usage(&format!(
                "--{OTLP_CERTIFICATE} is for a collector, and there is none: give --{OTLP_ENDPOINT} or {ENDPOINT_VARIABLE}"
            )));
        }
        let certificate = certificate.or_else(|| variable(CERTIFICATE_VARIABLE).map(NamedFile::argument));
        Ok(endpoint.map(|endpoint| Self { endpoint, certificate }))
    }
}

/// Reads the URL of a collector. It is not shown, since a password may stand in it.
fn collector(text: &str) -> Result<String, &'static str> {
    const WANTS: &str = "it is no URL of a collector, as in http://127.0.0.1:4318, to which /v1/traces and /v1/metrics are added";
    let url = text.parse::<Uri>().map_err(|_| WANTS)?;
    let is_right = matches!(url.scheme_str(), Some("http" | "https")) && url.query().is_none();
    if is_right { Ok(text.to_owned()) } else { Err(WANTS) }
}

/// The command with its flags.
pub(super) fn command(command: Command) -> Command {
    let path = |name, help| {
        Arg::new(name)
            .long(name)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .help(help)
    };
    let number = |name, value: &'static str, from: u64, to: u64, help| {
        Arg::new(name)
            .long(name)
            .value_name("NUMBER")
            .value_parser(value_parser!(u64).range(from..=to))
            .default_value(value)
            .help(help)
    };
    let address = |name, help| {
        Arg::new(name).long(name).value_name("ADDRESS:PORT").value_parser(Address::from_str).help(help)
    };
    command
        .arg(file(TENANTS, "Tenants, what each may do, and their tokens, TOML; read again on SIGHUP").required(true))
        .arg(
            address(LISTEN, "Where callers come: an address and a port, or unix: and a path")
                .default_value("127.0.0.1:8080"),
        )
        .arg(
            path(STORE, "The executions; nats://HOST,… is a cluster of NATS, for many nodes")
                .value_parser(value_parser!(OsString))
                .default_value("mqtt-connector.db"),
        )
        .arg(number(STORE_SIZE, "4096", 1, 1 << 32, "How large the store may be, in MiB, before nothing more is accepted"))
        .arg(number(RETENTION, "7", 1, 36500, "How many days an execution is kept after it has ended"))
        .arg(number(DRAIN, "30", 0, 86400, "How many seconds what runs may take to end after SIGTERM"))
        .arg(address(METRICS, "Where /livez, /readyz and /metrics are asked for; without it, where callers come"))
        .arg(path(TLS_CERTIFICATE, "The certificate of the service and those that it was issued by, PEM; read again when it changes").requires(TLS_KEY))
        .arg(path(TLS_KEY, "The key of the certificate, PEM").requires(TLS_CERTIFICATE))
        .arg(
            Arg::new(BEHIND_PROXY)
                .long(BEHIND_PROXY)
                .action(ArgAction::SetTrue)
                .help("Lets other machines reach the service without TLS, which a proxy in front of it speaks"),
        )
        .arg(
            Arg::new(OTLP_ENDPOINT)
                .long(OTLP_ENDPOINT)
                .value_name("URL")
                .value_parser(collector)
                .help("Sends spans and metrics by OTLP over HTTP, as in http://127.0.0.1:4318; without it, OTEL_EXPORTER_OTLP_ENDPOINT holds"),
        )
        .arg(
            file(OTLP_CERTIFICATE, "The authorities that the certificate of --otlp-endpoint may be of, PEM; without it, the system's"),
        )
        .arg(
            Arg::new(CONSOLE)
                .long(CONSOLE)
                .action(ArgAction::SetTrue)
                .help("Shows pages for a person at /, who signs in with a token of a tenant"),
        )
        .arg(
            number(LARGEST_BODY, "8388608", 1, 16 << 20, "The largest document that is taken, in bytes"),
        )
        .arg(number(CONNECTIONS, "4096", 1, 1 << 20, "How many connections are open at one time"))
        .arg(resolve_flag())
        .arg(component())
}

// The help says in digits what the library has.
const _: () = assert!(Api::LARGEST_BODY == 8_388_608 && Server::CONNECTIONS == 4096);
