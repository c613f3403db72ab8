//! WASI 0.2 for components that import it, with nothing in it: for a connector that somebody wrote with a tool chain
//! that cannot do without. No files, no network, no environment, no arguments, no input. It has clocks and random
//! numbers, which tell it nothing that a tenant may not know; what it prints goes to the log.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::io::{AsyncWrite, sink};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use mqtt_connector_contract::secrets::Heard;
use mqtt_connector_contract::shown::Shown;

/// Bytes of what a component prints, on each of its two streams, that go to the log; the rest is dropped.
const PRINTED: usize = 4096;

/// Resources that a call may have open at one time, streams and timers among them.
const RESOURCES: usize = 1000;

/// The most random bytes that a component may ask for at once.
const RANDOM: u64 = 1024 * 1024;

/// The shortest text of a tenant's documents that is kept out of the log: shorter ones stand in any text.
const SECRET: usize = 4;

/// The longest text of a tenant's documents that is a secret as a whole. Longer ones are content.
const LONG: usize = 4096;

/// What stands in the log for what is left out.
const LEFT_OUT: &str = "***";

/// Adds WASI to `linker`.
pub(super) fn add_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// Whether an interface of WASI that is there has that name.
pub(super) fn provides(import: &str) -> bool {
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"]
        .iter()
        .any(|package| import.starts_with(package))
        && import.contains("@0.2.")
}

/// The WASI of one call.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    stdout: Printed,
    stderr: Printed,
}

impl Default for Wasi {
    fn default() -> Self {
        let (stdout, stderr) = (Printed::default(), Printed::default());
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let ctx = WasiCtx::builder()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM)
            .build();
        Self { ctx, table, stdout, stderr }
    }
}

impl Wasi {
    /// What the engine asks for.
    pub(super) fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }

    /// Writes to the log what the component has printed: on one line, shortened, and without what `documents` hold.
    pub(super) fn log(&self, tenant: &str, documents: &[&str]) {
        for (stream, printed) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let text = printed.text(documents);
            if !text.is_empty() {
                tracing::debug!(target: "mqtt_connector::guest", tenant, stream, text, "the component printed");
            }
        }
    }
}

/// What a component prints to one stream.
#[derive(Clone, Default)]
struct Printed {
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Printed {
    /// What was printed, fit for the log. The texts and numbers that stand in `documents` are taken out, also where the
    /// end has been cut off in one: they may be secret, and only the component knows which. A line that has one of them in
    /// another form, or a part of one, is left out.
    fn text(&self, documents: &[&str]) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from_utf8_lossy(&kept).into_owned();
        let cut_off = kept.len() == PRINTED;
        drop(kept);
        if text.is_empty() {
            return text;
        }
        let mut secrets = Vec::new();
        for document in documents {
            collect(document, &mut secrets);
            if serde_json::from_str::<IgnoredAny>(document).is_err() {
                secrets.push((*document).to_owned());
            }
        }
        let decoded = secrets.iter().filter_map(|text| STANDARD.decode(text).ok());
        let decoded: Vec<String> = decoded.filter_map(|bytes| String::from_utf8(bytes).ok()).collect();
        secrets.extend(decoded);
        // As they are quoted in JSON, and by most languages.
        let quoted = |secret: &String| serde_json::Value::from(secret.as_str()).to_string();
        let quoted: Vec<String> = secrets.iter().map(|s| quoted(s).trim_matches('"').to_owned()).collect();
        secrets.extend(quoted);
        secrets.retain(|secret| secret.len() >= SECRET);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in &secrets {
            text = text.replace(secret, LEFT_OUT);
        }
        if cut_off {
            text.truncate(end_before_secret(&text, &secrets));
        }
        let text = without_repetitions(text.trim_end(), &secrets);
        Shown::plain(&text, PRINTED).to_string()
    }
}

/// The text without the lines that repeat one of the secrets; without any, when they do so together.
fn without_repetitions(text: &str, secrets: &[String]) -> String {
    // Long texts are compared as content is, with longer pieces: a component's own words often stand in them too.
    let repeats = |text: &str| {
        let heard = Heard::new(text.as_bytes());
        secrets.iter().any(|secret| match secret.len() {
            ..=LONG => heard.repeats_secret(secret.as_bytes()),
            _ => heard.repeats_content(secret.as_bytes()),
        })
    };
    if !repeats(text) {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.split('\n').map(|line| if repeats(line) { LEFT_OUT } else { line }).collect();
    let left = lines.join("\n");
    if repeats(&left) { LEFT_OUT.to_owned() } else { left }
}

/// Where `text` ends when the beginning of a secret at its end is left out.
fn end_before_secret(text: &str, secrets: &[String]) -> usize {
    let beginnings = secrets.iter().filter_map(|secret| {
        let starts = secret.char_indices().map(|(at, _)| at).chain([secret.len()]);
        starts.filter(|at| text.ends_with(&secret[..*at])).max()
    });
    text.len() - beginnings.max().unwrap_or_default()
}

/// The texts and numbers in a JSON document: all, also where a name stands twice, and where the document cannot be read as a whole, since
/// it is too deep, has a number that is too large, half of a surrogate pair, or a fault.
fn collect(document: &str, found: &mut Vec<String>) {
    let mut rest = document;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let token = &rest[start..];
        let (token, behind) = match token.strip_prefix('"') {
            Some(text) => token.split_at(1 + end_of_text(text)),
            None => token.split_at(token.find(|c: char| !is_of_number(c)).unwrap_or(token.len())),
        };
        rest = behind;
        // What a colon follows is a name.
        if !rest.trim_start().starts_with(':') {
            match serde_json::from_str(token) {
                Ok(serde_json::Value::String(text)) => found.push(text),
                // A number, as it stands and as others write it; or a text with half of a pair in it.
                other => {
                    found.push(token.trim_matches('"').to_owned());
                    found.extend(other.ok().map(|number| number.to_string()));
                }
            }
        }
    }
}

