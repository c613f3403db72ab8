//! What a file, or a text in place of one, holds: certificates, keys, and formats that cannot be used.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::der;
use super::der::Kind;
use super::sections;
use super::sections::{Content, Malformed};

/// A private key as it was found.
pub(super) enum Key {
    Plain(Zeroizing<PrivateKeyDer<'static>>),
    /// An EncryptedPrivateKeyInfo.
    Encrypted(Zeroizing<Vec<u8>>),
    LegacyEncrypted,
}

/// A format that holds no certificate and no key that can be used, and that messages can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pkcs7,
    Request,
    PublicKey,
    OpenSshKey,
    OpenSshPublicKey,
    RevocationList,
    JavaKeyStore,
    Putty,
    Dsa,
    OpenPgp,
    /// DER or PKCS#12 that announces more bytes than it has.
    CutOff {
        announced: usize,
        present: usize,
    },
}

/// Everything in it, in order.
#[derive(Default)]
pub(super) struct Held {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<Key>,
    pub(super) others: Vec<Format>,
    /// There is nothing but white space.
    pub(super) is_empty: bool,
    /// A PKCS#12 store, still closed.
    pub(super) store: Option<Zeroizing<Vec<u8>>>,
}

/// Reads bytes of any format.
///
/// # Errors
///
/// PEM that is malformed.
pub(super) fn read(bytes: &[u8]) -> Result<Held, Malformed> {
    let mut held = Held { is_empty: bytes.iter().all(u8::is_ascii_whitespace), ..Held::default() };
    read_into(&mut held, bytes, true)?;
    Ok(held)
}

fn read_into(held: &mut Held, bytes: &[u8], may_be_wrapped: bool) -> Result<(), Malformed> {
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) || bytes.starts_with(&[0xce, 0xce, 0xce, 0xce]) {
        held.others.push(Format::JavaKeyStore);
        return Ok(());
    }
    if der::elements(bytes).is_some() || der::is_indefinite(bytes) {
        held.add_der(bytes);
        return Ok(());
    }
    if let Some(announced) = der::cut_off(bytes) {
        held.others.push(Format::CutOff { announced, present: bytes.len() });
        return Ok(());
    }
    let text = decoded(bytes);
    if sections::is_pem(&text) {
        for section in sections::sections(&text)? {
            held.add_section(&section.label, &section.content);
        }
        return Ok(());
    }
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '"' | '\''));
    if start.starts_with("PuTTY-User-Key-File") {
        held.others.push(Format::Putty);
    } else if ["ssh-", "ecdsa-sha2-", "sk-ssh-", "---- BEGIN SSH2"]
        .iter()
        .any(|known| start.starts_with(known))
    {
        held.others.push(Format::OpenSshPublicKey);
    } else if may_be_wrapped && let Some(inside) = sections::bare_base64(&text) {
        read_into(held, &inside, false)?;
    }
    Ok(())
}

/// The text of a file, whose byte order mark may say that it is UTF-16.
fn decoded(bytes: &[u8]) -> Zeroizing<String> {
    let utf16 = |read: fn([u8; 2]) -> u16| {
        let units: Zeroizing<Vec<u16>> =
            Zeroizing::new(bytes.as_chunks().0.iter().skip(1).map(|pair| read(*pair)).collect());
        String::from_utf16_lossy(&units)
    };
    Zeroizing::new(match bytes {
        [0xff, 0xfe, ..] => utf16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(u16::from_be_bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    })
}

impl Held {
    fn add_section(&mut self, label: &str, content: &Content) {
        let der = match content {
            Content::Der(der) => der,
            Content::LegacyEncrypted => {
                self.keys.push(Key::LegacyEncrypted);
                return;
            }
        };
        match label {
            // Behind a TRUSTED CERTIFICATE, OpenSSL writes the purposes that it is trusted for.
            "CERTIFICATE" | "X509CERTIFICATE" | "TRUSTEDCERTIFICATE" => {
                let first = der::first(der).unwrap_or(der);
                self.certificates.push(CertificateDer::from(first.to_vec()));
            }
            "PRIVATEKEY" | "RSAPRIVATEKEY" | "ECPRIVATEKEY" => {
                // The label may be wrong; the structure of the key says what it is.
                let kind = der::kind(der).unwrap_or(Kind::Pkcs8);
                if !self.add_key(kind, der) {
                    self.add_key(Kind::Pkcs8, der);
                }
            }
            "ENCRYPTEDPRIVATEKEY" => self.keys.push(Key::Encrypted(der.clone())),
            "PKCS12" => self.store = Some(der.clone()),
            other => self.others.extend(match other {
                "PKCS7" | "CMS" | "PKCS7SIGNEDDATA" => Some(Format::Pkcs7),
                "CERTIFICATEREQUEST" | "NEWCERTIFICATEREQUEST" => Some(Format::Request),
                "PUBLICKEY" | "RSAPUBLICKEY" => Some(Format::PublicKey),
                "OPENSSHPRIVATEKEY" => Some(Format::OpenSshKey),
                "SSH2PUBLICKEY" => Some(Format::OpenSshPublicKey),
                "X509CRL" => Some(Format::RevocationList),
                "DSAPRIVATEKEY" => Some(Format::Dsa),
                _ if other.starts_with("PGP") => Some(Format::OpenPgp),
                _ => None,
            }),
        }
    }

    /// One or several structures of DER, or a PKCS#12 store in BER.
    fn add_der(&mut self, bytes: &[u8]) {
        if der::is_indefinite(bytes) {
            match der::indefinite_kind(bytes) {
                Some(Kind::Pkcs12) => self.store = Some(Zeroizing::new(bytes.to_vec())),
                Some(_) => self.others.push(Format::Pkcs7),
                None => {}
            }
            return;
        }
        for element in der::elements(bytes).unwrap_or_default() {
            match der::kind(element) {
                Some(Kind::Certificate) => self.certificates.push(CertificateDer::from(element.to_vec())),
                Some(Kind::EncryptedPkcs8) => {
                    self.keys.push(Key::Encrypted(Zeroizing::new(element.to_vec())));
                }
                Some(Kind::Pkcs12) => self.store = Some(Zeroizing::new(element.to_vec())),
                Some(Kind::Pkcs7) => self.others.push(Format::Pkcs7),
                Some(Kind::Request) => self.others.push(Format::Request),
                Some(Kind::PublicKey) => self.others.push(Format::PublicKey),
                Some(kind @ (Kind::Pkcs1 | Kind::Pkcs8 | Kind::Sec1)) => {
                    self.add_key(kind, element);
                }
                None => {}
            }
        }
    }

    /// Adds a key, if that is what it is.
    fn add_key(&mut self, kind: Kind, der: &[u8]) -> bool {
        let der = der.to_vec();
        let key = match kind {
            Kind::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
            Kind::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
            Kind::Sec1 => PrivateKeyDer::Sec1(der.into()),
            Kind::EncryptedPkcs8 => {
                self.keys.push(Key::Encrypted(Zeroizing::new(der)));
                return true;
            }
            Kind::Certificate | Kind::Pkcs12 | Kind::Pkcs7 | Kind::Request | Kind::PublicKey => {
                drop(Zeroizing::new(der));
                return false;
            }
        };
        self.keys.push(Key::Plain(Zeroizing::new(key)));
        true
    }
}
