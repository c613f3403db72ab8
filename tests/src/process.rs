//! Programs that the harness runs: finding them, starting them, reading them, and ending them for certain.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use rustix::process::{Pid, Signal, kill_process};

/// Finds `program` in `$PATH` and in the directories that Debian keeps for administrators.
///
/// # Panics
///
/// If it is nowhere; the message says which Debian `packages` hold it.
#[track_caller]
pub(crate) fn find(program: &str, packages: &str) -> PathBuf {
    match look_for(program) {
        Some(path) => path,
        None => panic!("`{program}` is not on this machine; on Debian: apt-get install {packages}"),
    }
}

fn look_for(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// A command for `program` that the kernel kills when this process ends, in whatever way.
///
/// Where there is no `setpriv` (util-linux) it is an ordinary command, and only [`Process`]'s `Drop` ends it.
pub(crate) fn command(program: &Path) -> Command {
    match look_for("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// Runs `command` to its end and returns its standard output.
///
/// # Panics
///
/// If it cannot be started or fails; the message holds what it wrote to standard error.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?} could not be started: {error}"),
    };
    assert!(
        output.status.success(),
        "{command:?} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Longer than any test.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A running program; killed, by its process id, when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`, and gives every line that it writes, to either stream, to `on_line`; `on_end` is called
    /// once for each of the two streams that ends.
    pub(crate) fn start(
        mut command: Command,
        on_line: impl Fn(&str) + Clone + Send + 'static,
        on_end: impl Fn() + Clone + Send + 'static,
    ) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command)?;
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(follow(stdout, on_line.clone(), on_end.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(follow(stderr, on_line, on_end));
        }
        Ok(Self { child, readers })
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends `signal`; a process that has ended already is left alone.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.is_running() {
            // The child is not reaped yet, so its number cannot belong to somebody else.
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// Asks it to end (SIGTERM), and kills it when it has not after `patience`.
    pub(crate) fn stop(mut self, patience: Duration) {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let deadline = Instant::now() + patience;
        while self.is_running() && Instant::now() < deadline {
            // The standard library cannot wait for a process and for a time at once.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

fn follow(
    stream: impl Read + Send + 'static,
    on_line: impl Fn(&str) + Send + 'static,
    on_end: impl Fn() + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(count) if count > 0) {
            on_line(String::from_utf8_lossy(&line).trim_end_matches('\n'));
            line.clear();
        }
        on_end();
    })
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a child from a thread that lives as long as the process.
///
/// The kernel's "parent death signal" means the parent *thread*: a broker started from a test's own thread, or from
/// a pool's, would be killed when that thread ends, while the test may go on using it.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (reply, answer) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts programs is gone");
    lock(spawner).send((command, reply)).map_err(|_| gone(()))?;
    answer.recv().map_err(|_| gone(()))?
}

/// Locks `mutex`, also after a thread panicked with it: a failed assertion of one test must not hide another's.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that threads change and others wait on.
#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Condvar,
    /// How often it was changed; counted while `value` is locked.
    changes: AtomicU64,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Condvar::new(), changes: AtomicU64::new(0) }
    }

    /// Looks at the value.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&lock(&self.value))
    }

    /// Changes the value and wakes everyone who waits.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut value = lock(&self.value);
        let result = change(&mut value);
        self.changes.fetch_add(1, Ordering::Relaxed);
        drop(value);
        self.changed.notify_all();
        result
    }

    /// Waits until there were more changes than `before`, and takes out what `look` shows; `None` when there were none by
    /// `deadline`. Without `before` it does not wait.
    pub(crate) fn wait_for_change<R>(
        &self,
        deadline: Instant,
        before: Option<u64>,
        look: impl Fn(&T) -> R,
    ) -> Option<(R, u64)> {
        self.wait(deadline.saturating_duration_since(Instant::now()), |value| {
            let changes = self.changes.load(Ordering::Relaxed);
            (before != Some(changes)).then(|| (look(value), changes))
        })
    }

    /// Waits until `look` finds what it wants; `None` when it has not after `timeout`.
    pub(crate) fn wait<R>(&self, timeout: Duration, mut look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let deadline = Instant::now() + timeout;
        let mut value = lock(&self.value);
        loop {
            if let Some(found) = look(&value) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            value = self.changed.wait_timeout(value, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
