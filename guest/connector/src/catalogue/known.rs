//! The names that an object may have, and which of them was most likely meant by a name that is unknown.

use mqtt_connector_contract::spelling::nearest;

use super::foreign::{Tip, foreign};
use super::{Name, TEXTS, will};

/// How the members of a will start, as messages name them.
const IN_WILL: &str = "will.";

/// The names that an object may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Those of the parameters.
    Parameters,
    /// Those of the members of `will`, with `will.` in front.
    InWill,
}

impl Known {
    /// The tip for a name that another tool has. In a will, only a tip that names another member is of use.
    pub(crate) fn tip(self, name: &str) -> Option<Tip> {
        match self {
            Known::Parameters => foreign(name),
            Known::InWill => {
                let tip = foreign(name.strip_prefix(IN_WILL)?);
                tip.filter(|tip| matches!(tip, Tip::Called(called) if self.called(*called).is_some()))
            }
        }
    }

    /// The name among these that is the same as the parameter's.
    pub(crate) fn called(self, name: Name) -> Option<&'static str> {
        match self {
            Known::Parameters => Some(name.as_str()),
            Known::InWill => member(name.as_str()),
        }
    }

    /// The name that is nearest to `name`, as [`nearest`] finds it.
    pub fn nearest(self, name: &str) -> Option<&'static str> {
        match self {
            Known::Parameters => nearest(name, &TEXTS),
            Known::InWill => {
                let members = will::MEMBERS.map(|member| member.strip_prefix(IN_WILL).unwrap_or(member));
                member(nearest(name.strip_prefix(IN_WILL)?, &members)?)
            }
        }
    }
}

/// The member of a will that has this name behind `will.`.
fn member(name: &str) -> Option<&'static str> {
    will::MEMBERS.into_iter().find(|member| member.strip_prefix(IN_WILL) == Some(name))
}
