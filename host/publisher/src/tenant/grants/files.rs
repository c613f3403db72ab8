//! The files that a tenant may name: certificates, keys and authorities.

use std::io::{self, Read as _};
use std::path::{Component, Path};

use mqtt_connector_contract::pem::PemSource;

use super::{Access, Directory, Grants};
use crate::error::Error;
use crate::platform;
use crate::platform::{Shortage, System};

/// The largest certificate, key or CA file, in bytes: every public authority fits several times.
const MAX_FILE: u64 = 1024 * 1024;

/// What is done while a file is read, after "while".
const READING: &str = "reading the certificates";

/// The longest text, in bytes, that is taken for a path. A longer one may be a key in place of a path.
const MAX_PATH: usize = 1024;

/// What the grants say about a path, judged by its text alone.
enum Found<'a> {
    /// Every file may be read.
    Anywhere,
    /// A file of this directory, by its path in it.
    Inside(&'a Directory, &'a Path),
    Nowhere,
}

impl Grants {
    /// Whether a file at `path` is in a directory that is granted, judged by the text of the path: nothing is read, so that a link
    /// that leads out of the directory is not noticed.
    #[must_use]
    pub fn allows_file(&self, path: &str) -> bool {
        !matches!(self.find(path), Found::Nowhere)
    }

    fn find<'a>(&'a self, path: &'a str) -> Found<'a> {
        let Access::Listed(directories) = &self.directories else { return Found::Anywhere };
        let path = Path::new(path);
        if path.components().any(|component| component == Component::ParentDir) {
            return Found::Nowhere;
        }
        let holding = directories
            .iter()
            .filter_map(|directory| Some((directory, path.strip_prefix(&directory.path).ok()?)));
        // The innermost directory. Otherwise the order of the grants would decide whether a link that is granted itself is
        // followed.
        let innermost = holding.min_by_key(|(_, inside)| inside.components().count());
        innermost.map_or(Found::Nowhere, |(directory, inside)| Found::Inside(directory, inside))
    }

    /// Whether the tenant may read the file at `path`, which `parameter` names, judged by the text of the path. A text that is no
    /// path is not denied here: it may be a key, and a message about a denied path would show it.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_file(&self, tenant: &str, parameter: &str, path: &str) -> Result<(), Error> {
        if is_path(path) && !self.allows_file(path) { Err(denied(tenant, parameter, path)) } else { Ok(()) }
    }

    /// Reads a certificate, key or CA file that `parameter` names.
    ///
    /// A granted directory is opened once; what is opened inside it cannot leave it, neither by `..` nor by a link.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] for a path that is not in a granted directory, [`Error::Credential`] for a file that cannot
    /// be read, is not a regular file, or is larger than 1 MiB, and for what is no path.
    pub(crate) fn read_file(
        &self,
        tenant: &str,
        parameter: &'static str,
        path: &str,
    ) -> Result<Vec<u8>, Error> {
        if !is_path(path) {
            // It may be a key, of which a message tells only the size.
            let reason = format!("{} bytes that are not a path of at most {MAX_PATH}", path.len());
            return Err(Error::Credential { parameter, reason });
        }
        let unreadable = |why: &dyn std::fmt::Display| Error::Credential {
            parameter,
            reason: format!("{path} cannot be read: {why}"),
        };
        let failed = |error: &io::Error| match Shortage::of(error) {
            Some(shortage) => Error::Shortage { shortage, stage: READING },
            None => unreadable(&System(error)),
        };
        let denied = || denied(tenant, parameter, path);
        let opened = match self.find(path) {
            Found::Anywhere => platform::files::file(Path::new(path)),
            Found::Inside(directory, inside) => directory.opened.file(inside),
            Found::Nowhere => return Err(denied()),
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if is_escape(&error) => return Err(denied()),
            Err(error) => return Err(failed(&error)),
        };
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if !metadata.is_file() {
            return Err(unreadable(&"it is not a regular file"));
        }
        let mut content = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut content).map_err(|error| failed(&error))?;
        if content.len() as u64 > MAX_FILE {
            return Err(unreadable(&"it is larger than 1 MiB"));
        }
        Ok(content)
    }
}

