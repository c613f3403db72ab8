//! PKCS#12 stores (RFC 7292): a client's certificate, its intermediates and its key, under one password.
//!
//! The structure is read here, and not by a crate for it, for the sake of bounds: a store may have thousands of bags, each with a
//! password of its own to derive a key from, and all of that work is a tenant's choice. The ciphers and hashes are crates'.

use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use des::TdesEde3;
use hmac::{Hmac, Mac as _};
use pkcs8::AlgorithmIdentifierRef;
use pkcs8::ObjectIdentifier as Oid;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{self, EncryptionScheme};
use rc2::Rc2;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::digest::block_api::BlockSizeUser;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::der::parts;
use super::encrypted::check_cost;

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.6");

const KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.3");
const NESTED_BAGS: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.6");

const SHA1_3DES: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA1_RC2_128: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.5");
const SHA1_RC2_40: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.6");
const PBMAC1: Oid = Oid::new_unwrap("1.2.840.113549.1.5.14");

const SHA1: Oid = Oid::new_unwrap("1.3.14.3.2.26");
const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");

/// How deep bags may stand in bags.
const MAX_DEPTH: u8 = 4;

/// The most work for a whole store: iterations of key derivation, all its bags together. OpenSSL writes three times 2,048.
const MAX_WORK: u64 = 2_500_000;

/// What was in the store.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<Zeroizing<PrivateKeyDer<'static>>>,
}

/// Why a store cannot be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Password,
    /// It goes on after "is PKCS#12".
    Unusable(String),
}

impl Fault {
    fn damaged() -> Self {
        Self::Unusable("that is damaged".to_owned())
    }
}

/// Opens a store. Without a password, the empty one is tried.
pub(super) fn open(store: &[u8], password: Option<&str>) -> Result<Opened, Fault> {
    if store.starts_with(&[0x30, 0x80]) {
        return Err(Fault::Unusable(
            "in an old encoding (BER without lengths), which is not supported; `openssl pkcs12 -in OLD -nodes -out NEW` makes it PEM"
                .to_owned(),
        ));
    }
    let password = password.unwrap_or_default();
    let mut reading = Reading { password, left: MAX_WORK, opened: Opened::default() };
    let store = parts(store).ok_or_else(Fault::damaged)?;
    let content = store.get(1).and_then(|info| content_of(info, DATA)).ok_or_else(Fault::damaged)?;
    let safes = octets(content).ok_or_else(Fault::damaged)?;
    if let Some(mac) = store.get(2) {
        reading.verify(*mac, safes)?;
    }
    for safe in parts(safes).ok_or_else(Fault::damaged)? {
        if let Some(plain) = content_of(&safe, DATA).and_then(octets) {
            reading.bags(plain, 0)?;
        } else if let Some(encrypted) = content_of(&safe, ENCRYPTED_DATA) {
            let plain = reading.decrypt_data(encrypted)?;
            reading.bags(&plain, 0)?;
        } else {
            return Err(Fault::Unusable(
                "for a certificate instead of a password, which is not supported".to_owned(),
            ));
        }
    }
    Ok(reading.opened)
}

/// The content of a ContentInfo of this type.
fn content_of<'a>(info: &AnyRef<'a>, kind: Oid) -> Option<AnyRef<'a>> {
    let (found, value) = pair(info)?;
    (found == kind).then_some(())?;
    AnyRef::from_der(value.value()).ok()
}

/// An object identifier, and what belongs to it.
fn pair<'a>(sequence: &AnyRef<'a>) -> Option<(Oid, AnyRef<'a>)> {
    sequence
        .sequence(|reader| {
            let pair = (Oid::decode(reader)?, AnyRef::decode(reader)?);
            // Attributes of a bag.
            while !pkcs8::der::Reader::is_finished(reader) {
                AnyRef::decode(reader)?;
            }
            Ok::<_, pkcs8::der::Error>(pair)
        })
        .ok()
}

fn octets(value: AnyRef<'_>) -> Option<&[u8]> {
    value.decode_as::<&OctetStringRef>().ok().map(OctetStringRef::as_bytes)
}

struct Reading<'p> {
    password: &'p str,
    /// Iterations that may still be done.
    left: u64,
    opened: Opened,
}

