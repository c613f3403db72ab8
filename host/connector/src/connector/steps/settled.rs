//! Between the two steps of a call: what the host does with a publication, and whether it comes to what was foreseen.

use std::mem;
use std::sync::Arc;

use super::super::Action;
use super::wit;
use crate::publisher::contract::{Error, Message, Qos, Receipt, Remark, RetryPolicy};
use crate::publisher::{Options, PublisherCtx};

/// A publication that the host has done with, and that has come to something else than was foreseen.
pub(super) struct Settled {
    pub(super) options: Arc<Options>,
    /// Without its payload and properties if it was published.
    pub(super) message: Message,
    pub(super) notes: wit::Notes,
    pub(super) outcome: Outcome,
}

/// What the host has done with a publication.
#[derive(Clone)]
pub(super) enum Outcome {
    Published(Result<Receipt, Error>, u32),
    Checked(Result<Vec<Remark>, Error>),
}

impl Settled {
    /// As the component takes it.
    pub(super) fn lend(&self) -> wit::Settled<'_> {
        let outcome = match &self.outcome {
            Outcome::Published(result, connections) => {
                wit::Outcome::Published((result.as_ref(), *connections))
            }
            Outcome::Checked(checked) => wit::Outcome::Checked(checked.as_deref()),
        };
        (&self.message, self.notes, outcome)
    }
}

impl Outcome {
    /// The message of the answer to a request whose message was to go out with this quality of service, if it is the one that was
    /// foreseen.
    pub(super) fn as_foreseen(&self, foreseen: wit::Foreseen, asked: Qos) -> Option<String> {
        match (foreseen, self) {
            (
                wit::Foreseen::Sent((text, at)),
                Self::Published(
                    Ok(Receipt {
                        qos,
                        reason_code: 0,
                        broker: 0,
                        assigned_client_id: None,
                        elapsed_microseconds,
                    }),
                    0 | 1,
                ),
            ) if *qos == asked => {
                let (before, behind) = text.split_at_checked(usize::try_from(at).ok()?)?;
                let (tenths, mut whole, mut tenth) =
                    (elapsed_microseconds / 100, itoa::Buffer::new(), itoa::Buffer::new());
                // A format would take as long as all else here.
                Some([before, whole.format(tenths / 10), ".", tenth.format(tenths % 10), behind].concat())
            }
            (wit::Foreseen::Checked(text), Self::Checked(Ok(remarks))) if remarks.is_empty() => Some(text),
            (wit::Foreseen::Sent(_) | wit::Foreseen::Checked(_), Self::Published(..) | Self::Checked(_)) => {
                None
            }
        }
    }
}

/// Does what the action is about; the message, or what is left of it, and what became of it.
pub(super) async fn act(
    context: &mut PublisherCtx,
    action: Action,
    options: &Arc<Options>,
    mut message: Message,
    policy: RetryPolicy,
) -> (Message, Outcome) {
    match action {
        Action::Send => {
            let sent = Message {
                topic: message.topic.clone(),
                payload: mem::take(&mut message.payload),
                properties: message.properties.take(),
                ..message
            };
            let (result, connections) = context.publish_message(options, sent, policy).await;
            (message, Outcome::Published(result, connections))
        }
        Action::Check => {
            let checked = context.check_message(options, &message, policy).await;
            (message, Outcome::Checked(checked))
        }
    }
}
