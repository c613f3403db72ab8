//! The tables, and how a file gets the newest ones.

use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;

/// By which a file of SQLite is known to be a store of executions: `MQTx`.
const APPLICATION_ID: i32 = 0x4d51_5478;

/// Each makes a file of one version one of the next; a new file has version 0. What was published is not changed any more.
const MIGRATIONS: [&str; 2] = [VERSION_1, VERSION_2];

/// `queue` says what an execution waits for: see `queue.rs`. `history` is the list of the attempts as JSON. `repeatable` says of one that is running
/// whether it may be sent again.
///
/// The request has a table of its own: what is written when an execution goes on has a few hundred bytes then.
const VERSION_1: &str = "
CREATE TABLE executions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    tenant TEXT NOT NULL,
    status INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    due INTEGER,
    accepted INTEGER NOT NULL,
    ended INTEGER,
    topic TEXT,
    not_before INTEGER,
    expires INTEGER,
    attempts INTEGER NOT NULL,
    ordering_key TEXT,
    idempotency_key TEXT,
    fingerprint BLOB,
    repeatable INTEGER,
    history TEXT,
    exit_code INTEGER,
    message TEXT,
    retry_of BLOB,
    retried_as BLOB
) STRICT;
CREATE TABLE requests (seq INTEGER PRIMARY KEY, request TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX by_id ON executions (id);
CREATE UNIQUE INDEX by_idempotency_key ON executions (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX listed ON executions (tenant, seq);
CREATE INDEX ready ON executions (tenant, seq) WHERE queue = 0;
CREATE INDEX delayed ON executions (due, seq) WHERE queue = 1;
CREATE INDEX to_be_retried ON executions (due, seq) WHERE queue = 3;
CREATE INDEX running ON executions (seq) WHERE queue = 4;
CREATE INDEX dead ON executions (tenant, seq) WHERE queue = 6;
CREATE INDEX by_ordering_key ON executions (tenant, ordering_key, queue, seq) WHERE ordering_key IS NOT NULL AND queue < 5;
CREATE INDEX expiring ON executions (expires) WHERE expires IS NOT NULL AND queue < 4;
CREATE INDEX ended ON executions (ended) WHERE ended IS NOT NULL;
";

/// `trace_context` is that of the call that asked for it, as JSON.
const VERSION_2: &str = "ALTER TABLE executions ADD COLUMN trace_context TEXT;";

/// How long it is waited for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// Why a store cannot be opened. It has no text out of an execution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process carries out what it holds.
    #[error("{}: another process has this store of executions open, and carries out what it holds", .0.display())]
    InUse(PathBuf),
    /// The file has several names, each of which would have a lock and a write-ahead log of its own.
    #[error(
        "{}: the file has another name (a hard link), by which another process could carry out the same executions: a store has one name",
        .0.display()
    )]
    Linked(PathBuf),
    /// The file is something else.
    #[error("{}: the file is not a store of executions", .0.display())]
    Foreign(PathBuf),
    /// A later version of this library has written it.
    #[error(
        "{}: the file has version {version}, of a later mqtt-connector: this one knows {}",
        path.display(), MIGRATIONS.len()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// The file, or its directory, cannot be used.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// SQLite cannot use the file.
    #[error("{}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: StoreError,
    },
}

