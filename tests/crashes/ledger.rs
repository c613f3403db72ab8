//! [`Ledger`]: what was accepted, what has arrived, and whether what is said of each execution is true.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

use mqtt_connector_service::{Execution, Query, Status, Store};

use crate::bars::bar;

/// What is known of each number that was submitted.
pub(crate) struct Ledger {
    qos: Vec<u8>,
    /// The identifier that it was acknowledged with.
    acknowledged: Vec<Option<String>>,
}

/// How many ended how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) sent: usize,
    pub(crate) uncertain: usize,
    pub(crate) not_sent: usize,
    pub(crate) repeated: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, uncertain, not_sent, repeated } = *self;
        let all = sent + uncertain + not_sent;
        for (what, count) in [
            ("sent (0)", sent),
            ("may have arrived (79)", uncertain),
            ("not sent", not_sent),
            ("of QoS 1, arrived more than once", repeated),
        ] {
            let share = count as f64 / all as f64;
            writeln!(f, "{what:<34}{count:>8}  {} {:>5.1} %", bar(share, 40), share * 100.0)?;
        }
        Ok(())
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

    /// An answer of the service: one number is one execution, however often it is submitted. Which number it is.
    pub(crate) fn answer(&mut self, answer: &str) -> usize {
        let ["accepted", number, id] = answer.split(' ').collect::<Vec<_>>()[..] else {
            panic!("the service does not accept: {answer}")
        };
        let number: usize = number.parse().unwrap();
        let acknowledged = &mut self.acknowledged[number];
        assert!(acknowledged.as_ref().is_none_or(|before| before == id), "{number} has two identifiers");
        *acknowledged = Some(id.to_owned());
        number
    }

    /// Whether each number has one execution, with one final state, which is true of what `arrived`: a number for each message.
    pub(crate) fn judge(&self, executions: Vec<Execution>, arrived: &[usize]) -> Report {
        let mut count = vec![0; self.qos.len()];
        for number in arrived {
            count[*number] += 1;
        }
        assert_eq!(self.open(), [0_usize; 0], "each number was acknowledged");
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
