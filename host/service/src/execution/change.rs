//! What becomes of an execution: the one home of the rules by which its status changes, whatever store it is kept in.

use mqtt_connector::exit_code::{SENT, UNCERTAIN};
use mqtt_connector::{Meta, Outcome, Response, Retry};

use super::{Attempt, Execution, StageTime, Status};
use crate::Timestamp;
use crate::error::ChangeError;

/// What is said of a message whose attempt was broken off.
const BROKEN_OFF: &str = "May have arrived: the service was ended while the message was being sent";

impl Execution {
    /// An attempt begins: the message is about to be sent, to `topic`.
    pub fn begin(&mut self, topic: Option<&str>, now: Timestamp) {
        if self.status != Status::Running {
            self.status = Status::Running;
            self.attempts.push(Attempt { began: now, ended: None, meta: None, stages: Vec::new() });
        }
        if let Some(topic) = topic {
            self.topic = Some(topic.to_owned());
        }
    }

    /// An attempt that began at `began` was answered. Answers whether it is to be tried again.
    pub fn answer(&mut self, response: &Response, began: Timestamp, now: Timestamp) -> bool {
        let attempt =
            Attempt { began, ended: Some(now), meta: Some(response.meta.clone()), stages: Vec::new() };
        match self.attempts.last_mut() {
            Some(open) if open.ended.is_none() => *open = attempt,
            Some(_) | None => self.attempts.push(attempt),
        }
        let is_transient = match response.outcome() {
            Outcome::NotSent { retry: Retry::Yes | Retry::Later } => true,
            Outcome::NotSent { retry: Retry::No } | Outcome::Sent | Outcome::Uncertain => false,
        };
        if is_transient && self.answered_attempts() < self.options.attempts {
            self.status = Status::Accepted;
            return true;
        }
        let meta = match response.outcome() {
            Outcome::NotSent { .. } if self.may_have_arrived() => uncertain(format!(
                "May have arrived: an attempt was broken off when the service was ended. The last one was answered: {}",
                response.meta.message
            )),
            Outcome::NotSent { .. } | Outcome::Sent | Outcome::Uncertain => response.meta.clone(),
        };
        self.end(Status::Finished, Some(meta), now);
        false
    }

    /// What the attempt that was answered last went through.
    pub fn record_stages(&mut self, stages: Vec<StageTime>) {
        if let Some(answered) = self.attempts.last_mut() {
            answered.stages = stages;
        }
    }

    /// The worker of an execution that is running is gone.
    pub fn break_off(&mut self, may_be_repeated: bool, now: Timestamp) {
        if let Some(open) = self.attempts.last_mut().filter(|attempt| attempt.ended.is_none()) {
            open.ended = Some(now);
        }
        if !may_be_repeated {
            let why = "sent again it could arrive twice";
            self.end(Status::Finished, Some(uncertain(format!("{BROKEN_OFF}, and {why}."))), now);
        } else if self.is_over(now) {
            let why = "its time to be sent again is over";
            self.end(Status::Finished, Some(uncertain(format!("{BROKEN_OFF}, and {why}."))), now);
        } else {
            self.status = Status::Accepted;
        }
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.options.expires.is_some_and(|expires| expires <= now)
    }

    /// Its time was over before it was sent.
    pub fn expire(&mut self, now: Timestamp) {
        if self.may_have_arrived() {
            let why = "its time to be sent again is over";
            self.end(Status::Finished, Some(uncertain(format!("{BROKEN_OFF}, and {why}."))), now);
        } else {
            let last = self.attempts.last().and_then(|attempt| attempt.meta.clone());
            self.end(Status::Expired, last, now);
        }
    }

    /// Somebody cancels it. Answers whether that has changed it: one that is cancelled already stays so.
    ///
    /// # Errors
    ///
    /// It has begun, or has ended otherwise.
    pub fn cancel(&mut self, now: Timestamp) -> Result<bool, ChangeError> {
        match self.status {
            Status::Cancelled => Ok(false),
            Status::Accepted if !self.may_have_arrived() => {
                self.end(Status::Cancelled, None, now);
                Ok(true)
            }
            status @ (Status::Accepted | Status::Running | Status::Finished | Status::Expired) => {
                Err(ChangeError::NotCancellable { id: self.id, status })
            }
        }
    }

