//! The members of `will`.

/// The members of a will, as messages name them: with `will.` in front.
pub const MEMBERS: [&str; 9] = [
    "will.topic",
    "will.content",
    "will.content-base64",
    "will.qos",
    "will.retain",
    "will.delay-interval",
    "will.payload-format-indicator",
    "will.message-expiry-interval",
    "will.content-type",
];

/// How many of [`MEMBERS`], the last of them, only MQTT 5 has.
pub const ONLY_MQTT5: usize = 4;

/// A member of a will; as a number, its index in [`MEMBERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named in MEMBERS, and described with the parameter will")]
pub enum Member {
    Topic,
    Content,
    ContentBase64,
    Qos,
    Retain,
    DelayInterval,
    PayloadFormatIndicator,
    MessageExpiryInterval,
    ContentType,
}

impl Member {
    /// The name as messages have it.
    pub fn as_str(self) -> &'static str {
        MEMBERS[self as usize]
    }
}