impl Reading<'_> {
    /// The integrity of the store, and so the password (RFC 7292, section 4 and appendix A).
    fn verify(&mut self, mac: AnyRef<'_>, safes: &[u8]) -> Result<(), Fault> {
        let read = || {
            let mac = parts(&mac.to_der().ok()?)?
                .into_iter()
                .map(|part| part.to_der().ok())
                .collect::<Option<Vec<_>>>()?;
            let info = parts(mac.first()?)?;
            let algorithm = AlgorithmIdentifierRef::from_der(&info.first()?.to_der().ok()?).ok()?.oid;
            let digest = octets(*info.get(1)?)?.to_vec();
            let salt = octets(AnyRef::from_der(mac.get(1)?).ok()?)?.to_vec();
            let iterations = match mac.get(2) {
                Some(iterations) => u32::from_der(iterations).ok()?,
                None => 1,
            };
            Some((algorithm, digest, salt, iterations))
        };
        let (algorithm, digest, salt, iterations) = read().ok_or_else(Fault::damaged)?;
        if algorithm == PBMAC1 {
            // Its password is verified by what it decrypts.
            return Ok(());
        }
        self.spend(u64::from(iterations))?;
        // An empty password is written in two ways.
        let tries = if self.password.is_empty() { &[true, false][..] } else { &[false] };
        for is_absent in tries {
            let password = wide(self.password, *is_absent);
            let is_right = match algorithm {
                SHA1 => mac_is::<Sha1>(&password, &salt, iterations, safes, &digest),
                SHA256 => mac_is::<Sha256>(&password, &salt, iterations, safes, &digest),
                SHA384 => mac_is::<Sha384>(&password, &salt, iterations, safes, &digest),
                SHA512 => mac_is::<Sha512>(&password, &salt, iterations, safes, &digest),
                other => return Err(unsupported(other)),
            };
            if is_right {
                return Ok(());
            }
        }
        Err(Fault::Password)
    }

    fn bags(&mut self, bags: &[u8], depth: u8) -> Result<(), Fault> {
        for bag in parts(bags).ok_or_else(Fault::damaged)? {
            let (kind, explicit) = pair(&bag).ok_or_else(Fault::damaged)?;
            let value = explicit.value();
            match kind {
                CERTIFICATE_BAG => {
                    let (_, certificate) =
                        AnyRef::from_der(value).ok().and_then(|bag| pair(&bag)).ok_or_else(Fault::damaged)?;
                    let der = AnyRef::from_der(certificate.value()).ok().and_then(octets);
                    self.opened.certificates.extend(der.map(|der| CertificateDer::from(der.to_vec())));
                }
                KEY_BAG => self.add_key(value),
                SHROUDED_KEY_BAG => {
                    let plain = self.decrypt_key(value)?;
                    self.add_key(&plain);
                }
                NESTED_BAGS if depth < MAX_DEPTH => self.bags(value, depth + 1)?,
                // Revocation lists and secrets of other kinds.
                _ => {}
            }
        }
        Ok(())
    }

    fn add_key(&mut self, der: &[u8]) {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.to_vec()));
        self.opened.keys.push(Zeroizing::new(key));
    }

    /// The content of EncryptedData (RFC 5652, section 8).
    fn decrypt_data(&mut self, data: AnyRef<'_>) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let der = data.to_der().map_err(|_| Fault::damaged())?;
        let info = parts(&der).and_then(|data| data.get(1).copied()).ok_or_else(Fault::damaged)?;
        let info = info.to_der().map_err(|_| Fault::damaged())?;
        let info = parts(&info).ok_or_else(Fault::damaged)?;
        let (Some(algorithm), Some(encrypted)) = (info.get(1), info.get(2)) else {
            return Err(Fault::damaged());
        };
        let algorithm = algorithm.to_der().map_err(|_| Fault::damaged())?;
        // The tag of the octet string is implicit.
        self.decrypt(&algorithm, encrypted.value())
    }

    fn decrypt_key(&mut self, info: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let info = parts(info).ok_or_else(Fault::damaged)?;
        let (Some(algorithm), Some(encrypted)) = (info.first(), info.get(1)) else {
            return Err(Fault::damaged());
        };
        let algorithm = algorithm.to_der().map_err(|_| Fault::damaged())?;
        self.decrypt(&algorithm, octets(*encrypted).ok_or_else(Fault::damaged)?)
    }

    fn decrypt(&mut self, algorithm: &[u8], encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let algorithm = AlgorithmIdentifierRef::from_der(algorithm).map_err(|_| Fault::damaged())?;
        match algorithm.oid {
            SHA1_3DES => self.decrypt_old::<TdesEde3>(algorithm, encrypted, 24),
            SHA1_RC2_128 => self.decrypt_old::<Rc2>(algorithm, encrypted, 16),
            SHA1_RC2_40 => self.decrypt_old::<Rc2>(algorithm, encrypted, 5),
            pkcs5::pbes2::PBES2_OID => {
                let scheme = EncryptionScheme::try_from(algorithm).map_err(|_| unsupported(algorithm.oid))?;
                let EncryptionScheme::Pbes2(parameters) = &scheme else {
                    return Err(unsupported(algorithm.oid));
                };
                check_cost(&parameters.kdf)
                    .map_err(|reason| Fault::Unusable(format!("encrypted with {reason}")))?;
                self.spend(match &parameters.kdf {
                    Kdf::Pbkdf2(pbkdf2) => u64::from(pbkdf2.iteration_count),
                    Kdf::Scrypt(scrypt) => {
                        let per_block = u64::from(scrypt.block_size) * u64::from(scrypt.parallelization);
                        scrypt.cost_parameter.saturating_mul(per_block)
                    }
                    _ => return Err(unsupported(algorithm.oid)),
                })?;
                let plain = scheme.decrypt(self.password, encrypted);
                plain.map(Zeroizing::new).map_err(|error| match error {
                    pkcs5::Error::AlgorithmParametersInvalid { oid }
                    | pkcs5::Error::UnsupportedAlgorithm { oid } => unsupported(oid),
                    _ => Fault::Password,
                })
            }
            other => Err(unsupported(other)),
        }
    }

    /// The encryption of older versions of OpenSSL and of Windows (RFC 7292, appendix C).
    fn decrypt_old<C: BlockCipherDecrypt + KeyInit>(
        &mut self,
        algorithm: AlgorithmIdentifierRef<'_>,
        encrypted: &[u8],
        size: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let read = || {
            let parameters = algorithm.parameters?.to_der().ok()?;
            let parameters = parts(&parameters)?;
            let salt = octets(*parameters.first()?)?.to_vec();
            Some((salt, parameters.get(1)?.decode_as::<u32>().ok()?))
        };
        let (salt, iterations) = read().ok_or_else(Fault::damaged)?;
        // The key takes two hashes for each iteration, and the initialization vector one.
        self.spend(u64::from(iterations).saturating_mul(3))?;
        let password = wide(self.password, false);
        let key = derive::<Sha1>(&password, &salt, iterations, 1, size);
        let vector = derive::<Sha1>(&password, &salt, iterations, 2, 8);
        let cipher = Decryptor::<C>::new_from_slices(&key, &vector).map_err(|_| Fault::damaged())?;
        let mut buffer = Zeroizing::new(encrypted.to_vec());
        let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_| Fault::Password)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn spend(&mut self, iterations: u64) -> Result<(), Fault> {
        match self.left.checked_sub(iterations) {
            Some(left) if iterations > 0 => {
                self.left = left;
                Ok(())
            }
            _ => Err(Fault::Unusable(format!(
                "whose keys take too many iterations to derive; {MAX_WORK} are allowed for the whole file"
            ))),
        }
    }
}

