//! What a certificate says (RFC 5280, section 4.1), read for words about it: whether it is believed is decided elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use mqtt_connector_contract::shown::{self, Shown};
use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, GeneralizedTime, ObjectIdentifier as Oid, OctetStringRef, UtcTime};
use pkcs8::der::{self, Decode as _, Reader as _, SliceReader, Tag};

use super::keys::{KeyKind, Signature};

const EXTENDED_KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.37");
const SUBJECT_ALTERNATIVE_NAME: Oid = Oid::new_unwrap("2.5.29.17");
const COMMON_NAME: Oid = Oid::new_unwrap("2.5.4.3");

const ANY_PURPOSE: Oid = Oid::new_unwrap("2.5.29.37.0");
const SERVERS: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENTS: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.2");

/// Extensions that may be critical: webpki processes them.
const PROCESSED: [Oid; 5] = [
    EXTENDED_KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME,
    Oid::new_unwrap("2.5.29.15"),
    Oid::new_unwrap("2.5.29.19"),
    Oid::new_unwrap("2.5.29.30"),
];

/// The parts of a certificate that messages are about.
pub(super) struct Certificate<'a> {
    /// 1 to 3.
    pub(super) version: u8,
    pub(super) signature: Signature,
    pub(super) issuer: Name<'a>,
    pub(super) subject: Name<'a>,
    /// From when and until when it is valid, as times since 1970.
    pub(super) validity: (Duration, Duration),
    /// SubjectPublicKeyInfo, tag and length included.
    pub(super) spki: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

struct Extension<'a> {
    identifier: Oid,
    is_critical: bool,
    value: &'a [u8],
}

/// A distinguished name: its DER, without tag and length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a>(pub(super) &'a [u8]);

impl<'a> Certificate<'a> {
    /// Reads DER; `None` for what is no certificate.
    pub(super) fn read(certificate: &'a [u8]) -> Option<Self> {
        let read = |reader: &mut SliceReader<'a>| {
            let body = AnyRef::decode(reader)?.sequence(Self::read_body)?;
            let _algorithm = AnyRef::decode(reader)?;
            let _signature = AnyRef::decode(reader)?;
            Ok(body)
        };
        AnyRef::from_der(certificate).and_then(|whole| whole.sequence(read)).ok()
    }

    fn read_body(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        let version = if number(Tag::peek(reader)?) == Some(0) {
            u8::from_der(AnyRef::decode(reader)?.value())?.saturating_add(1)
        } else {
            1
        };
        let _serial = AnyRef::decode(reader)?;
        let signature = AnyRef::decode(reader)?.sequence(|algorithm| {
            let identifier = Oid::decode(algorithm)?;
            drain(algorithm)?;
            Ok::<_, der::Error>(Signature(identifier))
        })?;
        let issuer = Name(AnyRef::decode(reader)?.value());
        let validity =
            AnyRef::decode(reader)?.sequence(|times| Ok::<_, der::Error>((time(times)?, time(times)?)))?;
        let subject = Name(AnyRef::decode(reader)?.value());
        let spki = reader.tlv_bytes()?;
        let mut extensions = Vec::new();
        while !reader.is_finished() {
            let field = AnyRef::decode(reader)?;
            if number(field.header().tag()) == Some(3) {
                extensions = AnyRef::from_der(field.value())?.sequence(|list| {
                    let mut found = Vec::new();
                    while !list.is_finished() {
                        found.push(AnyRef::decode(list)?.sequence(Extension::read)?);
                    }
                    Ok::<_, der::Error>(found)
                })?;
            }
        }
        Ok(Self { version, signature, issuer, subject, validity, spki, extensions })
    }

    /// What kind of key it is for.
    pub(super) fn key(&self) -> Option<KeyKind> {
        KeyKind::of_public(AnyRef::from_der(self.spki).ok()?.value())
    }

    /// Whether it names its subject as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether it has a subject alternative name, which is what hosts are verified by (RFC 9525, section 2).
    pub(super) fn has_alternative_name(&self) -> bool {
        self.extensions.iter().any(|extension| extension.identifier == SUBJECT_ALTERNATIVE_NAME)
    }

    /// The critical extensions that nobody here processes.
    pub(super) fn unknown_critical(&self) -> impl Iterator<Item = Oid> {
        let critical = self.extensions.iter().filter(|extension| extension.is_critical);
        critical.map(|extension| extension.identifier).filter(|identifier| !PROCESSED.contains(identifier))
    }

    /// Whether it may be a server's: its extended key usage says so, or it has none.
    pub(super) fn is_for_servers(&self) -> bool {
        self.is_for(SERVERS)
    }

    /// Whether it may be a client's, likewise.
    pub(super) fn is_for_clients(&self) -> bool {
        self.is_for(CLIENTS)
    }

    fn is_for(&self, wanted: Oid) -> bool {
        self.purposes()
            .is_none_or(|purposes| purposes.iter().any(|purpose| [wanted, ANY_PURPOSE].contains(purpose)))
    }

    /// What its extended key usage allows, in words; `None` without one.
    pub(super) fn purposes_in_words(&self) -> Option<String> {
        let words = self.purposes()?.into_iter().map(|purpose| match purpose {
            SERVERS => "servers".to_owned(),
            CLIENTS => "clients".to_owned(),
            other => other.to_string(),
        });
        Some(words.collect::<Vec<_>>().join(", "))
    }

    fn purposes(&self) -> Option<Vec<Oid>> {
        let extension =
            self.extensions.iter().find(|extension| extension.identifier == EXTENDED_KEY_USAGE)?;
        let read = |reader: &mut SliceReader<'_>| {
            let mut found = Vec::new();
            while !reader.is_finished() {
                found.push(Oid::decode(reader)?);
            }
            Ok::<_, der::Error>(found)
        };
        AnyRef::from_der(extension.value).and_then(|list| list.sequence(read)).ok()
    }
}

