//! Kinds of keys and signatures, by their object identifiers: what a certificate or a key holds, in words.

use std::fmt;

use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, BitStringRef, UintRef};
use pkcs8::der::{self, Decode as _, Reader as _, SliceReader, Tag};
use rustls::pki_types::PrivateKeyDer;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// What signatures of others are verified with.
pub(super) const VERIFIED: &str = "RSA of 2048 to 8192 bits, P-256, P-384 and Ed25519 are supported";

/// What client keys sign with.
pub(super) const SIGNING: &str = "RSA of 2048 to 4096 bits, P-256, P-384 and Ed25519 are supported";

/// What kind of key it is. Displayed as `an RSA key of 1024 bits`, or `an elliptic-curve key on secp256k1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa {
        bits: usize,
    },
    Curve(ObjectIdentifier),
    /// A curve by its equation instead of its name.
    ExplicitCurve,
    Other(ObjectIdentifier),
}

impl KeyKind {
    /// That of a SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), without its tag and length.
    pub(super) fn of_public(spki: &[u8]) -> Option<Self> {
        read_public(&mut SliceReader::new(spki).ok()?).ok()
    }

    /// That of a private key.
    pub(super) fn of_private(key: &PrivateKeyDer<'_>) -> Option<Self> {
        match key {
            PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der(), 1),
            PrivateKeyDer::Sec1(key) => sec1(key.secret_sec1_der()),
            PrivateKeyDer::Pkcs8(key) => {
                let parts = elements(key.secret_pkcs8_der())?;
                let algorithm = parts.get(1)?;
                let kind = algorithm.sequence(read_algorithm).ok()?;
                if kind == Self::Other(RSA) { rsa(parts.get(2)?.value(), 1) } else { Some(kind) }
            }
            // `PrivateKeyDer` is not exhaustive.
            _ => None,
        }
    }

    /// Whether signatures that others make with such a key are verified.
    pub(super) fn is_verified(self) -> bool {
        match self {
            Self::Rsa { bits } => (2048..=8192).contains(&bits),
            Self::Curve(curve) => curve == P256 || curve == P384,
            Self::Other(algorithm) => algorithm == ED25519,
            Self::ExplicitCurve => false,
        }
    }

    /// Whether the client signs with such a key.
    pub(super) fn signs(self) -> bool {
        match self {
            Self::Rsa { bits } => (2048..=4096).contains(&bits),
            Self::Curve(_) | Self::ExplicitCurve | Self::Other(_) => self.is_verified(),
        }
    }
}

/// The elements of a SEQUENCE.
fn elements(der: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(AnyRef::from_der(der).ok()?.value()).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}

/// An RSA key whose modulus is the element at `position`.
fn rsa(der: &[u8], position: usize) -> Option<KeyKind> {
    let modulus = elements(der)?.get(position)?.decode_as::<UintRef<'_>>().ok()?;
    let bytes = modulus.as_bytes();
    let leading = bytes.first()?.leading_zeros() as usize;
    Some(KeyKind::Rsa { bits: bytes.len() * 8 - leading })
}

/// An ECPrivateKey (RFC 5915), whose first optional element names the curve.
fn sec1(der: &[u8]) -> Option<KeyKind> {
    let parameters = elements(der)?.into_iter().find(
        |element| matches!(element.header().tag(), Tag::ContextSpecific { number, .. } if number.0 == 0),
    )?;
    curve(AnyRef::from_der(parameters.value()).ok()?)
}

fn curve(parameters: AnyRef<'_>) -> Option<KeyKind> {
    match parameters.header().tag() {
        Tag::ObjectIdentifier => parameters.decode_as().ok().map(KeyKind::Curve),
        Tag::Sequence => Some(KeyKind::ExplicitCurve),
        _ => None,
    }
}

/// The insides of an AlgorithmIdentifier: of RSA, the size is not there.
fn read_algorithm(reader: &mut SliceReader<'_>) -> der::Result<KeyKind> {
    let algorithm = ObjectIdentifier::decode(reader)?;
    let mut kind = KeyKind::Other(algorithm);
    while !reader.is_finished() {
        let parameters = AnyRef::decode(reader)?;
        if algorithm == EC {
            kind = curve(parameters).unwrap_or(kind);
        }
    }
    Ok(kind)
}

