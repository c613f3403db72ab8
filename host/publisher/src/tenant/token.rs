//! [`Token`]: what a caller shows to be taken for a tenant, as far as it is kept: its SHA-256.

use std::fmt::{self, Write as _};
use std::io;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::tenants::is_name;
use crate::platform::random;

/// A token of a tenant: by it a service knows for whom a caller asks. Only its SHA-256 is kept, so that who reads a file of tenants
/// cannot ask for them. A token has 256 random bits: nobody finds it again from its SHA-256.
///
/// In a document it is an object (of TOML a table) with `name` and `sha256`, 64 hexadecimal digits. A tenant may have several, so that
/// one takes the place of another while both hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    name: String,
    digest: TokenDigest,
}

impl Token {
    /// A token that is known by `name`, which has 1 to 64 letters, digits, `-`, `_` and `.`.
    ///
    /// # Errors
    ///
    /// It is no name.
    pub fn new(name: impl Into<String>, digest: TokenDigest) -> Result<Self, TokenError> {
        let name = name.into();
        if is_name(&name) { Ok(Self { name, digest }) } else { Err(TokenError::Name) }
    }

    /// A text that nobody can guess: 256 random bits, as 64 hexadecimal digits. For the caller to show; of a session or a form, to be
    /// known by.
    ///
    /// # Errors
    ///
    /// The system's: it has no randomness.
    pub fn new_text() -> io::Result<String> {
        Ok(hexadecimal(&random::bytes()?))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> &TokenDigest {
        &self.digest
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Stored {
            name: String,
            sha256: String,
        }

        let Stored { name, sha256 } = Stored::deserialize(deserializer)?;
        let digest = sha256.parse().map_err(serde::de::Error::custom)?;
        Self::new(name, digest).map_err(serde::de::Error::custom)
    }
}

/// The SHA-256 of a token. As text it has 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The SHA-256 of the text of a token, as a caller shows it.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether both are of one token. It takes as long whatever they are.
    #[must_use]
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

fn hexadecimal(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl FromStr for TokenDigest {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut digest = [0; 32];
        if !is_digits {
            return Err(TokenError::Sha256);
        }
        for (index, byte) in digest.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| TokenError::Sha256)?;
        }
        if Self(digest) == Self::of("") { Err(TokenError::Empty) } else { Ok(Self(digest)) }
    }
}

/// What is wrong with a token in a document. Nothing of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It has no name, or one with other characters.
    #[error("a token's name has 1 to 64 of the letters a to z and A to Z, digits, -, _ and .")]
    Name,
    /// What should be a SHA-256 is something else.
    #[error("a token's sha256 has 64 hexadecimal digits, as `mqtt-connector tenants token NAME` prints them")]
    Sha256,
    /// It is the SHA-256 of nothing, as of a variable that is not set. Who shows an empty token would be the tenant.
    #[error(
        "a token's sha256 is that of an empty text; `mqtt-connector tenants token NAME` makes one of a token"
    )]
    Empty,
    /// It stands there twice, so that nobody could say whose it is.
    #[error("the same sha256 stands there before: each token is one tenant's, and stands there once")]
    Repeated,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "abc", as FIPS 180-4 has it in its example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = TokenDigest::of("abc");
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(ABC.to_uppercase().parse(), Ok(digest));
        assert!(digest.is_of_same(&digest) && !digest.is_of_same(&TokenDigest::of("abd")));
        for wrong in ["", "ba", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<TokenDigest>(), Err(TokenError::Sha256), "{wrong}");
        }
    }

    #[test]
    fn an_empty_text_is_no_token() {
        let nothing = TokenDigest::of("").to_string();
        assert_eq!(nothing, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(nothing.parse::<TokenDigest>(), Err(TokenError::Empty));
    }

    #[test]
    fn a_new_text_is_64_digits_and_another_each_time() {
        let [first, second] = [(); 2].map(|()| Token::new_text().unwrap());
        assert!(first != second && first.len() == 64, "{first} {second}");
        assert!(first.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{first}");
    }

    #[test]
    fn debug_shows_the_name_alone() {
        let token = Token::new("2026", TokenDigest::of("abc")).unwrap();
        assert_eq!(format!("{token:?}"), "Token { name: \"2026\", .. }");
        assert_eq!(format!("{:?}", token.digest()), "TokenDigest");
        assert_eq!(Token::new("", TokenDigest::of("abc")), Err(TokenError::Name));
    }

    #[test]
    fn json_has_name_and_sha256() {
        let token: Token = serde_json::from_str(&format!(r#"{{"name": "a", "sha256": "{ABC}"}}"#)).unwrap();
        assert_eq!((token.name(), token.digest()), ("a", &TokenDigest::of("abc")));
        for (stored, error) in [
            (r#"{"name": "a"}"#, "missing field `sha256` at line 1 column 13"),
            (
                r#"{"name": "a", "sha256": "planted"}"#,
                "a token's sha256 has 64 hexadecimal digits, as `mqtt-connector tenants token NAME` prints them",
            ),
        ] {
            assert_eq!(serde_json::from_str::<Token>(stored).unwrap_err().to_string(), error);
        }
    }
}
