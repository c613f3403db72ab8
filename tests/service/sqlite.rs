//! The store in SQLite: its promises, and what holds for its file.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::Response;
use mqtt_connector_service::store::{Accepted, New};
use mqtt_connector_service::{
    Execution, OpenError, Options, Request, SqliteStore, Status, Store, StoreError, Timestamp,
};
use tempfile::TempDir;

use crate::promises::{Kind, all_promises};

/// A file in a directory of its own.
pub(crate) struct Sqlite {
    directory: TempDir,
}

impl Sqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("executions.db")
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.directory.path().join(format!("executions.db{suffix}"))
    }
}

impl Kind for Sqlite {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.path()).unwrap())
    }
}

all_promises!(Sqlite);

fn execution(content: &str) -> Execution {
    let request = Request::parse(format!(r#"{{"topic": "a/b", "content": "{content}"}}"#)).unwrap();
    Execution::new("acme".into(), request, Options::default(), Timestamp::now())
}

async fn accept(store: &dyn Store, execution: &Execution) -> Result<Accepted, StoreError> {
    store.accept(New { execution: execution.clone(), idempotency_key: None }).await
}

/// Carries out what is accepted, with this answer.
async fn finish(store: &dyn Store, exit_code: i32, now: Timestamp) {
    for mut claimed in store.claim("acme", usize::MAX).await.unwrap() {
        claimed.begin(None, now);
        assert!(store.begin(&claimed, false).await.unwrap());
        assert!(!claimed.answer(&Response::new(exit_code, "Answered."), now, now));
        store.settle(&claimed, None).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_else_can_read_the_files() {
    let kind = Sqlite::new();
    fs::write(kind.path(), "").unwrap();
    fs::set_permissions(kind.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let store = kind.open().await;
    accept(&*store, &execution("planted")).await.unwrap();
    for suffix in ["", "-wal", "-shm", "-lock"] {
        let mode = fs::metadata(kind.file(suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn one_process_at_a_time_carries_out_what_a_file_holds() {
    let kind = Sqlite::new();
    let store = SqliteStore::open(kind.path()).unwrap();
    let error = SqliteStore::open(kind.path()).unwrap_err();
    assert!(matches!(&error, OpenError::InUse(path) if *path == kind.path()), "{error}");
    // By another name it is the same file.
    let link = kind.file("-link");
    symlink(kind.path(), &link).unwrap();
    let error = SqliteStore::open(&link).unwrap_err();
    assert!(matches!(&error, OpenError::InUse(path) if *path == kind.path()), "{error}");
    drop(store);
    SqliteStore::open(link).unwrap();
    assert!(!kind.file("-link-lock").exists());
}

/// SQLite's locks on a file, as Linux lists them.
fn locks(path: &Path) -> Vec<String> {
    let inode = format!(":{} ", fs::metadata(path).unwrap().ino());
    let listed = fs::read_to_string("/proc/locks").unwrap();
    let numbered = listed.lines().filter(|line| line.contains(&inode));
    numbered.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

/// Without its locks, another process that closes the file removes the write-ahead log, and what is written afterwards is lost.
#[tokio::test]
async fn a_process_that_is_refused_its_own_file_keeps_its_locks_on_it() {
    let kind = Sqlite::new();
    let _store = SqliteStore::open(kind.path()).unwrap();
    let held = locks(&kind.path());
    assert_eq!(held.len(), 1, "{held:?}");
    let error = SqliteStore::open(kind.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert_eq!(locks(&kind.path()), held);
}

#[tokio::test]
async fn a_file_with_two_names_is_nobodys_until_one_of_them_is_removed() {
    let kind = Sqlite::new();
    let store = SqliteStore::open(kind.path()).unwrap();
    let link = kind.file("-link");
    fs::hard_link(kind.path(), &link).unwrap();
    for error in [SqliteStore::open(&link).unwrap_err(), SqliteStore::open_beside(&link).unwrap_err()] {
        assert!(matches!(&error, OpenError::Linked(path) if *path == link), "{error}");
    }
    // No log and no lock of its own.
    assert!(["-link-lock", "-link-wal", "-link-shm"].iter().all(|suffix| !kind.file(suffix).exists()));
    drop(store);
    let error = SqliteStore::open(kind.path()).unwrap_err();
    assert!(matches!(&error, OpenError::Linked(path) if *path == kind.path()), "{error}");
    fs::remove_file(link).unwrap();
    SqliteStore::open(kind.path()).unwrap();
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let kind = Sqlite::new();
    let error = SqliteStore::open_beside(kind.path()).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
    let text = "This is no store of executions, and longer than the head of a file of SQLite: it has a hundred bytes and more.";
    fs::write(kind.path(), text).unwrap();
    let error = SqliteStore::open(kind.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    assert_eq!(fs::read_to_string(kind.path()).unwrap(), text);

    fs::remove_file(kind.path()).unwrap();
    let another = rusqlite::Connection::open(kind.path()).unwrap();
    another.execute_batch("CREATE TABLE executions (id)").unwrap();
    let error = SqliteStore::open(kind.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");

    another.execute_batch("DROP TABLE executions").unwrap();
    drop(another);
    drop(SqliteStore::open(kind.path()).unwrap());
    let later = rusqlite::Connection::open(kind.path()).unwrap();
    later.pragma_update(None, "user_version", 3).unwrap();
    let error = SqliteStore::open(kind.path()).unwrap_err();
    assert!(matches!(error, OpenError::TooNew { version: 3, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_full_accepts_nothing_and_carries_out_the_rest() {
    let kind = Sqlite::new();
    let size = 256 * 1024;
    let store = SqliteStore::builder(kind.path()).size(size).open().unwrap();
    let content = "x".repeat(4000);
    let mut accepted = 0;
    let error = loop {
        match accept(&store, &execution(&content)).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 1000);
    };
    assert_eq!(error, StoreError::Full { bytes: size });
    finish(&store, 0, Timestamp::now()).await;
    accept(&store, &execution(&content)).await.unwrap();
    let page = store.list(mqtt_connector_service::Query::default()).await.unwrap();
    let finished = page.executions.iter().filter(|execution| execution.status == Status::Finished);
    assert_eq!(finished.count(), accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_forgotten_when_its_retention_is_over_and_not_before() {
    let kind = Sqlite::new();
    let open =
        |seconds| SqliteStore::builder(kind.path()).retention(Duration::from_secs(seconds)).open().unwrap();
    let store = open(60);
    let now = Timestamp::now();
    let [sent, dead, waiting] = [execution("a"), execution("b"), execution("c")];
    accept(&store, &sent).await.unwrap();
    finish(&store, 0, now.before(Duration::from_secs(61))).await;
    accept(&store, &dead).await.unwrap();
    finish(&store, 64, now.before(Duration::from_secs(30))).await;
    accept(&store, &waiting).await.unwrap();
    drop(store);
    let store = open(60);
    // The clock jumps ahead by a year, and back: nothing is forgotten for that.
    store.tidy(now.after(Duration::from_secs(365 * 24 * 60 * 60))).await.unwrap();
    let is_kept = async |execution: &Execution| store.get(execution.id).await.unwrap().is_some();
    assert!(!is_kept(&sent).await && is_kept(&dead).await && is_kept(&waiting).await);
    store.tidy(now).await.unwrap();
    assert!(is_kept(&dead).await && is_kept(&waiting).await);
    drop(store);
    let store = open(10);
    store.tidy(Timestamp::now()).await.unwrap();
    assert!(store.get(dead.id).await.unwrap().is_none());
    assert_eq!(store.get(waiting.id).await.unwrap().unwrap().status, Status::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_the_clock_is_behind_is_kept_when_it_is_right_again() {
    let now = Timestamp::now();
    // In 1970 as well, where times begin: so says a clock that nobody has set.
    for behind in [now.before(Duration::from_secs(365 * 24 * 60 * 60)), Timestamp::from_milliseconds(0)] {
        let kind = Sqlite::new();
        let store = kind.open().await;
        let [sent, cancelled] = [execution("a"), execution("b")];
        accept(&*store, &sent).await.unwrap();
        finish(&*store, 0, behind).await;
        store.tidy(now).await.unwrap();
        assert!(store.get(sent.id).await.unwrap().is_some(), "{behind}");
        drop(store);

        let store = kind.open().await;
        accept(&*store, &cancelled).await.unwrap();
        store.cancel(Some("acme"), cancelled.id, behind).await.unwrap();
        store.tidy(now).await.unwrap();
        assert!(store.get(cancelled.id).await.unwrap().is_some(), "{behind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_put_back_lets_nothing_wait_longer_than_it_was_to() {
    let kind = Sqlite::new();
    let store = kind.open().await;
    accept(&*store, &execution("a")).await.unwrap();
    let now = Timestamp::now();
    let mut claimed = store.claim("acme", 1).await.unwrap();
    claimed[0].begin(None, now);
    assert!(store.begin(&claimed[0], false).await.unwrap());
    assert!(claimed[0].answer(&Response::new(69, "Unreachable."), now, now));
    store.settle(&claimed[0], Some(now.after(Duration::from_secs(1)))).await.unwrap();
    store.tidy(now).await.unwrap();
    assert_eq!(store.claim("acme", 1).await.unwrap().len(), 0);
    // By a year: it would wait for that, too.
    store.tidy(now.before(Duration::from_secs(365 * 24 * 60 * 60))).await.unwrap();
    assert_eq!(store.claim("acme", 1).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_content_is_left_in_the_file_when_it_was_sent() {
    let kind = Sqlite::new();
    let store = SqliteStore::open(kind.path()).unwrap();
    // Short ones stand in a page with others, long ones have pages of their own.
    for length in [1, 1000, 100_000] {
        accept(&store, &execution(&format!("planted{}", "x".repeat(length)))).await.unwrap();
    }
    let holds = || {
        let mut all = fs::read(kind.path()).unwrap();
        all.extend(fs::read(kind.file("-wal")).unwrap_or_default());
        all.windows(7).any(|window| window == b"planted")
    };
    assert!(holds());
    finish(&store, 0, Timestamp::now()).await;
    drop(store);
    assert!(!holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_beside_it_looks_and_changes() {
    let kind = Sqlite::new();
    let store = SqliteStore::open(kind.path()).unwrap();
    let [dead, waiting] = [execution("a"), execution("b")];
    accept(&store, &dead).await.unwrap();
    finish(&store, 64, Timestamp::now()).await;
    accept(&store, &waiting).await.unwrap();
    assert_eq!(store.claim("acme", 2).await.unwrap().len(), 1);
    store.release(waiting.id);
    let told = store.ended(waiting.id);

    let beside = SqliteStore::open_beside(kind.path()).unwrap();
    assert_eq!(beside.get(dead.id).await.unwrap().unwrap().status, Status::Finished);
    let again = beside.retry(None, dead.id, Timestamp::now()).await.unwrap();
    beside.cancel(Some("acme"), waiting.id, Timestamp::now()).await.unwrap();
    drop(beside);

    store.tidy(Timestamp::now()).await.unwrap();
    told.await;
    assert_eq!(store.tenants(), ["acme".into()]);
    let claimed = store.claim("acme", 2).await.unwrap();
    assert_eq!(claimed.iter().map(|execution| execution.id).collect::<Vec<_>>(), [again.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_is_an_error_and_no_panic() {
    let kind = Sqlite::new();
    let store = SqliteStore::open(kind.path()).unwrap();
    let kept = execution(&"x".repeat(100_000));
    accept(&store, &kept).await.unwrap();
    drop(store);
    let mut file = fs::OpenOptions::new().read(true).write(true).open(kind.path()).unwrap();
    let length = file.metadata().unwrap().len();
    for page in 1..length / 4096 {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xff; 512]).unwrap();
    }
    let mut head = [0; 15];
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"SQLite format 3");
    let error = SqliteStore::open(kind.path()).unwrap_err();
    let OpenError::Store { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "the store of executions cannot be used: SQLite says DatabaseCorrupt");
}
