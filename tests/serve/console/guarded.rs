//! Who sees pages, and what keeps them: cookies, forms of other sites, headers.

use std::io::Write as _;

use mqtt_connector_tests::Pki;

use crate::support::{ACME, Answer, Home, Service, tenant, until};

/// What is between these two.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split_once(after).unwrap().0
}

/// The value of the cookie that an answer sets, and its attributes.
#[track_caller]
fn cookie(answer: &Answer, name: &str) -> (String, String) {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    let (value, attributes) = cookie.split_once("; ").unwrap();
    (
        value.strip_prefix(&format!("{name}=")).unwrap_or_else(|| panic!("{cookie}")).to_owned(),
        attributes.to_owned(),
    )
}

/// What the form for signing in shows, and the cookie that it is compared with.
#[track_caller]
fn form(service: &Service) -> (String, String) {
    let page = service.get("/console/sign-in").token("").ask();
    assert_eq!(page.status, 200);
    let csrf = between(&page.body, "name=\"_csrf\" value=\"", "\"").to_owned();
    (csrf, cookie(&page, "sign-in").0)
}

/// A form that is sent.
#[track_caller]
fn post(service: &Service, path: &str, cookies: &str, body: &str, site: &str) -> Answer {
    let call = service.post(path, body).token("").header("Content-Type", "application/x-www-form-urlencoded");
    call.header("Cookie", cookies).header("Sec-Fetch-Site", site).ask()
}

/// Signs in, and answers the cookie of the session and what its forms show.
#[track_caller]
fn session(service: &Service, token: &str) -> (String, String) {
    let (csrf, before) = form(service);
    let body = format!("_csrf={csrf}&token={token}");
    let signed_in = post(service, "/console/sign-in", &format!("sign-in={before}"), &body, "same-origin");
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/")), "{signed_in:?}");
    let session = format!("session={}", cookie(&signed_in, "session").0);
    let page = service.get("/").token("").header("Cookie", &session).ask();
    assert_eq!(page.status, 200);
    (session, between(&page.body, "name=\"_csrf\" value=\"", "\"").to_owned())
}

#[test]
fn forms_take_no_more_than_the_bodies_of_a_tenants_calls_may() {
    let home = Home::new(1);
    let service = home.serve(&["--console"]);
    let (session, _) = session(&service, ACME);
    let call = service.call("POST", "/console/check").token("").header("Cookie", &session);
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    let form = vec![b'x'; (8 << 20) - 1];
    // Of 33, each without its last byte, 32 have room.
    let forms: Vec<_> = (0..33)
        .map(|_| {
            let mut stream = call.begin("Content-Length: 8388608\r\n");
            // Who refuses it need not read all of it.
            let _ = stream.write_all(&form);
            stream.set_nonblocking(true).unwrap();
            stream
        })
        .collect();
    let answered = until(|| forms.iter().find(|stream| stream.peek(&mut [0]).is_ok()));
    answered.set_nonblocking(false).unwrap();
    let refused = Answer::read(answered.try_clone().unwrap());
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(
        refused.body.contains("would have more than 268435456 bytes, which are the most."),
        "{refused:?}"
    );
}

const PAGES: [&str; 5] = [
    "/",
    "/console/send",
    "/console/executions",
    "/console/executions/01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10",
    "/console/send?from=01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10",
];

#[test]
fn without_a_session_there_is_no_page_and_a_token_in_a_header_is_none() {
    let home = Home::new(1);
    let service = home.serve(&["--console"]);
    for path in PAGES {
        for cookies in ["", "session=", "session=x", &format!("session={ACME}"), "__Host-session=x"] {
            let answer = service.get(path).header("Cookie", cookies).ask();
            assert_eq!((answer.status, answer.header("location")), (303, Some("/console/sign-in")), "{path}");
            assert!(!answer.body.contains("acme"), "{answer:?}");
        }
    }
    // And the cookie opens nothing but pages.
    let (session, _) = session(&service, ACME);
    service.get("/v1/executions").token("").header("Cookie", &session).ask().problem(401);
    drop(service);
    let service = home.serve(&[]);
    for path in PAGES {
        service.get(path).ask().problem(404);
    }
}

#[test]
fn nothing_is_taken_from_a_form_of_another_page() {
    let home = Home::new(1);
    let service = home.serve(&["--console"]);
    let (csrf, before) = form(&service);
    let before = format!("sign-in={before}");
    for (cookies, body, site) in [
        ("", format!("_csrf={csrf}&token={ACME}"), "same-origin"),
        (&before, format!("token={ACME}"), "same-origin"),
        (&before, format!("_csrf=&token={ACME}"), "same-origin"),
        (&before, format!("_csrf={csrf}&token={ACME}"), "cross-site"),
        (&before, format!("_csrf={csrf}&token={ACME}"), "same-site"),
        (&before, format!("_csrf={csrf}&token=wrong"), "same-origin"),
    ] {
        let answer = post(&service, "/console/sign-in", cookies, &body, site);
        assert_eq!(answer.status, 403, "{cookies} {body} {site}");
        assert!(!answer.header("set-cookie").unwrap_or_default().starts_with("session="), "{answer:?}");
    }
    let (session, csrf) = session(&service, ACME);
    let other = session_of_another(&service);
    for path in
        ["send", "check", "executions/01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10/cancel", "executions/x/retry"]
    {
        let path = format!("/console/{path}");
        for (body, site) in [
            ("content=x", "same-origin"),
            ("_csrf=&content=x", "same-origin"),
            (&format!("_csrf={other}&content=x"), "same-origin"),
            (&format!("_csrf={csrf}&content=x"), "cross-site"),
        ] {
            let answer = post(&service, &path, &session, body, site);
            assert_eq!(answer.status, 403, "{path} {body} {site}");
        }
    }
    let signed_out = post(&service, "/console/sign-out", &session, &format!("_csrf={csrf}"), "same-origin");
    assert_eq!(signed_out.status, 303);
    assert_eq!(service.get("/").token("").header("Cookie", &session).ask().status, 303);
}