fn read_public(reader: &mut SliceReader<'_>) -> der::Result<KeyKind> {
    let kind = AnyRef::decode(reader)?.sequence(read_algorithm)?;
    let key = BitStringRef::decode(reader)?;
    Ok(match kind {
        KeyKind::Other(RSA) => rsa(key.raw_bytes(), 0).unwrap_or(kind),
        kind => kind,
    })
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "an RSA key of {bits} bits"),
            Self::ExplicitCurve => f.write_str("an elliptic-curve key on a curve that has no name"),
            Self::Curve(curve) => {
                f.write_str("an elliptic-curve key on ")?;
                named(f, *curve, &CURVES, "the curve ")
            }
            Self::Other(algorithm) => named(f, *algorithm, &KEYS, "a key of the algorithm "),
        }
    }
}

/// A signature's algorithm, displayed as `RSA with SHA-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature(pub(super) ObjectIdentifier);

impl Signature {
    /// That of an AlgorithmIdentifier, without its tag and length.
    pub(super) fn of(algorithm: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(algorithm).ok()?;
        ObjectIdentifier::decode(&mut reader).ok().map(Self)
    }

    /// Whether anybody could forge it today.
    pub(super) fn is_weak(self) -> bool {
        let name = self.to_string();
        ["SHA-1", "MD5", "MD2"].iter().any(|weak| name.ends_with(weak))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, self.0, &SIGNATURES, "the algorithm ")
    }
}

fn named(
    f: &mut fmt::Formatter<'_>,
    identifier: ObjectIdentifier,
    table: &[(&str, &str)],
    otherwise: &str,
) -> fmt::Result {
    match table.iter().find(|(known, _)| ObjectIdentifier::new(known).is_ok_and(|known| known == identifier))
    {
        Some((_, name)) => f.write_str(name),
        None => write!(f, "{otherwise}{identifier}"),
    }
}

const CURVES: [(&str, &str); 14] = [
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.33", "P-224"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1"),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1"),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.156.10197.1.301", "SM2"),
];

const KEYS: [(&str, &str); 12] = [
    ("1.2.840.113549.1.1.1", "an RSA key"),
    ("1.2.840.113549.1.1.10", "an RSA key for PSS alone"),
    ("1.2.840.10045.2.1", "an elliptic-curve key"),
    ("1.3.101.112", "an Ed25519 key"),
    ("1.3.101.113", "an Ed448 key"),
    ("1.3.101.110", "an X25519 key, which cannot sign"),
    ("1.3.101.111", "an X448 key, which cannot sign"),
    ("1.2.840.10040.4.1", "a DSA key"),
    ("1.2.840.113549.1.3.1", "a Diffie-Hellman key, which cannot sign"),
    ("2.16.840.1.101.3.4.3.17", "an ML-DSA-44 key"),
    ("2.16.840.1.101.3.4.3.18", "an ML-DSA-65 key"),
    ("2.16.840.1.101.3.4.3.19", "an ML-DSA-87 key"),
];

const SIGNATURES: [(&str, &str); 21] = [
    ("1.2.840.113549.1.1.2", "RSA with MD2"),
    ("1.2.840.113549.1.1.4", "RSA with MD5"),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
    ("1.3.14.3.2.29", "RSA with SHA-1"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.1.11", "RSA with SHA-256"),
    ("1.2.840.113549.1.1.12", "RSA with SHA-384"),
    ("1.2.840.113549.1.1.13", "RSA with SHA-512"),
    ("1.2.840.113549.1.1.14", "RSA with SHA-224"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
    ("1.2.840.10045.4.3.1", "ECDSA with SHA-224"),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256"),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384"),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512"),
    ("1.2.840.10040.4.3", "DSA with SHA-1"),
    ("2.16.840.1.101.3.4.3.2", "DSA with SHA-256"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];