impl OpenError {
    pub(super) fn unusable(path: &Path, error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign(path.to_owned()),
            _ => Self::Store { path: path.to_owned(), source: error.into() },
        }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

/// Makes the file, if it is not there, and answers where it [stands](stands).
pub(super) fn make(path: &Path) -> Result<PathBuf, OpenError> {
    // Before SQLite opens it, which gives the files beside it the same mode.
    let made = match fs::metadata(path) {
        // It is not opened here: where this process has it open already, SQLite's locks would be lost when it is closed.
        Ok(found) if found.is_file() => fs::set_permissions(path, fs::Permissions::from_mode(0o600)),
        _ => OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map(drop),
    };
    made.map_err(|error| OpenError::io(path, error))?;
    stands(path)
}

/// Where the file stands that symbolic links lead to: it has one lock, by whatever name it is opened. No name of it means something else to
/// SQLite, as `:memory:` would.
pub(super) fn stands(path: &Path) -> Result<PathBuf, OpenError> {
    let io = |error| OpenError::io(path, error);
    let path = fs::canonicalize(path).map_err(io)?;
    let names = fs::metadata(&path).map_err(io)?.nlink();
    if names > 1 { Err(OpenError::Linked(path)) } else { Ok(path) }
}

/// Opens the file, which is there, and gives it the newest tables.
pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let unusable = |error| OpenError::unusable(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(unusable)?;
    connection.busy_timeout(BUSY).map_err(unusable)?;
    migrate(&mut connection, path)?;
    prepare(&connection).map_err(unusable)?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -2000)?;
    Ok(connection)
}

/// What holds for a connection that writes, and is not kept in the file.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is removed is overwritten: a request may be secret to whoever reads the file later.
    connection.pragma_update(None, "secure_delete", "ON")?;
    // KiB: what is read and written most often.
    connection.pragma_update(None, "cache_size", -16_000)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Writes a page of the file, and changes nothing: to see whether it can be written.
pub(super) fn touch(connection: &Connection) -> rusqlite::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    connection.pragma_update(None, "user_version", version)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let unusable = |error| OpenError::unusable(path, &error);
    let number = |connection: &Connection, name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(unusable)
    };
    let version = number(connection, "user_version")?;
    let is_ours = number(connection, "application_id")? == i64::from(APPLICATION_ID);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if is_ours && version == known {
        return Ok(());
    }
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(unusable)?;
    if !is_ours && (tables > 0 || version != 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if version > known {
        return Err(OpenError::TooNew { path: path.to_owned(), version });
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(unusable)?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(unusable)?;
    // Another process may have done it meanwhile.
    let version = number(&transaction, "user_version")?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(migration).map_err(unusable)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(unusable)?;
    transaction.pragma_update(None, "user_version", known).map_err(unusable)?;
    transaction.commit().map_err(unusable)
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::super::rows;
    use super::*;
    use crate::Timestamp;
    use crate::execution::{Execution, Id, Status};

    /// What a file of version 1 holds, as that version wrote it: one execution that was tried once, and waits to be tried again.
    fn version_1(path: &Path) -> Id {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(VERSION_1).unwrap();
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let id = Id::new();
        let history = r#"[{"began":"2026-11-29T12:00:00.000Z","ended":"2026-11-29T12:00:01.000Z","meta":{"exit-code":69,"message":"Not sent."}}]"#;
        let insert = "INSERT INTO executions (id, tenant, status, queue, due, accepted, topic, attempts, history) \
                      VALUES (?1, 'acme', 0, 3, 0, 1, 'a/b', 5, ?2)";
        connection.execute(insert, params![id.as_bytes(), history]).unwrap();
        connection.execute("INSERT INTO requests VALUES (1, '{}')", []).unwrap();
        id
    }

    #[test]
    fn a_file_of_the_version_before_gets_the_newest_tables_and_keeps_what_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("executions.db");
        let id = version_1(&path);
        let connection = connect(&path).unwrap();
        let Execution { status, accepted, attempts, trace_context, request, .. } =
            rows::find(&connection, id).unwrap().unwrap();
        assert_eq!((status, accepted), (Status::Accepted, Timestamp::from_milliseconds(1)));
        assert_eq!((attempts.len(), attempts[0].stages.len()), (1, 0));
        assert_eq!(attempts[0].meta.as_ref().map(|meta| meta.exit_code), Some(69));
        assert!(trace_context.is_none() && request.is_some_and(|request| request.as_str() == "{}"));
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, i64::try_from(MIGRATIONS.len()).unwrap());
        // Once more, nothing is left to do.
        assert!(rows::find(&connect(&path).unwrap(), id).unwrap().is_some());
    }
}
