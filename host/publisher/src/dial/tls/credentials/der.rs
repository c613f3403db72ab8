//! Structures of DER (X.690), told apart by how they begin.

use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::AnyRef;
use pkcs8::der::{Decode as _, Reader as _, SliceReader, Tag};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// What a structure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Pkcs1,
    Pkcs8,
    Sec1,
    EncryptedPkcs8,
    Pkcs12,
    Pkcs7,
    Request,
    PublicKey,
}

/// The structures of DER that `bytes` consist of; `None` when a byte belongs to none of them. Line breaks at the end, which editors
/// add, do not count.
pub(super) fn elements(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = SliceReader::new(without_line_breaks(bytes)).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        (Tag::peek(&reader).ok()? == Tag::Sequence).then_some(())?;
        found.push(reader.tlv_bytes().ok()?);
    }
    (!found.is_empty()).then_some(found)
}

/// The first structure, whatever follows it.
pub(super) fn first(bytes: &[u8]) -> Option<&[u8]> {
    SliceReader::new(bytes).ok()?.tlv_bytes().ok()
}

/// `bytes` without the white space behind the first structure, if nothing else stands there.
fn without_line_breaks(bytes: &[u8]) -> &[u8] {
    match first(bytes) {
        Some(whole) if bytes.get(whole.len()..).is_some_and(|rest| rest.trim_ascii().is_empty()) => whole,
        _ => bytes,
    }
}

/// How many bytes the first structure announces, where there are fewer: it is cut off. Only of a length that no text begins with.
pub(super) fn cut_off(bytes: &[u8]) -> Option<usize> {
    let size = match bytes {
        [0x30, 0x81, length, ..] => 3 + usize::from(*length),
        [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => return None,
    };
    (size > bytes.len()).then_some(size)
}

/// Whether it is a sequence of indefinite length, which BER has and DER has not.
pub(super) fn is_indefinite(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x30, 0x80]) && indefinite_kind(bytes).is_some()
}

/// What a sequence of indefinite length holds.
pub(super) fn indefinite_kind(bytes: &[u8]) -> Option<Kind> {
    match bytes.get(2..)? {
        [0x02, 0x01, 0x03, ..] => Some(Kind::Pkcs12),
        [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, ..] => Some(Kind::Pkcs7),
        _ => None,
    }
}

/// What a structure is; `None` when it is none of the kinds.
pub(super) fn kind(der: &[u8]) -> Option<Kind> {
    let parts = parts(der)?;
    let tag = |index: usize| parts.get(index).map(|part| part.header().tag());
    let number = || parts.first().and_then(|part| part.decode_as::<u8>().ok());
    match (tag(0)?, tag(1)) {
        (Tag::Integer, Some(Tag::Sequence)) if number() == Some(3) => Some(Kind::Pkcs12),
        (Tag::Integer, Some(Tag::Sequence)) => Some(Kind::Pkcs8),
        (Tag::Integer, Some(Tag::OctetString)) => Some(Kind::Sec1),
        (Tag::Integer, Some(Tag::Integer)) if parts.len() > 2 => Some(Kind::Pkcs1),
        (Tag::Integer, Some(Tag::Integer)) => Some(Kind::PublicKey),
        (Tag::ObjectIdentifier, _) => {
            let is_signed = parts.first()?.decode_as::<ObjectIdentifier>() == Ok(SIGNED_DATA);
            is_signed.then_some(Kind::Pkcs7)
        }
        (Tag::Sequence, Some(Tag::OctetString)) => Some(Kind::EncryptedPkcs8),
        (Tag::Sequence, Some(Tag::BitString)) => Some(Kind::PublicKey),
        (Tag::Sequence, Some(Tag::Sequence)) => {
            let body = elements_of(parts.first()?.value())?;
            let is_request = body.first()?.decode_as::<u8>() == Ok(0) && body.len() <= 4;
            Some(if is_request { Kind::Request } else { Kind::Certificate })
        }
        _ => None,
    }
}

/// The elements of a SEQUENCE.
pub(super) fn parts(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let whole = AnyRef::from_der(der).ok()?;
    (whole.header().tag() == Tag::Sequence).then_some(())?;
    elements_of(whole.value())
}

fn elements_of(value: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(value).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}
