//! A private key under a password: PKCS#8 (RFC 5958, section 3) with PBES2 (RFC 8018, section 6.2).

use pkcs8::der::asn1::AnyRef;
use pkcs8::der::{Decode as _, ErrorKind};
use pkcs8::pkcs5::pbes2::{Kdf, PBES2_OID, Pbkdf2Params, ScryptParams};
use pkcs8::pkcs5::{self, EncryptionScheme};
use pkcs8::{AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::{PRIVATE_KEY, PRIVATE_KEY_PASSWORD, wrong_password};
use crate::error::Error;

// The file says how much work it is to derive the cipher's key from the password, and the file is a tenant's. Without a bound, it
// could ask for all of this process's memory, and for a thread that no timeout ends. These bounds are well under a second on one
// core, and far above what any program writes by default.

/// PBKDF2: OpenSSL writes 2,048; OWASP recommends 1,400,000 at most (HMAC-SHA-1).
const MAX_ITERATIONS: u32 = 2_000_000;

/// scrypt's memory, in bytes. OpenSSL writes 16 MiB, and reads no more than 32. The p blocks are beside them, so that the
/// whole is a little more than a power of two.
const MAX_MEMORY: u64 = 65 * 1024 * 1024;

/// scrypt's N · r · p. OpenSSL writes 131,072.
const MAX_WORK: u64 = 1 << 21;

const SUPPORTED: &str =
    "PBES2 is supported, with PBKDF2 (HMAC-SHA-1 or HMAC-SHA-2) or scrypt, and with AES (CBC or GCM) or 3DES";

/// The key in an EncryptedPrivateKeyInfo.
///
/// # Errors
///
/// [`Error::Credential`].
pub(super) fn decrypt(
    der: &[u8],
    password: &str,
    origin: &str,
) -> Result<Zeroizing<PrivateKeyDer<'static>>, Error> {
    let unusable = |parameter, reason: String| Error::Credential { parameter, reason };
    let is = |reason: &str| unusable(PRIVATE_KEY, format!("{origin} is {reason}"));
    let unsupported =
        |oid| is(&format!("encrypted with the algorithm {oid}, which is not supported; {SUPPORTED}"));
    let unreadable = |error: pkcs8::der::Error| match error.kind() {
        ErrorKind::OidUnknown { oid } => unsupported(oid),
        _ => is("encrypted with parameters that are damaged or out of all bounds"),
    };
    // The crate pkcs8 reads every other scheme as PBES1, and its error is then about the parameters.
    let scheme = scheme(der).map_err(unreadable)?;
    if scheme != PBES2_OID {
        return Err(unsupported(scheme));
    }
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(unreadable)?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(unsupported(scheme));
    };
    check_cost(&parameters.kdf).map_err(|reason| is(&format!("encrypted with {reason}")))?;
    let key = info.decrypt(password).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::AlgorithmParametersInvalid { oid } | pkcs5::Error::UnsupportedAlgorithm { oid },
        ) => is(&format!("encrypted with wrong parameters for the algorithm {oid}")),
        _ => unusable(PRIVATE_KEY_PASSWORD, wrong_password(password, origin, PRIVATE_KEY)),
    })?;
    Ok(Zeroizing::new(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()))))
}

/// What an EncryptedPrivateKeyInfo says it is encrypted with.
fn scheme(der: &[u8]) -> pkcs8::der::Result<ObjectIdentifier> {
    AnyRef::from_der(der)?.sequence(|reader| {
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        let _encrypted = AnyRef::decode(reader)?;
        Ok(algorithm.oid)
    })
}

/// Whether deriving the cipher's key is within the bounds; the error goes on after "encrypted with".
pub(super) fn check_cost(kdf: &Kdf) -> Result<(), String> {
    match kdf {
        Kdf::Pbkdf2(Pbkdf2Params { iteration_count, .. }) => {
            if (1..=MAX_ITERATIONS).contains(iteration_count) {
                return Ok(());
            }
            Err(format!("PBKDF2 and {iteration_count} iterations; 1 to {MAX_ITERATIONS} are allowed"))
        }
        Kdf::Scrypt(ScryptParams { cost_parameter: n, block_size, parallelization, .. }) => {
            let (r, p) = (u64::from(*block_size), u64::from(*parallelization));
            let scrypt = format!("scrypt and N = {n}, r = {r}, p = {p}");
            // pkcs5 takes the logarithm of N without a look at it.
            if !n.is_power_of_two() || *n < 2 || r == 0 || p == 0 {
                return Err(format!("{scrypt}; N is a power of two from 2, and r and p are at least 1"));
            }
            // scrypt holds N blocks of 128 · r bytes, and p more.
            if n.saturating_add(p).saturating_mul(128 * r) > MAX_MEMORY {
                let most = MAX_MEMORY / 128;
                return Err(format!("{scrypt}; (N + p) times r is {most} at most (65 MiB of memory)"));
            }
            if n.saturating_mul(r * p) > MAX_WORK {
                return Err(format!("{scrypt}; N times r times p is {MAX_WORK} at most"));
            }
            Ok(())
        }
        _ => Err(format!("a key derivation that is not supported; {SUPPORTED}")),
    }
}
