//! The authorities that the system trusts, or those that an operator names with `SSL_CERT_FILE` and `SSL_CERT_DIR`. No more
//! of them is read than a limit allows.

use std::collections::HashSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::platform::TrustAnchors;

const FILE: &str = "SSL_CERT_FILE";
const DIRECTORIES: &str = "SSL_CERT_DIR";

/// The most bytes of all files together; what systems come with has 0.3 MiB.
const MOST: u64 = 16 << 20;
/// The most entries of all directories together.
const MOST_ENTRIES: usize = 10_000;

/// Reads the certificates. What cannot be read is left out, as other programs that follow these variables do.
pub(crate) fn read() -> TrustAnchors {
    let file = env::var_os(FILE).map(PathBuf::from);
    let directories = env::var_os(DIRECTORIES).unwrap_or_default();
    let directories = env::split_paths(&directories).filter(|path| !path.as_os_str().is_empty());
    let directories: Vec<PathBuf> = directories.collect();
    if file.is_none() && directories.is_empty() {
        let found = rustls_native_certs::load_native_certs();
        let wrong =
            found.errors.iter().map(|error| format!("some of them cannot be read: {error}")).collect();
        return TrustAnchors { certificates: found.certs, wrong, ..TrustAnchors::default() };
    }
    named(file.as_deref(), &directories, MOST)
}

fn named(file: Option<&Path>, directories: &[PathBuf], most: u64) -> TrustAnchors {
    let mut reader =
        Reader { found: TrustAnchors::default(), seen: HashSet::new(), left: most, entries: MOST_ENTRIES };
    if let Some(file) = file {
        reader.file(file, FILE);
    }
    for directory in directories {
        reader.directory(directory);
    }
    let mut found = reader.found;
    found.certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    found.certificates.dedup();
    found
}

struct Reader {
    found: TrustAnchors,
    /// Device and number of each file: most have several names in such a directory.
    seen: HashSet<(u64, u64)>,
    /// How many more bytes may be read.
    left: u64,
    /// How many more entries of directories may be looked at.
    entries: usize,
}

impl Reader {
    fn file(&mut self, path: &Path, variable: &str) {
        match self.read(path) {
            Ok(Some(text)) => {
                let certificates = CertificateDer::pem_slice_iter(&text);
                self.found.certificates.extend(certificates.filter_map(Result::ok));
            }
            Ok(None) => {
                self.found.wrong.push(format!("what {variable} names is larger than {} MiB", MOST >> 20));
            }
            Err(error) => self.wrong(variable, error.kind()),
        }
    }

    fn directory(&mut self, path: &Path) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.wrong(DIRECTORIES, error.kind()),
        };
        for entry in entries.flatten() {
            if self.entries == 0 {
                self.found.wrong.push(format!("{DIRECTORIES} has more than {MOST_ENTRIES} entries"));
                return;
            }
            self.entries -= 1;
            // The directory holds links that lead nowhere, and other things than files.
            if fs::metadata(entry.path()).is_ok_and(|found| found.is_file()) {
                self.file(&entry.path(), DIRECTORIES);
            }
        }
    }

    /// What is in the file, nothing the second time; `None` when it is too much.
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        // To open a pipe is to wait until somebody writes.
        let metadata = fs::metadata(path)?;
        if metadata.file_type().is_fifo() {
            return Err(ErrorKind::InvalidInput.into());
        }
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return Ok(Some(Vec::new()));
        }
        let mut text = Vec::new();
        File::open(path)?.take(self.left + 1).read_to_end(&mut text)?;
        let length = text.len() as u64;
        let is_too_large = length > self.left;
        self.left = self.left.saturating_sub(length);
        Ok((!is_too_large).then_some(text))
    }

    fn wrong(&mut self, variable: &str, kind: ErrorKind) {
        let what = match kind {
            ErrorKind::NotFound => "does not exist",
            ErrorKind::PermissionDenied => "may not be read by this user",
            ErrorKind::IsADirectory => "is a directory",
            ErrorKind::NotADirectory => "is no directory",
            ErrorKind::InvalidInput => "is a pipe, and no file",
            _ => "cannot be read",
        };
        self.found.wrong.push(format!("what {variable} names {what}"));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// PEM with these bytes for a certificate, which nothing here looks into.
    fn pem(base64: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn certificates_of_files_and_directories_are_found_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a.pem"), format!("# text\n{}{}", pem("AAAA"), pem("BBBB"))).unwrap();
        fs::write(path("b.pem"), format!("{}-----BEGIN X-----\n!\n", pem("CCCC"))).unwrap();
        fs::write(path("same.pem"), pem("AAAA")).unwrap();
        std::os::unix::fs::symlink(path("a.pem"), path("1234.0")).unwrap();
        std::os::unix::fs::symlink(path("nowhere"), path("5678.0")).unwrap();
        assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        let found = named(Some(&path("a.pem")), &[directory.path().to_owned()], MOST);
        let lengths: Vec<usize> = found.certificates.iter().map(|certificate| certificate.len()).collect();
        assert_eq!((lengths, found.wrong), (vec![3, 3, 3], vec![]));
    }

    #[test]
    fn what_cannot_be_used_is_said_without_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (file, wrong) in [
            (Path::new("/dev/zero"), &["what SSL_CERT_FILE names is larger than 16 MiB"][..]),
            (Path::new("/dev/null"), &[]),
            (Path::new("/no/such/file"), &["what SSL_CERT_FILE names does not exist"]),
            (Path::new(""), &["what SSL_CERT_FILE names does not exist"]),
            (directory.path(), &["what SSL_CERT_FILE names is a directory"]),
            (&pipe, &["what SSL_CERT_FILE names is a pipe, and no file"]),
        ] {
            let found = named(Some(file), &[], MOST);
            assert_eq!(
                (found.certificates.len(), found.wrong),
                (0, wrong.iter().map(|&wrong| wrong.to_owned()).collect())
            );
        }
        let found = named(None, &["/no/such/directory".into(), "/dev/null".into()], MOST);
        let wrong = ["what SSL_CERT_DIR names does not exist", "what SSL_CERT_DIR names is no directory"];
        assert_eq!(found.wrong, wrong);
    }

    #[test]
    fn the_limit_holds_for_all_files_together() {
        let directory = tempfile::tempdir().unwrap();
        let text = pem("AAAA");
        for name in ["a", "b", "c"] {
            fs::write(directory.path().join(name), &text).unwrap();
        }
        let found = named(None, &[directory.path().to_owned()], text.len() as u64 * 2);
        assert_eq!(found.certificates.len(), 1);
        assert_eq!(found.wrong, ["what SSL_CERT_DIR names is larger than 16 MiB"]);
    }
}
