//! A real browser: Debian's chromium without a screen, over the Chrome DevTools Protocol, in which messages are JSON and end with a zero.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, repository};

/// Everything that the service shows has to come without these.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

/// The pictures that the documentation shows.
const SHOWN: [&str; 7] = [
    "overview-1440",
    "answer-1440",
    "problems-1440",
    "execution-1440",
    "executions-360",
    "form-rjsf",
    "form-jsonforms",
];

/// A browser with one page; it ends with the test.
pub(crate) struct Browser {
    child: Child,
    requests: RefCell<ChildStdin>,
    messages: Receiver<Value>,
    next: RefCell<u64>,
    session: String,
    /// What the console of the browser has complained about.
    complaints: RefCell<Vec<String>>,
    _profile: TempDir,
}

impl Browser {
    #[track_caller]
    pub(crate) fn start() -> Self {
        let profile = TempDir::new().unwrap();
        let mut command = Command::new("sh");
        // The protocol is spoken on the descriptors 3 and 4.
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null", "chromium"]);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display()));
        command.env("LANG", "de_DE.UTF-8").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (sender, messages) = channel();
        let replies = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            let messages = replies.split(0).map_while(Result::ok);
            messages
                .map(|message| serde_json::from_slice(&message).unwrap())
                .try_for_each(|message| sender.send(message))
        });
        let requests = RefCell::new(child.stdin.take().unwrap());
        let mut browser = Self {
            child,
            requests,
            messages,
            next: RefCell::new(0),
            session: String::new(),
            complaints: RefCell::default(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", &json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, &json!({}));
        }
        browser.screen(1440);
        browser
    }

    /// Calls a method of the protocol.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, params: &Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    #[track_caller]
    fn try_call(&self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.next.replace_with(|id| *id + 1);
        let mut request = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            request["sessionId"] = self.session.clone().into();
        }
        let mut requests = self.requests.borrow_mut();
        requests
            .write_all(format!("{request}\0").as_bytes())
            .expect("`make console-tools` installs chromium");
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let mut message = message.unwrap_or_else(|_| panic!("{method}: chromium does not answer"));
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].take()),
                };
            }
            self.listen(&message);
        }
    }

    /// Keeps what the browser complains about.
    fn listen(&self, event: &Value) {
        let params = &event["params"];
        let complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            Some("Runtime.consoleAPICalled") if params["type"] != "log" => params["args"].to_string(),
            // What it would like better is `verbose`.
            Some("Log.entryAdded") if params["entry"]["level"] != "verbose" => params["entry"].to_string(),
            Some("Page.javascriptDialogOpening") => params.to_string(),
            _ => return,
        };
        self.complaints.borrow_mut().push(complaint);
    }

    /// What the browser has complained about since it was asked last.
    pub(crate) fn complaints(&self) -> Vec<String> {
        // What it has said until now is here when it has answered.
        self.call("Runtime.evaluate", &json!({"expression": "1"}));
        self.complaints.take()
    }

    /// The value of an expression, or why it has none.
    fn try_evaluate(&self, expression: &str) -> Result<Value, Value> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut evaluated = self.try_call("Runtime.evaluate", &params)?;
        match evaluated.get("exceptionDetails") {
            Some(exception) => Err(exception.clone()),
            None => Ok(evaluated["result"]["value"].take()),
        }
    }

    #[track_caller]
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // While another page comes, there is none to ask.
            let value = self.try_evaluate(expression);
            if value == Ok(true.into()) {
                return;
            }
            if Instant::now() > deadline {
                let page = self.try_evaluate("location.href + '\\n' + document.body.innerText");
                panic!(
                    "not true: {expression}: {value:?}\n{}",
                    page.unwrap_or_default().as_str().unwrap_or_default()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.leaving(|| {
            self.call("Page.navigate", &json!({"url": url}));
        });
    }

    /// Does what makes another page come, and waits for that.
    #[track_caller]
    pub(crate) fn leaving(&self, leave: impl FnOnce()) {
        self.evaluate("document.documentElement.dataset.before = ''; true");
        leave();
        self.wait("document.readyState === 'complete' && !('before' in document.documentElement.dataset)");
    }

    /// Presses what leads to another page.
    #[track_caller]
    pub(crate) fn press(&self, selector: &str) {
        self.leaving(|| {
            self.evaluate(&format!("document.querySelector({}).click(); true", json!(selector)));
        });
    }

    /// Writes a text where there was another one, as a keyboard does.
    #[track_caller]
    pub(crate) fn write(&self, selector: &str, text: &str) {
        let selector = json!(selector);
        self.evaluate(&format!(
            "(() => {{ const at = document.querySelector({selector}); at.closest('details')?.setAttribute('open', ''); \
             at.focus(); at.select(); return true }})()"
        ));
        if text.is_empty() {
            for kind in ["keyDown", "keyUp"] {
                let key =
                    json!({"type": kind, "key": "Delete", "code": "Delete", "windowsVirtualKeyCode": 46});
                self.call("Input.dispatchKeyEvent", &key);
            }
        } else {
            self.call("Input.insertText", &json!({"text": text}));
        }
    }

    #[track_caller]
    pub(crate) fn choose(&self, selector: &str, value: &str) {
        let (selector, value) = (json!(selector), json!(value));
        self.evaluate(&format!(
            "(() => {{ const at = document.querySelector({selector}); at.value = {value}; \
             ['input', 'change'].forEach(kind => at.dispatchEvent(new Event(kind, {{bubbles: true}}))); return true }})()"
        ));
    }

    /// The text of the first element like that, as it is shown.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({})?.innerText", json!(selector)));
        text.as_str().unwrap_or_else(|| panic!("there is no {selector}")).to_owned()
    }

    /// How wide the screen is, in CSS pixels.
    #[track_caller]
    pub(crate) fn screen(&self, width: u32) {
        let screen = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// Which colours the reader likes: `light` or `dark`.
    #[track_caller]
    pub(crate) fn colours(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Keeps a picture of the page in `target/console`; those that the documentation shows in `docs/console`, when `UPDATE_DOCS` is set.
    #[track_caller]
    pub(crate) fn picture(&self, name: &str) {
        let height = self.evaluate("Math.min(document.documentElement.scrollHeight, innerHeight)");
        let width = self.evaluate("innerWidth");
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let params = json!({"format": "png", "clip": clip, "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", &params);
        let png = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        let is_shown = SHOWN.contains(&name) && std::env::var_os("UPDATE_DOCS").is_some();
        let under = repository(if is_shown { "docs/console" } else { "target/console" });
        fs::create_dir_all(&under).unwrap();
        fs::write(under.join(format!("{name}.png")), png).unwrap();
    }

    /// Asserts that axe-core finds nothing that keeps somebody out.
    #[track_caller]
    pub(crate) fn is_accessible(&self) {
        let path = repository("target/tools/console/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; `make console-tools` installs it", path.display()));
        self.evaluate(&format!("{axe}; true"));
        let violations = self.evaluate(
            "axe.run().then(run => run.violations.map(found => \
             [found.id, found.nodes.map(node => node.html + ' ' + node.failureSummary)]))",
        );
        assert_eq!(violations, json!([]), "{}: {violations:#}", self.evaluate("location.href"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