fn unsupported(algorithm: Oid) -> Fault {
    Fault::Unusable(format!(
        "encrypted with the algorithm {algorithm}, which is not supported; PBES2 is, and SHA-1 with 3DES or RC2; `openssl pkcs12 \
         -in OLD -nodes -out NEW` makes it PEM"
    ))
}

/// A password as PKCS#12 has it: UTF-16 with a zero at the end, and nothing at all when it is absent.
fn wide(password: &str, is_absent: bool) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() * 2 + 2));
    if !is_absent {
        bytes.extend(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
    }
    bytes
}

fn mac_is<D>(password: &[u8], salt: &[u8], iterations: u32, content: &[u8], digest: &[u8]) -> bool
where
    D: Digest + BlockSizeUser + hmac::EagerHash,
{
    let key = derive::<D>(password, salt, iterations, 3, <D as Digest>::output_size());
    match Hmac::<D>::new_from_slice(&key) {
        Ok(mut mac) => {
            mac.update(content);
            mac.verify_slice(digest).is_ok()
        }
        Err(_) => false,
    }
}

/// A key of `size` bytes for `purpose`: 1 for a cipher's key, 2 for its initialization vector, 3 for a MAC (RFC 7292, appendix
/// B.2).
fn derive<D: Digest + BlockSizeUser>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    purpose: u8,
    size: usize,
) -> Zeroizing<Vec<u8>> {
    let block = D::block_size();
    let diversifier = vec![purpose; block];
    let filled = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().copied().cycle().take(bytes.len().div_ceil(block) * block).collect()
    };
    let mut input = Zeroizing::new([filled(salt), filled(password)].concat());
    let mut key = Zeroizing::new(Vec::with_capacity(size + 64));
    loop {
        let mut hash = D::new().chain_update(&diversifier).chain_update(&*input).finalize();
        for _ in 1..iterations {
            hash = D::digest(&hash);
        }
        key.extend_from_slice(&hash);
        if key.len() >= size {
            key.truncate(size);
            return key;
        }
        for chunk in input.chunks_mut(block) {
            // Adds the repeated hash, and one, as numbers of the size of a block.
            let mut carry = 1;
            for (index, byte) in chunk.iter_mut().enumerate().rev() {
                let sum = u16::from(*byte) + u16::from(hash[index % hash.len()]) + carry;
                *byte = sum.to_be_bytes()[1];
                carry = sum >> 8;
            }
        }
    }
}
