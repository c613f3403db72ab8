//! `serve --console`: pages for a person, in a real browser, with a real broker behind them.

pub(crate) mod browser;
mod guarded;
mod looks;
mod person;

use crate::console::browser::Browser;
use crate::support::{ACME, Home, Service};

/// What a person sees who has signed in with this token.
#[track_caller]
fn signed_in(browser: &Browser, service: &Service, token: &str) {
    browser.open(&format!("http://{}/", service.address()));
    browser.wait("location.pathname === '/console/sign-in'");
    browser.write("#token", token);
    browser.press("form.sign-in button");
    browser.wait("location.pathname === '/'");
}

/// A service with pages, and a browser in which `acme` has signed in.
#[track_caller]
fn console(home: &Home) -> (Service, Browser) {
    let service = home.serve(&["--console"]);
    let browser = Browser::start();
    signed_in(&browser, &service, ACME);
    (service, browser)
}

/// Opens a page of the service.
#[track_caller]
fn open(browser: &Browser, service: &Service, path: &str) {
    browser.open(&format!("http://{}{path}", service.address()));
}