impl<'a> Extension<'a> {
    fn read(reader: &mut SliceReader<'a>) -> der::Result<Self> {
        let identifier = Oid::decode(reader)?;
        let is_critical = Tag::peek(reader)? == Tag::Boolean && bool::decode(reader)?;
        let value = <&OctetStringRef>::decode(reader)?.as_bytes();
        Ok(Self { identifier, is_critical, value })
    }
}

impl Name<'_> {
    /// The name as text, most specific part first (RFC 4514), quoted, on one line and not too long.
    pub(super) fn shown(self) -> String {
        let mut parts = self.parts();
        parts.reverse();
        let text = parts
            .iter()
            .map(|(identifier, value)| format!("{}={value}", short(*identifier)))
            .collect::<Vec<_>>()
            .join(", ");
        if text.is_empty() {
            "an authority without a name".to_owned()
        } else {
            Shown::quoted(&text, shown::TOPIC).to_string()
        }
    }

    /// The common name, as [`Self::shown`] shows names.
    pub(super) fn common_name(self) -> Option<String> {
        let (_, value) = self.parts().into_iter().rfind(|(identifier, _)| *identifier == COMMON_NAME)?;
        Some(Shown::quoted(&value, shown::VALUE).to_string())
    }

    fn parts(self) -> Vec<(ObjectIdentifier, String)> {
        let mut parts = Vec::new();
        // What cannot be read is left out.
        let _ = self.read(&mut parts);
        parts
    }

    fn read(self, parts: &mut Vec<(ObjectIdentifier, String)>) -> der::Result<()> {
        let mut names = SliceReader::new(self.0)?;
        while !names.is_finished() {
            let set = AnyRef::decode(&mut names)?;
            let mut attributes = SliceReader::new(set.value())?;
            while !attributes.is_finished() {
                parts.push(AnyRef::decode(&mut attributes)?.sequence(|attribute| {
                    let identifier = Oid::decode(attribute)?;
                    Ok::<_, der::Error>((identifier, text(AnyRef::decode(attribute)?)))
                })?);
            }
        }
        Ok(())
    }
}

/// A directory string; what is not UTF-8 is read as Latin-1, as old certificates mean it.
fn text(value: AnyRef<'_>) -> String {
    let bytes = value.value();
    if value.header().tag() == Tag::BmpString {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
        return String::from_utf16_lossy(&units);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The short name of an attribute (RFC 4514, section 3), or its object identifier.
fn short(attribute: ObjectIdentifier) -> String {
    let mut text = String::new();
    let known = match attribute {
        COMMON_NAME => "CN",
        other => {
            // Writing to a string does not fail.
            let _ = write!(text, "{other}");
            match text.as_str() {
                "2.5.4.5" => "serialNumber",
                "2.5.4.6" => "C",
                "2.5.4.7" => "L",
                "2.5.4.8" => "ST",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                "0.9.2342.19200300.100.1.25" => "DC",
                "0.9.2342.19200300.100.1.1" => "UID",
                "1.2.840.113549.1.9.1" => "emailAddress",
                _ => return text,
            }
        }
    };
    known.to_owned()
}

/// The number of a context-specific tag.
fn number(tag: Tag) -> Option<u32> {
    match tag {
        Tag::ContextSpecific { number, .. } => Some(number.0),
        _ => None,
    }
}

fn drain(reader: &mut SliceReader<'_>) -> der::Result<()> {
    while !reader.is_finished() {
        AnyRef::decode(reader)?;
    }
    Ok(())
}

fn time(reader: &mut SliceReader<'_>) -> der::Result<Duration> {
    Ok(if Tag::peek(reader)? == Tag::UtcTime {
        UtcTime::decode(reader)?.to_unix_duration()
    } else {
        GeneralizedTime::decode(reader)?.to_unix_duration()
    })
}
