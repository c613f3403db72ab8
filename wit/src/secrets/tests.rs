//! The forms in which a secret comes back, and what is no secret.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn repeats(text: impl AsRef<[u8]>, secret: &str) -> bool {
    Heard::new(text.as_ref()).repeats_secret(secret.as_bytes())
}

/// A text in every form in which somebody may write it.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms: Vec<String> = vec![
        text.to_owned(),
        text.to_uppercase(),
        format!("{text:?}"),
        format!("{:?}", text.as_bytes()),
        text.escape_unicode().to_string(),
        text.as_bytes().escape_ascii().to_string(),
        BASE64_STANDARD.encode(text),
        BASE64_STANDARD.encode(format!("a{text}")),
        BASE64_STANDARD.encode(format!("ab{text}c")),
        BASE64_URL_SAFE_NO_PAD.encode(format!("abc{text}")),
        BASE64_STANDARD.encode(text).replace('=', "%3D"),
        text.chars().map(|character| if character.is_ascii() { character } else { '?' }).collect(),
        text.chars().map(|character| if character.is_ascii() { character } else { '\u{fffd}' }).collect(),
        // What a text in UTF-8 looks like to who takes it for Latin-1.
        text.bytes().map(char::from).collect(),
    ];
    let mut json = String::new();
    for unit in text.encode_utf16() {
        write!(json, "\\u{unit:04X}").unwrap();
    }
    forms.push(json.to_lowercase());
    forms.push(json);
    forms.push(text.replace('\\', "\\\\").replace('/', "\\/").replace('"', "\\\""));
    let bytes = |format: fn(u8) -> String| text.bytes().map(format).collect::<String>();
    forms.push(bytes(|byte| format!("%{byte:02X}")));
    forms.push(bytes(|byte| format!("%25{byte:02x}")));
    forms.push(bytes(|byte| format!("{byte:02x}")));
    forms.push(bytes(|byte| format!("{byte:02X}:")));
    forms.push(bytes(|byte| format!("\\{byte:03o}")));
    forms.push(text.chars().map(|character| format!("&#{};", u32::from(character))).collect());
    forms.push(text.chars().map(|character| format!("&#x{:X};", u32::from(character))).collect());
    forms.push(text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"));
    forms.push(text.replace(' ', "+"));
    let mut forms: Vec<Vec<u8>> = forms.into_iter().map(String::into_bytes).collect();
    forms
        .extend(text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect::<Option<_>>());
    forms
}

#[test]
fn in_whatever_form_it_comes_back() {
    for secret in [
        "s3cret",
        "correct horse",
        "p\u{e4}ssw\u{f6}rd",
        "a\u{202e}bcdef",
        "a/b\"c\\d",
        "<tag>&\"x\"",
        "5ecret\u{1f600}!",
        "Zm9vYmFyCg==",
        &"t0ken-".repeat(44),
    ] {
        for form in forms(secret) {
            let text = [b"no user ann with \"", &form[..], b"\" here"].concat();
            assert!(repeats(&text, secret), "{secret:?} in {:?}", String::from_utf8_lossy(&text));
        }
    }
    // Of what is not ASCII, nothing is left where somebody has put question marks.
    assert!(repeats("\u{43f}\u{430}\u{440}", "\u{43f}\u{430}\u{440}"));
    assert!(!repeats("????", "\u{43f}\u{430}\u{440}\u{43e}"));
}