    /// Somebody carries it out again: the new execution, which has its request from now on.
    ///
    /// # Errors
    ///
    /// It is no dead letter, or is carried out again already.
    pub fn retry(&mut self, now: Timestamp) -> Result<Self, ChangeError> {
        let id = self.id;
        if let Some(as_id) = self.retried_as {
            return Err(ChangeError::AlreadyRetried { id, as_id });
        }
        let request = if self.is_dead_letter() { self.request.take() } else { None };
        let Some(request) = request else {
            return Err(ChangeError::NotRetryable { id, status: self.status });
        };
        let mut options = self.options.clone();
        // They are of then.
        (options.not_before, options.expires) = (None, None);
        let again = Self::new(self.tenant.clone(), request, options, now);
        let again = Self { retry_of: Some(id), trace_context: self.trace_context.clone(), ..again };
        self.retried_as = Some(again.id);
        Ok(again)
    }

    /// How many attempts were answered.
    pub fn answered_attempts(&self) -> u32 {
        let answered = self.attempts.iter().filter(|attempt| attempt.meta.is_some()).count();
        u32::try_from(answered).unwrap_or(u32::MAX)
    }

    fn end(&mut self, status: Status, meta: Option<Meta>, now: Timestamp) {
        self.status = status;
        self.ended = Some(now);
        let is_sent = meta.as_ref().is_some_and(|meta| meta.exit_code == SENT);
        self.meta = meta;
        if is_sent || status == Status::Cancelled {
            self.request = None;
        }
    }
}

