//! Who a node is to NATS, and over what: TLS, passwords, tokens, NKEYs, credentials, certificates, and which permissions it needs.

use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::{ConnectOptions, Event};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use mqtt_connector_service::store::New;
use mqtt_connector_service::{
    Execution, NatsAddress, NatsError, NatsLogin, NatsStore, Options, Query, Request, Status, Store,
    Timestamp, check_nats,
};
use mqtt_connector_tests::NatsCluster;
use mqtt_connector_tests::pki::{Fault, KeyFormat, Pem, Pki};
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::nats::finish;

/// What a server says of users that it does not know.
const UNKNOWN: &str =
    "the user, its password, its token or its key is not one that the server knows, or is no longer valid";

/// What is said when there is none.
const NOBODY: &str = "the server wants a user: credentials=FILE or nkey=FILE in the address, or NATS_USER and NATS_PASSWORD, or NATS_TOKEN, \
                      in the environment";

/// What is said when a certificate is wanted and not shown.
const NO_CERTIFICATE: &str = "the server has ended the connection: where it wants a certificate of its clients, certificate=FILE and key=FILE \
                              in the address name one that it trusts";

fn address(cluster: &NatsCluster, more: &str) -> NatsAddress {
    format!("{}?replicas=1&lease=3600{more}", cluster.address()).parse().unwrap()
}

pub(crate) fn user(user: &str, password: &str) -> NatsLogin {
    NatsLogin::User { user: user.to_owned(), password: password.to_owned() }
}

/// An execution goes all its way.
async fn works(address: NatsAddress, login: NatsLogin) {
    let store = NatsStore::builder(address).login(login).open().await.unwrap();
    let execution = accepted(&store, None).await;
    finish(&store, 0).await;
    assert_eq!(store.get(execution.id).await.unwrap().unwrap().status, Status::Finished);
}