fn denied(tenant: &str, parameter: &str, path: &str) -> Error {
    Error::Denied(format!(
        "{parameter}: tenant {tenant} may not read {path}; it is in no directory that is granted"
    ))
}

/// Whether a component of `path` is `.` or `..`, as it is written: [`Path::components`] leaves `.` out.
pub(super) fn has_dots(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().split(|byte| *byte == b'/').any(|name| matches!(name, b"." | b".."))
}

/// Whether `text` can be shown as a path, and is not a key in the place of one.
fn is_path(text: &str) -> bool {
    let is_key =
        text.contains("-----BEGIN") || text.contains("PRIVATE KEY") || PemSource::of(text) == PemSource::Text;
    text.len() <= MAX_PATH && !text.contains(['\n', '\r']) && !is_key
}

/// Whether `error` is that of an opened directory for a path that leads out of it.
fn is_escape(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn granted(directories: &[&Path]) -> Grants {
        let mut grants = Grants::default();
        for directory in directories {
            grants.add_directory(directory).unwrap();
        }
        grants
    }

    #[test]
    fn what_may_be_a_key_is_told_by_its_size() {
        let long = format!("/{}", "x".repeat(MAX_PATH));
        for text in
            [&*long, "/cwd/MIIEvQIBA\nDANBg", "/cwd/-----BEGIN EC", "/cwd/\u{feff}PRIVATE KEY", "/a\rb"]
        {
            for grants in [Grants::everything(), Grants::default()] {
                let error = grants.read_file("acme", "private-key", text).unwrap_err();
                let Error::Credential { reason, .. } = &error else { panic!("{error:?}") };
                let wanted = format!("{} bytes that are not a path of at most 1024", text.len());
                assert_eq!(*reason, wanted);
            }
        }
    }

    #[test]
    fn a_directory_inside_another_counts_whatever_the_order() {
        let outside = TempDir::new().unwrap();
        fs::write(outside.path().join("c.pem"), "certificate").unwrap();
        let outer = TempDir::new().unwrap();
        let link = outer.path().join("link");
        symlink(outside.path(), &link).unwrap();
        let file = link.join("c.pem");
        let file = file.to_str().unwrap();
        for directories in [[outer.path(), &link], [&link, outer.path()]] {
            let read = granted(&directories).read_file("acme", "certificate", file);
            assert_eq!(read.unwrap(), b"certificate");
        }
        assert!(granted(&[outer.path()]).read_file("acme", "certificate", file).is_err());
    }

    #[test]
    fn words_are_judged_as_reading_judges_them() {
        let directory = TempDir::new().unwrap();
        let here = directory.path().to_str().unwrap();
        let grants = granted(&[directory.path()]);
        for (path, allowed) in [
            (format!("{here}/missing.pem"), true),
            (format!("{here}/./a/missing.pem"), true),
            (format!("{here}/../out/missing.pem"), false),
            (format!("{here}x/missing.pem"), false),
            ("/missing.pem".to_owned(), false),
        ] {
            assert_eq!(grants.allows_file(&path), allowed, "{path}");
            let error = grants.read_file("acme", "certificate", &path).unwrap_err();
            assert_eq!(matches!(error, Error::Credential { .. }), allowed, "{path}: {error:?}");
            assert!(Grants::everything().allows_file(&path), "{path}");
        }
    }

    #[test]
    fn a_grant_with_dots_would_never_match() {
        let directory = TempDir::new().unwrap();
        let here = directory.path().to_str().unwrap();
        for path in [format!("{here}/../x"), format!("{here}/."), format!("{here}/./x"), "/..".to_owned()] {
            let error = Grants::default().add_directory(path.as_ref()).unwrap_err();
            assert_eq!(
                error.with_reason(),
                format!(
                    "directory grant {path}: it has . or .. in it; a grant is compared with paths as they are \
                     written, so name the directory itself"
                )
            );
        }
        for path in [here.to_owned(), format!("{here}/"), "/".to_owned()] {
            Grants::default().add_directory(path.as_ref()).unwrap();
        }
    }
}