fn uncertain(message: String) -> Meta {
    Meta { exit_code: UNCERTAIN, message }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::execution::{Options, Request};

    const NOW: i64 = 1_795_933_800_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(NOW + milliseconds)
    }

    fn execution(options: Options) -> Execution {
        let request = Request::parse(r#"{"topic": "a/b", "content": "planted"}"#).unwrap();
        Execution::new("acme".into(), request, options, at(0))
    }

    fn response(exit_code: i32) -> Response {
        Response::new(exit_code, format!("Answered {exit_code}."))
    }

    #[test]
    fn what_was_sent_well_is_finished_and_has_no_request() {
        let mut execution = execution(Options::default());
        assert_eq!(execution.topic.as_deref(), Some("a/b"));
        execution.begin(Some("a/c"), at(1));
        execution.begin(None, at(2));
        assert_eq!((execution.status, execution.topic.as_deref()), (Status::Running, Some("a/c")));
        assert!(!execution.answer(&response(0), at(1), at(3)));
        assert_eq!((execution.status, execution.ended), (Status::Finished, Some(at(3))));
        assert_eq!(
            execution.attempts,
            [Attempt { began: at(1), ended: Some(at(3)), meta: execution.meta.clone(), stages: Vec::new() }]
        );
        assert!(execution.request.is_none() && !execution.is_dead_letter());
        let error = execution.retry(at(4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "execution {} is finished with exit code 0: only what has expired, or finished with another exit code than 0, can \
                 be carried out again",
                execution.id
            )
        );
    }

    #[test]
    fn what_may_pass_is_tried_as_often_as_was_asked_for_and_then_a_dead_letter() {
        for code in [74, 75, 3, 68, 69, 71, 136] {
            let mut execution = execution(Options { attempts: 2, ..Options::default() });
            execution.begin(None, at(1));
            assert!(execution.answer(&response(code), at(1), at(2)), "{code}");
            assert_eq!((execution.status, execution.ended), (Status::Accepted, None));
            execution.begin(None, at(3));
            assert!(!execution.answer(&response(code), at(3), at(4)), "{code}");
            assert_eq!((execution.status, execution.attempts.len()), (Status::Finished, 2));
            assert!(execution.is_dead_letter());
            let again = execution.retry(at(5)).unwrap();
            assert_eq!((again.retry_of, execution.retried_as), (Some(execution.id), Some(again.id)));
            assert!(execution.request.is_none() && again.request.is_some() && again.attempts.is_empty());
            let error = execution.retry(at(6)).unwrap_err();
            assert!(
                matches!(error, ChangeError::AlreadyRetried { as_id, .. } if as_id == again.id),
                "{error}"
            );
        }
    }

    #[test]
    fn what_would_end_the_same_way_or_may_have_arrived_is_not_tried_again() {
        for code in [1, 2, 4, 5, 64, 66, 70, 76, 77, 78, 79, 128, 137, 139] {
            let mut execution = execution(Options::default());
            assert!(!execution.answer(&response(code), at(1), at(2)), "{code}");
            assert_eq!((execution.status, execution.attempts.len()), (Status::Finished, 1));
            assert!(execution.is_dead_letter() && execution.request.is_some());
        }
    }

    #[test]
    fn what_was_broken_off_is_sent_again_with_qos_1_alone() {
        let mut once = execution(Options::default());
        once.begin(None, at(1));
        once.break_off(false, at(2));
        let meta = once.meta.clone().unwrap();
        assert_eq!((once.status, meta.exit_code), (Status::Finished, 79));
        assert_eq!(
            meta.message,
            "May have arrived: the service was ended while the message was being sent, and sent again it could arrive twice."
        );
        assert_eq!(
            once.attempts,
            [Attempt { began: at(1), ended: Some(at(2)), meta: None, stages: Vec::new() }]
        );
        assert!(once.request.is_some());

        let mut again = execution(Options { attempts: 1, ..Options::default() });
        again.begin(None, at(1));
        again.break_off(true, at(2));
        assert_eq!((again.status, again.ended), (Status::Accepted, None));
        let error = again.cancel(at(3)).unwrap_err();
        assert!(
            error.to_string().contains(" is to be sent again after an attempt that was broken off: "),
            "{error}"
        );
        again.begin(None, at(4));
        assert!(!again.answer(&response(69), at(4), at(5)));
        let meta = again.meta.clone().unwrap();
        assert_eq!((again.status, meta.exit_code, again.attempts.len()), (Status::Finished, 79, 2));
        assert_eq!(
            meta.message,
            "May have arrived: an attempt was broken off when the service was ended. The last one was answered: Answered 69."
        );
    }

    #[test]
    fn what_has_expired_was_not_sent() {
        let options = || Options { expires: Some(at(10)), ..Options::default() };
        let mut untouched = execution(options());
        assert!(!untouched.is_over(at(9)) && untouched.is_over(at(10)));
        untouched.expire(at(10));
        assert_eq!((untouched.status, untouched.meta.is_none()), (Status::Expired, true));
        assert!(untouched.is_dead_letter());
        assert_eq!(untouched.retry(at(11)).unwrap().options, Options::default());

        let mut tried = execution(options());
        assert!(tried.answer(&response(69), at(1), at(2)));
        tried.expire(at(10));
        assert_eq!((tried.status, tried.meta.map(|meta| meta.exit_code)), (Status::Expired, Some(69)));

        for over in [
            |execution: &mut Execution| execution.break_off(true, at(10)),
            |execution: &mut Execution| {
                execution.break_off(true, at(5));
                execution.expire(at(10));
            },
        ] {
            let mut broken_off = execution(options());
            broken_off.begin(None, at(1));
            over(&mut broken_off);
            let meta = broken_off.meta.unwrap();
            assert_eq!((broken_off.status, meta.exit_code), (Status::Finished, 79));
            assert_eq!(
                meta.message,
                "May have arrived: the service was ended while the message was being sent, and its time to be sent again is over."
            );
        }
    }

    #[test]
    fn what_has_not_begun_is_cancelled() {
        let mut tried = execution(Options::default());
        assert!(tried.answer(&response(69), at(1), at(2)));
        assert!(tried.cancel(at(3)).unwrap());
        assert!(!tried.cancel(at(4)).unwrap());
        assert_eq!((tried.status, tried.ended), (Status::Cancelled, Some(at(3))));
        assert!(tried.request.is_none() && !tried.is_dead_letter());
        tried.retry(at(5)).unwrap_err();

        for status in [Status::Running, Status::Finished, Status::Expired] {
            let mut begun = execution(Options::default());
            begun.status = status;
            let error = begun.cancel(at(1).after(Duration::ZERO)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "execution {} is {}: only what is accepted and has not begun can be cancelled",
                    begun.id,
                    status.as_str()
                )
            );
        }
    }
}
