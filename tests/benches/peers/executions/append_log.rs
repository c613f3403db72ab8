//! The least that "accepted" can cost: a file that records are appended to, made durable together, whatever has come meanwhile.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

/// A record, and who waits until it is durable.
type Record = (Vec<u8>, oneshot::Sender<()>);

#[derive(Clone)]
pub(crate) struct AppendLog {
    records: Sender<Record>,
}

impl AppendLog {
    /// A thread writes, until the last of these is dropped.
    pub(crate) fn create(path: &Path) -> Self {
        let file = OpenOptions::new().create_new(true).append(true).open(path).unwrap();
        let (records, received) = channel();
        std::thread::spawn(move || write(file, &received));
        Self { records }
    }

    /// Answers when the record is durable.
    pub(crate) async fn append(&self, record: Vec<u8>) {
        let (tell, told) = oneshot::channel();
        self.records.send((record, tell)).unwrap();
        told.await.unwrap();
    }
}

fn write(mut file: File, received: &Receiver<Record>) {
    let (mut bytes, mut waiting) = (Vec::new(), Vec::new());
    while let Ok(first) = received.recv() {
        for (record, tell) in std::iter::once(first).chain(received.try_iter()) {
            bytes.extend(u32::try_from(record.len()).unwrap().to_le_bytes());
            bytes.extend(record);
            waiting.push(tell);
        }
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        bytes.clear();
        for tell in waiting.drain(..) {
            tell.send(()).unwrap();
        }
    }
}
