//! What may stand against an execution that is asked for, or against a change of one; why a store could not answer.

use crate::execution::{Id, OptionsError, RequestError, Status};

/// Why an execution was not accepted. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The request is no JSON object, or too long.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The options make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The request holds secrets, and the tenant may not have them stored.
    #[error(
        "the request has {}, which may be secret and would be stored: it belongs into the tenant's configuration, or the tenant is \
         granted stored-secrets",
        .parameters.join(" and ")
    )]
    Secrets {
        /// The parameters, without their values.
        parameters: Vec<String>,
    },
    /// The idempotency key belongs to an execution with another request or other options.
    #[error(
        "the idempotency key belongs to execution {0}, which has another request or other options: another request needs another key"
    )]
    OtherRequest(Id),
    /// The service is ending and takes no more.
    #[error("the service is ending and takes no more executions: ask again later")]
    Draining,
    /// The connector could not say which parameters are secret.
    #[error("the connector could not name its secret parameters: {0}")]
    Schema(String),
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an execution was not cancelled, or not carried out again. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The tenant has no such execution, or it is no longer kept.
    #[error("there is no execution {0}, or it is no longer kept")]
    Unknown(Id),
    /// It can no longer be cancelled.
    #[error(
        "execution {id} is {}: only what is accepted and has not begun can be cancelled",
        if *.status == Status::Accepted { "to be sent again after an attempt that was broken off" } else { .status.as_str() }
    )]
    NotCancellable {
        /// Which execution.
        id: Id,
        /// Its status.
        status: Status,
    },
    /// It is no dead letter.
    #[error(
        "execution {id} is {}: only what has expired, or finished with another exit code than 0, can be carried out again",
        if *.status == Status::Finished { "finished with exit code 0" } else { .status.as_str() }
    )]
    NotRetryable {
        /// Which execution.
        id: Id,
        /// Its status.
        status: Status,
    },
    /// It was carried out again before.
    #[error("execution {id} is carried out again already, as {as_id}")]
    AlreadyRetried {
        /// Which execution.
        id: Id,
        /// As which it is carried out again.
        as_id: Id,
    },
    /// The service is ending and takes no more.
    #[error("the service is ending and takes no more executions: ask again later")]
    Draining,
    /// The store could not keep the change.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a store could not answer. Nothing has changed. It has no text out of an execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is as large as it may be.
    #[error(
        "the store of executions is full, at {bytes} bytes: ask again later, when more executions have ended"
    )]
    Full {
        /// How large it may be.
        bytes: u64,
    },
    /// The tenant has as many executions that have not ended as it may have.
    #[error(
        "the tenant has {most} executions that have not ended, as many as its limit waiting-executions allows: ask again later, when \
         some have ended"
    )]
    Backlog {
        /// How many it may have.
        most: u32,
    },
    /// It takes no document that long.
    #[error(
        "the execution has {bytes} bytes as it would be stored: the store of executions takes {most} at most"
    )]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// The file system has no room.
    #[error(
        "the store of executions has no room left on its file system: ask again later, when there is some"
    )]
    NoRoom,
    /// It cannot be read or written.
    #[error("the store of executions cannot be used: {0}")]
    Unusable(String),
    /// It is closed.
    #[error("the store of executions is closed")]
    Closed,
}