#[test]
fn so_many_bytes_in_a_row_are_too_many() {
    let secret = "0123456789abcdef";
    for (text, is_repeated) in
        [("12345678", true), ("x1234567x", false), ("<89ABCDEF>", true), ("0123456 789abcd", true)]
    {
        assert_eq!(repeats(text, secret), is_repeated, "{text}");
    }
    for (secret, is_repeated) in [("abc", false), ("abcd", true), ("abcdefg", true), ("abcdefgh", false)] {
        assert_eq!(repeats("xabcdefgx", secret), is_repeated, "{secret}");
    }
    for (text, content, is_repeated) in [
        ("not authorised to publish to plant/7/temperature", "{\"temperature\":21.5}", false),
        ("the payload {\"temperature\":21.5} is wrong", "{\"temperature\":21.5}", true),
        ("the payload {\"temperature\":2\u{2026} is wrong", "{\"temperature\":21.5}", true),
        ("switched on, and open", "on", false),
        ("switched on, and open", "open", false),
        ("more than 1000 a minute", "1000", false),
        ("the payload x=21.5 is wrong", "x=21.5", true),
        ("the payload s3cr3t is wrong", "s3cr3t", true),
        (
            "{\n  \"patient\": \"Jane Doe\",\n  \"pulse\": 72\n}",
            "{\"patient\":\"Jane Doe\",\"pulse\":72}",
            true,
        ),
        ("it is disconnected", "disconnected", true),
        ("it is disconnected", "connected", true),
        ("it is connected", "disconnected", false),
    ] {
        assert_eq!(Heard::new(text.as_bytes()).repeats_content(content.as_bytes()), is_repeated, "{text}");
    }
}

#[test]
fn what_was_not_said_is_not_repeated() {
    for text in [
        "",
        "Not authorized",
        "quota exceeded; try again at 2026-11-28T19:00:00Z (request 5f1c0b7e-3c1e-4b57-9d0e-2f4a1b3c5d7e)",
        "HTTP/1.1 503 Service Unavailable",
        "{\"error\":\"no such thing\",\"code\":4711}",
        "https://login.example.com/realms/plant%20seven?client=a&amp;scope=openid",
    ] {
        for secret in ["", "a", "exceed it", "correct horse", "on the way", "p\u{e4}ssw\u{f6}rd"] {
            assert!(!repeats(text, secret), "{secret:?} in {text:?}");
        }
    }
}

/// The ends of what is too long are looked at, and neither a long text nor long content takes long.
#[test]
fn a_long_text_and_long_content() {
    let mut content = vec![b'x'; 20 * 1024 * 1024];
    let (first, last) = (b"this is its beginning", b"and this is where it ends");
    content[..first.len()].copy_from_slice(first);
    let end = content.len() - last.len();
    content[end..].copy_from_slice(last);
    let text = |part: &[u8]| [part, "\u{fc}\\u00fc%C3%BC ".repeat(10_000).as_bytes()].concat();
    for (text, is_repeated) in
        [(text(first), true), (text(last), true), (text(b"yyyyyyyyyyyyyyyyyyyyy"), false)]
    {
        assert_eq!(Heard::new(&text).repeats_content(&content), is_repeated);
    }
}

proptest! {
    /// Wherever it stands, however much of it, and in whichever form: 8 bytes in a row are found.
    #[test]
    fn a_run_is_found(
        secret in "[ -~]{8,300}",
        before in "\\PC{0,40}",
        after in "\\PC{0,40}",
        start in 0_usize..300,
        length in 8_usize..300,
        form in 0_usize..100,
    ) {
        let start = start % (secret.len() - 7);
        let part = &secret[start..(start + length).min(secret.len())];
        let forms = forms(part);
        // What stands beside it may change what it is: here, nothing is part of an encoding.
        let text = [before.as_bytes(), b" ", &forms[form % forms.len()], b" ", after.as_bytes()].concat();
        let is_readable = !part.contains('?') || printable(part.as_bytes()).count() >= RUN_OF_SECRET;
        prop_assert!(!is_readable || repeats(&text, &secret), "{:?}", String::from_utf8_lossy(&text));
    }

    /// Any bytes at all.
    #[test]
    fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..300), secret in prop::collection::vec(any::<u8>(), 0..40)) {
        let heard = Heard::new(&text);
        if heard.repeats_content(&secret) {
            prop_assert!(heard.repeats_secret(&secret));
        }
    }
}
