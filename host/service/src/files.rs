//! Files that an operator names: certificates, keys, credentials.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What is in a file. Blocks.
///
/// # Errors
///
/// It cannot be read, or has more than 1 MiB.
pub(crate) fn content(path: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(Error::new(ErrorKind::FileTooLarge, "it is larger than its limit, 1 MiB"));
    }
    Ok(content)
}
