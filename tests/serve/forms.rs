//! `docs/forms.md`: the forms that others draw from the schema: react-jsonschema-form and JSON Forms in a real browser, as `make forms` bundles them.

use std::fs;

use serde_json::{Value, json};

use crate::console::browser::Browser;
use crate::support::{Home, Service, repository};

/// A library that draws forms, and what its fields are like.
struct Library {
    name: &'static str,
    /// The field of a parameter, as a selector; `NAME` stands for that.
    field: &'static str,
    /// What is around a field and its errors.
    around: &'static str,
    /// The errors in there.
    errors: &'static str,
}

/// What both say of a text that does not match its pattern.
const NOT_AS_DESCRIBED: &str = "is not as described";

const RJSF: Library =
    Library { name: "rjsf", field: "[id='root_NAME']", around: ".rjsf-field", errors: ".text-danger" };

const JSON_FORMS: Library = Library {
    name: "jsonforms",
    field: "[id='#/properties/NAME-input']",
    around: ".control",
    errors: ".validation_error",
};

/// A form in a browser, and the service that judges what is filled in.
struct Form {
    library: Library,
    browser: Browser,
    service: Service,
    home: Home,
}

impl Form {
    /// The form that a library draws from what `schema` makes of the schema.
    fn draw(library: Library, ui_schema: &Value, schema: impl Fn(Value) -> Value) -> Self {
        // Nobody listens: nothing is sent.
        let home = Home::new(1);
        let service = home.serve(&[]);
        let schema = schema(service.get("/v1/schema").ask().json());
        let built = |name: &str| {
            let path = repository("target/tools/forms").join(name);
            assert!(path.exists(), "{} is not there: `make forms` makes it", path.display());
            path.display().to_string()
        };
        let page = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>Form</title><link rel=stylesheet href='file://{}'>\
             <div id=form></div><script src='file://{}'></script>",
            built("style.css"),
            built(&format!("built/{}.js", library.name))
        );
        let path = home.path().join("form.html");
        fs::write(&path, page).unwrap();
        let browser = Browser::start();
        browser.open(&format!("file://{}", path.display()));
        browser
            .evaluate(&format!("draw(document.getElementById('form'), {schema}, {ui_schema}, {{}}); true"));
        browser.wait("document.querySelectorAll('#form input').length > 20");
        Self { library, browser, service, home }
    }

    /// The UI schema of the library.
    fn ui_schema(library: &Library) -> Value {
        let path = repository("examples/forms").join(format!("{}.json", library.name));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    fn field(&self, name: &str) -> String {
        self.library.field.replace("NAME", name)
    }

    /// The choice of a parameter. In JSON Forms its field is called after where its values stand in the schema.
    fn choice(&self, name: &str) -> String {
        match self.library.name {
            "rjsf" => self.field(name),
            _ => format!("select[id$='/{name}-input']"),
        }
    }

    /// The field of a broker, which may be several. In JSON Forms it is that of one.
    fn broker(&self) -> String {
        match self.library.name {
            "rjsf" => self.field("broker"),
            _ => self.field("broker/else"),
        }
    }

    /// Waits until this is said to be wrong with a field.
    #[track_caller]
    fn wait_for_errors(&self, selector: &str, wanted: &str) {
        let Library { around, errors, .. } = self.library;
        let (selector, around, errors, wanted) =
            (json!(selector), json!(around), json!(errors), json!(wanted));
        self.browser.wait(&format!(
            "(document.querySelector({selector}).closest({around}).querySelector({errors})?.innerText.trim() ?? '') === {wanted}"
        ));
    }

    /// What may be chosen.
    fn options(&self, selector: &str) -> Value {
        let selector = json!(selector);
        self.browser
            .evaluate(&format!("[...document.querySelector({selector}).options].map(option => option.label)"))
    }

    fn legends(&self) -> Value {
        self.browser.evaluate(
            "[...document.querySelectorAll('#form fieldset')].filter(set => !set.parentElement.closest('fieldset') && set.checkVisibility())\
             .map(set => set.querySelector('legend').innerText.trim())",
        )
    }

    /// What is filled in.
    fn data(&self) -> Value {
        self.browser.evaluate("formData")
    }

    /// Asserts that the browser had nothing to complain about.
    fn is_quiet(&self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
    }
}

/// The groups of the console, which the UI schemas have as well.
fn groups() -> Value {
    json!(["Message", "Broker", "Security", "Session", "MQTT 5", "Will", "Proxy and WebSocket"])
}