/// Where a text ends, behind its last quotation mark.
fn end_of_text(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    /// The trait has it for WASI 0.3, which no component is given here.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl Pollable for Printed {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}

impl OutputStream for Printed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = PRINTED - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PRINTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(bytes: impl Into<Bytes>) -> Printed {
        let mut printed = Printed::default();
        printed.write(bytes.into()).unwrap();
        printed
    }

    #[test]
    fn what_is_printed_is_one_line_and_short() {
        assert_eq!(printed("a\nb\u{1b}[2J\n").text(&["{}"]), "a\\nb\\u{1b}[2J");
        assert_eq!(printed(&b"\xff\xfe"[..]).text(&["{}"]), "\u{fffd}\u{fffd}");
        assert_eq!(printed("x".repeat(1_000_000)).text(&["{}"]).len(), PRINTED);
        assert_eq!(printed("").text(&["{}"]), "");
    }

    #[test]
    fn what_the_documents_hold_is_left_out() {
        let config = r#"{"password": "hunter\"2\n", "qos": 1, "content": [12345, {"x": "deep"}]}"#;
        for (text, expected) in [
            ("the password is hunter\"2\n!", "the password is ***!"),
            (config, r#"{"password": "***", "qos": 1, "content": [***, {"x": "***"}]}"#),
            ("fine", "fine"),
        ] {
            assert_eq!(printed(text).text(&[config, "{}"]), expected);
        }
        assert_eq!(printed("not json: abc").text(&["not json: abc"]), "***");
    }

    #[test]
    fn what_a_document_holds_is_left_out_however_it_is_written() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for beside in [
            r#""password": "other""#,
            r#""content": 1e999999"#,
            r#""content": "\ud800""#,
            r#""\udc00": null"#,
            r#""content": "\"""#,
            &format!(r#""content": {deep}"#),
        ] {
            for document in [
                format!(r#"{{"password": "hunter22", "n": 1234.50, {beside}}}"#),
                format!(r#"{{{beside}, "password" : "hunter22", "n": 1234.50}}"#),
            ] {
                let text = printed("password hunter22, 1234.50").text(&["{}", &document]);
                assert_eq!(text, "password ***, ***", "{document}");
            }
        }
    }

    #[test]
    fn in_whatever_form_it_is_printed_it_is_left_out() {
        let config = r#"{"password": "h\u00f6rse/b\u0061ttery\/staple", "content-base64": "dGhlIHJlYWRpbmcgaXMgMjEuNQ=="}"#;
        for line in [
            config,
            r#"{"password": "h\u00F6rse\/battery\/staple"}"#,
            r"h\u{f6}rse/bat",
            "h%C3%B6rse%2Fbattery",
            "BATTERY/STAPLE",
            "aMO2cnNlL2JhdHRlcnkvc3RhcGxl",
            "[104, 195, 182, 114, 115, 101, 47, 98, 97, 116]",
            "the reading is 2 and more",
        ] {
            let text = format!("before\n{line}\nafter\n");
            assert_eq!(printed(text).text(&[config]), "before\\n***\\nafter", "{line}");
        }
        assert_eq!(printed("h\u{f6}rse/b\nattery/staple").text(&[config]), "***\\n***");
        assert_eq!(printed("h\u{f6}rs\ne/ba\nttery").text(&[config]), "***");
        assert_eq!(printed("h\u{f6}rse/battery/staple").text(&[config]), "***");
    }

    #[test]
    fn what_is_cut_off_does_not_end_in_a_part_of_it() {
        let config = r#"{"private-key": "-----BEGIN 0123456789"}"#;
        for shown in [1, 4, 20] {
            let text = format!("{}-----BEGIN 0123456789", "x".repeat(PRINTED - shown));
            assert_eq!(printed(text).text(&[config]), "x".repeat(PRINTED - shown));
        }
    }
}
