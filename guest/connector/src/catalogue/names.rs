//! Sets of parameters.

use super::{COUNT, Name, PARAMETERS};

/// A set of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(u64);

/// Every parameter, close together: the table is large.
const IDS: [Name; COUNT] = {
    let mut ids = [Name::Action; COUNT];
    let mut index = 0;
    while index < COUNT {
        ids[index] = PARAMETERS[index].id;
        index += 1;
    }
    ids
};

const _: () = assert!(COUNT < u64::BITS as usize, "a parameter is a bit of a u64");

impl Names {
    /// Every parameter.
    pub const ALL: Names = Names((1 << COUNT) - 1);

    /// What makes one message differ from another over the same connection.
    pub const MESSAGE: Names = Names::of(&[
        Name::Topic,
        Name::Qos,
        Name::Retain,
        Name::Content,
        Name::ContentBase64,
        Name::ContentType,
        Name::ResponseTopic,
        Name::CorrelationData,
        Name::PayloadFormatIndicator,
        Name::MessageExpiryInterval,
        Name::UserProperties,
    ]);

    /// The two ways to say what is published, of which one in the request puts the other in the configuration out
    /// of force.
    pub const CONTENT: Names = Names::of(&[Name::Content, Name::ContentBase64]);

    /// What a send needs.
    pub const REQUIRED: Names = {
        let mut names = Names(0);
        let mut index = 0;
        while index < COUNT {
            if PARAMETERS[index].required {
                names = names.with(PARAMETERS[index].id);
            }
            index += 1;
        }
        names
    };

    /// The parameters that depend on another one ([`Only`](super::Only)).
    pub const ONLY: Names = {
        let mut names = Names(0);
        let mut index = 0;
        while index < COUNT {
            if PARAMETERS[index].only.is_some() {
                names = names.with(PARAMETERS[index].id);
            }
            index += 1;
        }
        names
    };

    /// The parameters that a dry run remarks on when they were given and have no effect.
    pub const TOLD: Names = Names::of(&[
        Name::RootCaCrt,
        Name::Certificate,
        Name::PrivateKey,
        Name::ServerName,
        Name::AlpnProtocols,
        Name::VerifyServer,
        Name::Timeout,
    ]);

    /// The set of these.
    pub const fn of(names: &[Name]) -> Names {
        let mut set = Names(0);
        let mut index = 0;
        while index < names.len() {
            set = set.with(names[index]);
            index += 1;
        }
        set
    }

    /// The set as a number, a bit for each parameter.
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The set that the number is; bits of no parameter are left out.
    pub(crate) const fn of_bits(bits: u64) -> Names {
        Names(bits & Names::ALL.0)
    }

    /// This set and `name`.
    #[must_use]
    pub const fn with(self, name: Name) -> Names {
        Names(self.0 | 1 << name as u64)
    }

    /// What is in this set or in the other.
    #[must_use]
    pub const fn or(self, other: Names) -> Names {
        Names(self.0 | other.0)
    }

    /// What is in this set and in the other.
    #[must_use]
    pub const fn and(self, other: Names) -> Names {
        Names(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Names) -> Names {
        Names(self.0 & !other.0)
    }

    /// Whether `name` is in the set.
    pub const fn has(self, name: Name) -> bool {
        self.0 & 1 << name as u64 != 0
    }

    /// Every parameter in the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Name> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let index = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            IDS.get(index as usize).copied()
        })
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_the_table() {
        let names = Names::of(&[Name::WebsocketHeaders, Name::Topic, Name::Action, Name::Topic]);
        assert_eq!(names.iter().collect::<Vec<_>>(), [Name::Action, Name::Topic, Name::WebsocketHeaders]);
        assert_eq!(Names::default().iter().next(), None);
        assert!(names.without(names).is_empty());
    }

    #[test]
    fn sets_made_from_the_table() {
        let those = |is: fn(&super::super::Parameter) -> bool| {
            PARAMETERS
                .iter()
                .filter(|parameter| is(parameter))
                .map(|parameter| parameter.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(Names::REQUIRED.iter().collect::<Vec<_>>(), those(|parameter| parameter.required));
        assert_eq!(Names::ONLY.iter().collect::<Vec<_>>(), those(|parameter| parameter.only.is_some()));
    }
}