async fn accepted(store: &NatsStore, idempotency_key: Option<String>) -> Execution {
    let request = Request::parse(r#"{"topic": "a/b", "content": "planted"}"#).unwrap();
    let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
    store.accept(New { execution: execution.clone(), idempotency_key }).await.unwrap();
    execution
}

/// Nobody gets in, and this is said, without a secret.
async fn refused(address: NatsAddress, login: NatsLogin, wanted: &str) {
    let checked = check_nats(&address, login.clone()).await.unwrap_err().to_string();
    let builder = NatsStore::builder(address).login(login);
    let shown = format!("{builder:?}");
    let error = builder.open().await.unwrap_err();
    let text = format!("{error}");
    let said = match &error {
        NatsError::Connect { reason, .. } => reason.as_str(),
        NatsError::File { .. } => text.as_str(),
        _ => panic!("{error}"),
    };
    assert_eq!(said, wanted);
    assert_eq!(checked, text);
    for text in [shown, text.clone(), format!("{error:?}")] {
        assert!(!text.contains("planted"), "{text}");
    }
}

fn tls(pki: &Pki, more: &str) -> String {
    let server = pki.server(&["127.0.0.1"]);
    let (certificate, key) = (server.certificate().path_str().to_owned(), server.key().path_str().to_owned());
    // The files are there as long as the `Pki` is.
    format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}{more} }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_a_server_is_the_one_that_was_meant() {
    let pki = Pki::new();
    let cluster = NatsCluster::start_with(1, &tls(&pki, ""));
    let trusting = |authority: &Pem| address(&cluster, &format!("&ca={}", authority.path_str()));
    works(trusting(pki.authority()), NatsLogin::Nobody).await;
    let unknown = pki.unknown_authority();
    let wanted = format!("no authority in ca={} has issued the server's certificate", unknown.path_str());
    refused(trusting(unknown), NatsLogin::Nobody, &wanted).await;

    for (fault, wanted) in [
        (Fault::WrongName, "the server's certificate is for another name than that in the address"),
        (Fault::Expired, "the server's certificate has expired"),
        (Fault::NotYetValid, "the server's certificate is not valid yet"),
        (Fault::WrongPurpose, "the server's certificate cannot be trusted"),
    ] {
        let server = pki.faulty_server(fault, &["127.0.0.1"]);
        let lines = format!(
            "tls {{ cert_file: {:?}, key_file: {:?} }}",
            server.certificate().path_str(),
            server.key().path_str()
        );
        let cluster = NatsCluster::start_with(1, &lines);
        let trusting = address(&cluster, &format!("&ca={}", pki.authority().path_str()));
        refused(trusting, NatsLogin::Nobody, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_a_certificate_is_shown_one() {
    let pki = Pki::new();
    let authority = pki.authority().path_str();
    let cluster = NatsCluster::start_with(1, &tls(&pki, &format!(", ca_file: {authority:?}, verify: true")));
    let client = pki.client("node", KeyFormat::Pkcs8);
    let [certificate, key] = [client.certificate(), client.key()].map(Pem::path_str);
    let showing = |certificate: &str, key: &str| {
        address(&cluster, &format!("&ca={authority}&certificate={certificate}&key={key}"))
    };
    works(showing(certificate, key), NatsLogin::Nobody).await;

    refused(address(&cluster, &format!("&ca={authority}")), NatsLogin::Nobody, NO_CERTIFICATE).await;
    let stranger = pki.faulty_client(Fault::UnknownAuthority, "node");
    let [strange, its_key] = [stranger.certificate(), stranger.key()].map(Pem::path_str);
    refused(showing(strange, its_key), NatsLogin::Nobody, NO_CERTIFICATE).await;
    let wanted = format!(
        "key={its_key}: it is not the key of the first certificate in {certificate}, or of a kind that TLS does not have"
    );
    refused(showing(certificate, its_key), NatsLogin::Nobody, &wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_goes_over_tls_and_so_does_a_token() {
    let pki = Pki::new();
    let more = format!("&ca={}", pki.authority().path_str());
    let users = "authorization { user: node, password: planted }";
    let cluster = NatsCluster::start_with(1, &format!("{}\n{users}", tls(&pki, "")));
    works(address(&cluster, &more), user("node", "planted")).await;
    refused(address(&cluster, &more), user("node", "planted-wrong"), UNKNOWN).await;
    refused(address(&cluster, &more), NatsLogin::Token("planted".to_owned()), UNKNOWN).await;
    refused(address(&cluster, &more), NatsLogin::Nobody, NOBODY).await;

    let cluster =
        NatsCluster::start_with(1, &format!("{}\nauthorization {{ token: planted }}", tls(&pki, "")));
    works(address(&cluster, &more), NatsLogin::Token("planted".to_owned())).await;
    refused(address(&cluster, &more), NatsLogin::Token("planted-wrong".to_owned()), UNKNOWN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nkey_is_read_from_its_file() {
    let (known, other) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", known.public_key());
    let cluster = NatsCluster::start_with(1, &users);
    let pki = Pki::new();
    let with = |file: &Pem| address(&cluster, &format!("&nkey={}", file.path_str()));
    let file = pki.file("known.nk", &format!("# of the nodes\n{}\n", known.seed().unwrap()));
    works(with(&file), NatsLogin::Nobody).await;
    let file = pki.file("other.nk", &other.seed().unwrap());
    refused(with(&file), NatsLogin::Nobody, UNKNOWN).await;
    refused(address(&cluster, ""), NatsLogin::Nobody, NOBODY).await;
    for (name, text) in [
        ("account.nk", KeyPair::new_account().seed().unwrap()),
        ("text.nk", "planted".to_owned()),
        ("public.nk", known.public_key()),
    ] {
        let file = pki.file(name, &text);
        let wanted = format!(
            "nkey={}: it holds no line with the seed of an NKEY of a user, which begins with SU",
            file.path_str()
        );
        refused(with(&file), NatsLogin::Nobody, &wanted).await;
    }
}

/// What operator, accounts and users are to a server, signed (NATS, "JSON Web Tokens").
fn token(issuer: &KeyPair, name: &str, subject: &KeyPair, nats: &Value) -> String {
    let iat = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "jti": name, "iat": iat, "iss": issuer.public_key(), "name": name, "sub": subject.public_key(), "nats": nats,
    });
    let parts = [json!({"typ": "JWT", "alg": "ed25519-nkey"}), claims];
    let signed = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_read_from_their_file() {
    let operator = KeyPair::new_operator();
    let [system, account] = [KeyPair::new_account(), KeyPair::new_account()];
    let [node, stranger] = [KeyPair::new_user(), KeyPair::new_user()];
    let of_account = |name: &str, pair: &KeyPair, storage: i64| {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
            "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
        });
        token(&operator, name, pair, &json!({"limits": limits, "type": "account", "version": 2}))
    };
    let lines = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        token(&operator, "operator", &operator, &json!({"type": "operator", "version": 2})),
        system.public_key(),
        system.public_key(),
        of_account("system", &system, 0),
        account.public_key(),
        of_account("executions", &account, -1),
    );
    let cluster = NatsCluster::start_with(1, &lines);
    let credentials = |issuer: &KeyPair, user: &KeyPair| {
        let nats = json!({"subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
        let (token, seed) = (token(issuer, "node", user, &nats), user.seed().unwrap());
        format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    };
    let pki = Pki::new();
    let with = |file: &Pem| address(&cluster, &format!("&credentials={}", file.path_str()));
    works(with(&pki.file("node.creds", &credentials(&account, &node))), NatsLogin::Nobody).await;
    let file = pki.file("stranger.creds", &credentials(&KeyPair::new_account(), &stranger));
    refused(with(&file), NatsLogin::Nobody, UNKNOWN).await;
    let file = pki.file("none.creds", "-----BEGIN NATS USER JWT-----\nplanted\n");
    let wanted = format!(
        "credentials={}: it holds no credentials of a NATS user: -----BEGIN NATS USER JWT----- and -----BEGIN USER NKEY SEED-----, as `nsc` \
         writes them",
        file.path_str()
    );
    refused(with(&file), NatsLogin::Nobody, &wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_there_or_something_else_is_said_by_its_name() {
    let pki = Pki::new();
    let client = pki.client("node", KeyFormat::Pkcs8);
    let [certificate, key] = [client.certificate(), client.key()].map(Pem::path_str);
    let other = pki.file("other", "planted");
    let other = other.path_str();
    let long = pki.file("long", &"\n".repeat((1 << 20) + 1));
    let long = long.path_str();
    let gone = "/nowhere/at/all";
    let missing = "it cannot be read: No such file or directory (os error 2)";
    let no_certificate = "it holds no certificate in PEM, as in -----BEGIN CERTIFICATE-----";
    for (more, wanted) in [
        (format!("ca={gone}"), format!("ca={gone}: {missing}")),
        (format!("ca={long}"), format!("ca={long}: it cannot be read: it is larger than its limit, 1 MiB")),
        (format!("ca={other}"), format!("ca={other}: {no_certificate}")),
        (format!("ca={key}"), format!("ca={key}: {no_certificate}")),
        (format!("credentials={gone}"), format!("credentials={gone}: {missing}")),
        (format!("nkey={gone}"), format!("nkey={gone}: {missing}")),
        (format!("certificate={gone}&key={key}"), format!("certificate={gone}: {missing}")),
        (format!("certificate={key}&key={key}"), format!("certificate={key}: {no_certificate}")),
        (format!("certificate={certificate}&key={gone}"), format!("key={gone}: {missing}")),
        (
            format!("certificate={certificate}&key={certificate}"),
            format!(
                "key={certificate}: it holds no private key in PEM without a password, as in -----BEGIN PRIVATE KEY-----"
            ),
        ),
    ] {
        let address = format!("tls://127.0.0.1:1?{more}").parse().unwrap();
        refused(address, NatsLogin::Nobody, &wanted).await;
    }
}

/// What docs/cluster.md has for the configuration of the servers.
pub(crate) fn documented(password: &str) -> String {
    let (_, rest) = include_str!("../../docs/cluster.md").split_once("```\naccounts {").unwrap();
    let (accounts, _) = rest.split_once("```").unwrap();
    format!("accounts {{{accounts}").replace("$NODE_PASSWORD", password)
}

/// Others of the same server: of another account, and of the same one with permissions for other things.
const OTHERS: &str = r#"
    OTHERS { jetstream: enabled, users: [ { user: other, password: planted } ] }
"#;
const READER: &str = r#"
        { user: reader, password: planted, permissions: { publish: ["_INBOX.>"], subscribe: ["_INBOX.>"] } }
        { user: operator, password: planted }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_nats_needs_what_is_documented_and_nobody_else_reads_what_is_in_the_stream() {
    let accounts = documented("planted");
    let accounts = accounts.trim_end().strip_suffix('}').unwrap();
    let accounts = accounts.replace("users: [", &format!("users: [\n{READER}"));
    let cluster = NatsCluster::start_with(1, &format!("{accounts}\n{OTHERS}\n}}"));
    let connect = async |name: &str| {
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        let options = ConnectOptions::with_user_and_password(name.to_owned(), "planted".to_owned());
        let options = options.custom_inbox_prefix(format!("_INBOX_{name}")).event_callback(move |event| {
            let tell = tell.clone();
            async move {
                if let Event::ServerError(error) = event {
                    let _ = tell.send(error.to_string());
                }
            }
        });
        (options.connect(cluster.address()).await.unwrap(), told)
    };
    let (other, _) = connect("other").await;
    let stream = async_nats::jetstream::new(other.clone()).get_stream("MQTT_EXECUTIONS").await;
    let error = stream.unwrap_err();
    assert!(error.to_string().contains("stream not found"), "{error}");
    let mut everything = other.subscribe(">").await.unwrap();
    other.flush().await.unwrap();
    let (reader, mut said) = connect("reader").await;
    let mut answers = reader.subscribe("_INBOX.>").await.unwrap();
    for subject in ["MQTT_EXECUTIONS.>", "_INBOX_MQTT_EXECUTIONS.>", ">"] {
        let _denied = reader.subscribe(subject).await.unwrap();
        let said = said.recv().await.unwrap();
        assert!(said.contains(&format!("Permissions Violation for Subscription to \"{subject}\"")), "{said}");
    }

    let open = async || {
        let builder = NatsStore::builder(address(&cluster, "")).login(user("node", "planted"));
        builder.open().await.unwrap()
    };
    let store = open().await;
    let first = accepted(&store, Some("k".to_owned())).await;
    finish(&store, 64).await;
    let again = store.retry(Some("acme"), first.id, Timestamp::now()).await.unwrap();
    store.cancel(Some("acme"), again.id, Timestamp::now()).await.unwrap();
    let beside = NatsStore::builder(address(&cluster, "")).login(user("node", "planted"));
    let listed = beside.open_beside().await.unwrap().list(Query::default()).await.unwrap().executions;
    let statuses: Vec<_> = listed.iter().map(|execution| execution.status).collect();
    assert_eq!(statuses, [Status::Cancelled, Status::Finished]);
    let findings = check_nats(&address(&cluster, ""), user("node", "planted")).await.unwrap();
    assert!(findings[1].text.starts_with("stream MQTT_EXECUTIONS: "), "{findings:?}");
    other.publish("mark", "x".into()).await.unwrap();
    assert_eq!(&*everything.next().await.unwrap().subject, "mark");
    reader.publish("_INBOX.mark", "x".into()).await.unwrap();
    assert_eq!(&*answers.next().await.unwrap().subject, "_INBOX.mark");
    let get = "$JS.API.STREAM.MSG.GET.MQTT_EXECUTIONS";
    reader.publish_with_reply(get, "_INBOX.answer", r#"{"seq": 1}"#.into()).await.unwrap();
    let said = said.recv().await.unwrap();
    assert!(said.contains(&format!("Permissions Violation for Publish to \"{get}\"")), "{said}");

    // What a node does when it hears nothing any more: its consumer is gone, or the server was.
    let (operator, _) = connect("operator").await;
    let stream = async_nats::jetstream::new(operator).get_stream("MQTT_EXECUTIONS").await.unwrap();
    let mut consumers = stream.consumer_names();
    while let Some(consumer) = consumers.next().await {
        stream.delete_consumer(&consumer.unwrap()).await.unwrap();
    }
    accepted(&store, None).await;
    finish(&store, 0).await;
    cluster.kill(0);
    cluster.restart(0);
    accepted(&store, None).await;
    finish(&store, 0).await;
    drop(store);
    // Also when the stream is there.
    drop(open().await);
    let log = cluster.log(0);
    assert!(log.contains("EXECUTIONS/user:reader\" - Subscription Violation"), "{log}");
    assert!(!log.contains("EXECUTIONS/user:node\""), "{log}");
}
