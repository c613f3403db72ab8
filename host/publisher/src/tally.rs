//! [`Tally`]: what became of the messages of one call, as the host saw it. The host does not rely on what a component says about
//! that.

use crate::error::{Answer, Unsettled};

/// What became of the messages that the component of one call has handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that reached their quality of service.
    pub acknowledged: u64,
    /// Messages that may have arrived: sent and not acknowledged, or still under way.
    pub uncertain: u64,
}

impl Tally {
    /// Counts so many `messages` that are handed over as uncertain until they are settled. When the call is given up before, they
    /// stay uncertain.
    pub(crate) fn begin(&mut self, messages: usize) {
        self.uncertain += messages as u64;
    }

    /// The `messages` that [`begin`](Self::begin) counted are settled: `answer` says how.
    pub(crate) fn settle(&mut self, messages: usize, answer: &Answer) {
        let results = answer.as_deref().unwrap_or_default();
        let acknowledged = results.iter().filter(|result| result.is_ok()).count();
        let uncertain =
            results.iter().filter(|result| result.as_ref().is_err_and(Unsettled::may_have_arrived)).count();
        self.acknowledged += acknowledged as u64;
        self.uncertain = self.uncertain + uncertain as u64 - messages as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Progress, Qos, Receipt};
    use crate::error::Error;

    #[test]
    fn what_is_not_settled_is_uncertain() {
        let lost = |progress| Err(Unsettled { progress, ..Unsettled::not_sent(Error::Lost(String::new())) });
        let receipt = Ok(Receipt {
            qos: Qos::AtLeastOnce,
            reason_code: 0,
            broker: 0,
            assigned_client_id: None,
            elapsed_microseconds: 1,
        });
        let denied = || Unsettled::not_sent(Error::Denied(String::new()));
        let mut tally = Tally::default();
        tally.begin(4);
        assert_eq!(tally, Tally { acknowledged: 0, uncertain: 4 });
        let results =
            vec![receipt, lost(Progress::SentUnacknowledged), lost(Progress::NotSent), Err(denied())];
        tally.settle(4, &Ok(results));
        assert_eq!(tally, Tally { acknowledged: 1, uncertain: 1 });
        tally.begin(2);
        tally.settle(2, &Err(denied()));
        assert_eq!(tally, Tally { acknowledged: 1, uncertain: 1 });
    }
}