/// Fills in something wrong and then something right, which the connector has to find right.
fn fill_in(form: &Form, picture: Option<&str>, qos: &Value, versions: &Value) {
    let topic = form.field("topic");
    form.browser.write(&topic, "acme/#");
    form.wait_for_errors(&topic, NOT_AS_DESCRIBED);
    if let Some(picture) = picture {
        form.browser.picture(picture);
    }
    form.browser.write(&form.broker(), "localhost:1883");
    form.browser.write(&form.field("client-id"), "acme");
    form.browser.wait("formData['client-id'] === 'acme'");
    form.wait_for_errors(&form.broker(), NOT_AS_DESCRIBED);
    let refused = form.service.post("/v1/check", form.data().to_string()).ask();
    assert_eq!(refused.exit_code(), 64, "{}", refused.body);
    form.browser.write(&topic, "acme/door");
    form.wait_for_errors(&topic, "");
    form.browser.write(&form.broker(), "tcp://127.0.0.1:1");
    form.wait_for_errors(&form.broker(), "");
    assert_eq!(form.options(&form.choice("qos")), *qos);
    assert_eq!(form.options(&form.choice("protocol-version")), *versions);
    let choose = |name: &str, label: &str| {
        let options = form.options(&form.choice(name));
        let index = options.as_array().unwrap().iter().position(|option| option == label).unwrap();
        let selector = json!(form.choice(name));
        let value =
            form.browser.evaluate(&format!("document.querySelector({selector}).options[{index}].value"));
        form.browser.choose(&form.choice(name), value.as_str().unwrap());
    };
    choose("qos", "1 – at least once");
    form.browser.wait("formData.qos === 1");
    choose("protocol-version", "MQTT 5");
    form.browser.wait("formData['protocol-version'] === '5'");
    let content_type = json!(form.field("content-type"));
    form.browser.wait(&format!("document.querySelector({content_type}) !== null"));
    form.browser.write(&form.field("content-type"), "text/plain");
    form.browser.wait("formData['content-type'] === 'text/plain'");
    assert_eq!(form.data()["qos"], 1);
}

/// Asserts that the connector has nothing against what was filled in, and that the library has not either.
fn is_right(form: &Form) {
    form.browser.wait("(problems ?? []).length === 0");
    let answer = form.service.post("/v1/check", form.data().to_string()).ask();
    assert_eq!(answer.exit_code(), 0, "{}: {}", form.data(), answer.body);
    form.is_quiet();
    assert!(form.home.path().exists());
}

#[test]
fn react_jsonschema_form_draws_it() {
    let ui_schema = Form::ui_schema(&RJSF);
    let form = Form::draw(RJSF, &ui_schema, |schema| schema);
    assert_eq!(form.legends(), groups());
    assert_eq!(form.browser.evaluate("document.getElementById('root_content').tagName"), "TEXTAREA");
    assert_eq!(form.browser.evaluate("document.getElementById('root_password').type"), "password");
    fill_in(
        &form,
        Some("form-rjsf"),
        &json!(["0 – at most once", "1 – at least once", "2 – exactly once"]),
        &json!(["MQTT 3.1.1", "MQTT 5"]),
    );
    form.browser.write(&form.field("content"), "open");
    form.browser.wait("formData.content === 'open'");
    is_right(&form);
    assert_eq!(form.data().get("will"), None, "nobody asked for a will");
}

/// Without its UI schema a form has no groups and no text areas, and works.
#[test]
fn react_jsonschema_form_needs_no_ui_schema() {
    let form = Form::draw(RJSF, &json!({}), |schema| schema);
    assert_eq!(form.legends(), json!(["MQTT connector"]));
    fill_in(
        &form,
        None,
        &json!(["0 – at most once", "1 – at least once", "2 – exactly once"]),
        &json!(["MQTT 3.1.1", "MQTT 5"]),
    );
    form.browser.write("input[id^='root_content'][type=text]", "open");
    form.browser.wait("formData.content === 'open'");
    is_right(&form);
}

#[test]
fn json_forms_draws_it() {
    let ui_schema = Form::ui_schema(&JSON_FORMS);
    let form = Form::draw(JSON_FORMS, &ui_schema, |schema| schema);
    // What MQTT 3.1.1 does not have is not shown.
    let shown = groups();
    let shown: Vec<_> = shown.as_array().unwrap().iter().filter(|title| *title != "MQTT 5").collect();
    assert_eq!(form.legends(), json!(shown));
    let content = json!(form.field("content"));
    assert_eq!(form.browser.evaluate(&format!("document.querySelector({content}).tagName")), "TEXTAREA");
    fill_in(
        &form,
        Some("form-jsonforms"),
        &json!(["", "0 – at most once", "1 – at least once", "2 – exactly once"]),
        &json!(["", "MQTT 3.1.1", "MQTT 5"]),
    );
    assert_eq!(form.legends(), groups());
    form.browser.write(&form.field("content"), "open");
    form.browser.wait("formData.content === 'open'");
    let properties = "textarea[id*='user-properties']";
    form.browser.write(properties, "unit: celsius");
    form.browser.wait("formData['user-properties']?.unit === 'celsius'");
    is_right(&form);
}

/// `#/$defs/part` by itself is the form of a configuration, or of a request: nothing is required, and nothing is filled in.
#[test]
fn a_part_is_drawn_alone() {
    let part = |mut schema: Value| schema["$defs"]["part"].take();
    for library in [RJSF, JSON_FORMS] {
        let ui_schema = Form::ui_schema(&library);
        let form = Form::draw(library, &ui_schema, part);
        let topic = form.field("topic");
        form.browser.write(&topic, "acme/+");
        form.wait_for_errors(&topic, NOT_AS_DESCRIBED);
        form.browser.write(&topic, "acme/door");
        form.wait_for_errors(&topic, "");
        form.browser.write(&form.field("content"), "open");
        form.browser.wait("formData.content === 'open'");
        assert_eq!(form.data(), json!({"topic": "acme/door", "content": "open"}), "{}", form.library.name);
        let qos = json!(["", "0 – at most once", "1 – at least once", "2 – exactly once"]);
        assert_eq!(form.options(&form.choice("qos")), qos, "{}", form.library.name);
        let versions = json!(["", "MQTT 3.1.1", "MQTT 5"]);
        assert_eq!(form.options(&form.choice("protocol-version")), versions, "{}", form.library.name);
        // The tenant's configuration has the rest.
        is_right(&form);
    }
}
