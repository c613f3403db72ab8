//! [`Ledger`]: what was accepted, what has arrived, and whether what is said of each execution is true.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

use mqtt_connector_service::{Execution, Query, Status, Store};

/// What is known of each number that was submitted.
pub(crate) struct Ledger {
    qos: Vec<u8>,
    /// The identifier that it was acknowledged with.
    acknowledged: Vec<Option<String>>,
}

/// How many ended how.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) kills: usize,
    pub(crate) restarts: usize,
    sent: usize,
    uncertain: usize,
    not_sent: usize,
    repeated: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, restarts, sent, uncertain, not_sent, repeated } = self;
        write!(
            f,
            "{kills} kills, {restarts} restarts of the broker; {sent} executions were sent, {uncertain} may have arrived, {not_sent} \
             were not sent; {repeated} of QoS 1 arrived more than once"
        )
    }
}

impl Ledger {
    pub(crate) fn new(qos: Vec<u8>) -> Self {
        Self { acknowledged: vec![None; qos.len()], qos }
    }

    pub(crate) fn qos(&self, number: usize) -> u8 {
        self.qos[number]
    }

    /// The numbers that were not acknowledged.
    pub(crate) fn open(&self) -> Vec<usize> {
        (0..self.qos.len()).filter(|number| self.acknowledged[*number].is_none()).collect()
    }

    /// An answer of the service: one number is one execution, however often it is submitted.
    pub(crate) fn answer(&mut self, answer: &str) {
        let ["accepted", number, id] = answer.split(' ').collect::<Vec<_>>()[..] else {
            panic!("the service does not accept: {answer}")
        };
        let acknowledged = &mut self.acknowledged[number.parse::<usize>().unwrap()];
        assert!(acknowledged.as_ref().is_none_or(|before| before == id), "{number} has two identifiers");
        *acknowledged = Some(id.to_owned());
    }

    /// Whether each number has one execution, with one final state, which is true of what `arrived`: a number for each message.
    pub(crate) fn judge(&self, executions: Vec<Execution>, arrived: &[usize]) -> Report {
        let mut count = vec![0; self.qos.len()];
        for number in arrived {
            count[*number] += 1;
        }
        assert_eq!(executions.len(), self.qos.len(), "one execution for each that was submitted");
        let mut by_id: HashMap<String, Execution> =
            executions.into_iter().map(|execution| (execution.id.to_string(), execution)).collect();
        let mut report = Report::default();
        for (number, qos) in self.qos.iter().enumerate() {
            let id = self.acknowledged[number].as_ref().unwrap();
            let execution = by_id.remove(id).unwrap();
            report.count(&execution, *qos, count[number]);
        }
        report
    }
}

impl Report {
    fn count(&mut self, execution: &Execution, qos: u8, arrived: usize) {
        let context = || format!("QoS {qos}, arrived {arrived} times: {execution:?}");
        assert_eq!(execution.status, Status::Finished, "{}", context());
        if qos != 1 {
            assert!(arrived <= 1, "{}", context());
        }
        match execution.meta.as_ref().unwrap().exit_code {
            0 => {
                self.sent += 1;
                // Of QoS 0 nobody knows more than that it was written to the socket.
                assert!(arrived > 0 || qos == 0, "{}", context());
            }
            79 => self.uncertain += 1,
            _ => {
                self.not_sent += 1;
                assert_eq!(arrived, 0, "{}", context());
            }
        }
        self.repeated += usize::from(arrived > 1);
    }
}

/// All that the store holds.
pub(crate) async fn all(store: &dyn Store) -> Vec<Execution> {
    let (mut executions, mut cursor) = (Vec::new(), None);
    loop {
        let query = Query { cursor, limit: NonZeroU32::new(Query::MOST), ..Query::default() };
        let page = store.list(query).await.unwrap();
        executions.extend(page.executions);
        cursor = page.cursor;
        if cursor.is_none() {
            return executions;
        }
    }
}
