//! [`Server`]: connections of callers, within limits.

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::{Listener, Stream};
use super::tls::TlsFiles;

/// How long the head of a call may take to come, and a connection may stay open without one.
const HEAD: Duration = Duration::from_secs(30);

/// The largest head of a call, in bytes.
const LARGEST_HEAD: usize = 32 << 10;

/// How large the buffer is from which a call is read, in bytes: callers have many connections, and it is not counted among their bodies.
const LARGEST_READ: usize = 64 << 10;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a caller may read nothing of an answer.
const UNREAD: Duration = Duration::from_secs(30);

/// How long calls that are under way may take to end when the server ends.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// How often it is looked whether certificate and key have changed.
const LOOK: Duration = Duration::from_secs(5);

/// An HTTP/1.1 server (RFC 9112) for a router: on TCP or a Unix socket, with TLS or without, for so many connections at one time.
///
/// The head of a call has at most 32 KiB and comes within 30 s. A caller who reads nothing of an answer for 30 s is let go.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    router: Router,
    tls: Option<Arc<TlsFiles>>,
    connections: usize,
}

impl Server {
    /// How many connections are open at one time, unless [`connections`](Self::connections) says otherwise: 4,096.
    pub const CONNECTIONS: usize = 4096;

    /// Without TLS.
    #[must_use]
    pub fn new(listener: Listener, router: Router) -> Self {
        Self { listener, router, tls: None, connections: Self::CONNECTIONS }
    }

    /// With TLS, for which the files are read again when they change.
    #[must_use]
    pub fn tls(mut self, files: Arc<TlsFiles>) -> Self {
        self.tls = Some(files);
        self
    }

    /// How many connections are open at one time; more wait in the system's queue. Default: [`Self::CONNECTIONS`].
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Serves until `stop` answers. Then it accepts nothing more, and calls that are under way have 5 s to end.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { listener, router, tls, connections } = self;
        let places = Arc::new(Semaphore::new(connections));
        let (stopped, open) = (CancellationToken::new(), TaskTracker::new());
        let accept = async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let stream = match listener.accept().await {
                    Ok(stream) => stream,
                    Err(error) => {
                        pause_after(&error).await;
                        continue;
                    }
                };
                let (router, tls, stopped) = (router.clone(), tls.clone(), stopped.clone());
                open.spawn(async move {
                    let _place = place;
                    connection(stream, router, tls, stopped).await;
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = look_again(tls.clone()) => {}
            () = stop => {}
        }
        drop(listener);
        stopped.cancel();
        open.close();
        // What is still open then is broken off with the runtime.
        let _ = timeout(LAST_CALLS, open.wait()).await;
    }
}

/// Waits where accepting failed for want of something, which takes time to be there again.
async fn pause_after(error: &std::io::Error) {
    match error.kind() {
        // The caller is gone already: the next one need not wait.
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::InvalidInput => {}
        _ => {
            tracing::error!(%error, "a connection cannot be accepted");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Reads certificate and key again when they have changed; never answers.
async fn look_again(tls: Option<Arc<TlsFiles>>) {
    let Some(files) = tls else { return std::future::pending().await };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let files = Arc::clone(&files);
        match tokio::task::spawn_blocking(move || files.read_again()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("certificate and key were read again"),
            Ok(Err(error)) => {
                tracing::error!(%error, "certificate and key have changed and cannot be used: those of before are");
            }
            Err(_) => tracing::error!("reading certificate and key has panicked"),
        }
    }
}

async fn connection(
    stream: Box<dyn Stream>,
    router: Router,
    tls: Option<Arc<TlsFiles>>,
    stopped: CancellationToken,
) {
    let mut stream = TimeoutStream::new(Box::into_pin(stream));
    stream.set_write_timeout(Some(UNREAD));
    let stream = Box::pin(stream);
    let Some(files) = tls else { return calls(stream, router, stopped).await };
    // What does not speak TLS, or is too slow, is let go.
    if let Ok(Ok(stream)) = timeout(HANDSHAKE, TlsAcceptor::from(files.config()).accept(stream)).await {
        calls(stream, router, stopped).await;
    }
}

async fn calls(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    router: Router,
    stopped: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(LARGEST_READ)
        // A caller who has said everything and still reads is waiting for the answer.
        .half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let served = tokio::select! {
        biased;
        served = &mut connection => served,
        () = stopped.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection was broken off");
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::routing::post;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_connection_reads_so_much_at_a_time_however_much_there_is() {
        const LENGTH: usize = 1 << 20;
        let largest = async |mut body: Body| {
            let (mut largest, mut whole) = (0, 0);
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                (largest, whole) = (largest.max(length), whole + length);
            }
            format!("{whole} {}", largest < 2 * LARGEST_READ)
        };
        let (near, mut far) = tokio::io::duplex(2 * LENGTH);
        let head =
            format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n");
        far.write_all(&[head.as_bytes(), &vec![b'x'; LENGTH]].concat()).await.unwrap();
        calls(near, Router::new().route("/", post(largest)), CancellationToken::new()).await;
        let mut answer = String::new();
        far.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("\r\n\r\n1048576 true"), "{answer}");
    }
}