/// What the forms of another session show.
fn session_of_another(service: &Service) -> String {
    session(service, ACME).1
}

#[test]
fn browsers_are_told_to_take_nothing_from_elsewhere_and_to_keep_the_cookie_to_themselves() {
    let home = Home::new(1);
    let service = home.serve(&["--console"]);
    let (session, _) = session(&service, ACME);
    for path in PAGES.into_iter().chain([
        "/console/style.css",
        "/console/script.js",
        "/console/icon.svg",
        "/console/sign-in",
    ]) {
        let answer = service.get(path).token("").header("Cookie", &session).ask();
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        // Nothing that a policy would have to allow.
        assert!(!answer.body.contains(" style=") && !answer.body.contains(" onclick="), "{}", answer.body);
        if answer.header("content-type") == Some("text/html; charset=utf-8") {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let (_, attributes) = cookie(&service.get("/console/sign-in").token("").ask(), "sign-in");
    assert_eq!(attributes, "Path=/console/sign-in; HttpOnly; SameSite=Strict");
    let (csrf, before) = form(&service);
    let body = format!("_csrf={csrf}&token={ACME}");
    let signed_in = post(&service, "/console/sign-in", &format!("sign-in={before}"), &body, "");
    assert_eq!(cookie(&signed_in, "session").1, "Path=/; HttpOnly; SameSite=Strict");
    drop(service);

    // Where callers speak TLS, the cookie is for TLS alone.
    let service = home.serve(&["--console", "--behind-proxy"]);
    let (csrf, before) = form(&service);
    let body = format!("_csrf={csrf}&token={ACME}");
    let signed_in = post(&service, "/console/sign-in", &format!("sign-in={before}"), &body, "");
    assert_eq!(cookie(&signed_in, "__Host-session").1, "Path=/; HttpOnly; SameSite=Strict; Secure");
}

#[test]
fn a_session_ends_with_its_token() {
    let home = Home::new(1);
    let service = home.serve(&["--console"]);
    let (session, _) = session(&service, ACME);
    home.tenants(&tenant("acme", &["next"], 1));
    service.signal("HUP");
    service.says("read again; tenants: 1");
    assert_eq!(service.get("/").token("").header("Cookie", &session).ask().status, 303);
    home.tenants(&tenant("acme", &[ACME, "next"], 1));
    service.signal("HUP");
    service.says("read again; tenants: 1");
    assert_eq!(service.get("/").token("").header("Cookie", &session).ask().status, 303, "it has ended");
}

#[test]
fn what_is_secret_in_the_configuration_is_on_no_page() {
    let home = Home::new(1);
    let config = "\n[tenants.acme.config]\nusername = \"ann\"\npassword = \"planted-password\"\nprivate-key = \"planted-key\"\n\
                  websocket-headers = { Authorization = \"planted-header\" }\n";
    home.tenants(&tenant("acme", &[ACME], 1).replace("\n        [tenants.acme.config]\n", config));
    let service = home.serve(&["--console"]);
    let (session, csrf) = session(&service, ACME);
    let page = service.get("/console/send").token("").header("Cookie", &session).ask();
    assert!(page.body.contains("From the configuration: <code>ann</code>"), "{}", page.body);
    assert_eq!(page.body.matches("From the configuration: <code>••••••••</code>").count(), 3);
    let body = format!("_csrf={csrf}&content=x&_do=check&password=planted-again&proxy-password=planted-too");
    let checked = post(&service, "/console/send", &session, &body, "same-origin");
    for page in [&page, &checked, &service.get("/").token("").header("Cookie", &session).ask()] {
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("planted"), "{}", page.body);
    }
}

#[test]
fn certificates_in_use_and_their_end_are_on_the_overview() {
    let (home, pki) = (Home::new(1), Pki::new());
    let config = format!(
        "\n[tenants.acme.config]\nroot-ca-crt = \"\"\"{}\"\"\"\nuse-certificate = true\ncertificate = \"/nowhere/acme.pem\"\n",
        pki.authority().text()
    );
    home.tenants(&tenant("acme", &[ACME], 1).replace("\n        [tenants.acme.config]\n", &config));
    let service = home.serve(&["--console"]);
    let (session, _) = session(&service, ACME);
    let page = service.get("/").token("").header("Cookie", &session).ask();
    let table = between(&page.body, "Certificates in use", "</table>");
    assert!(table.contains("<code>root-ca-crt</code>") && table.contains(" days left</span>"), "{table}");
    assert!(table.contains("<code>certificate</code>") && table.contains("/nowhere/acme.pem"), "{table}");
    assert!(!page.body.contains("BEGIN CERTIFICATE"), "{}", page.body);
}
