//! Walks the catalogue: hands the value of a parameter to the type that reads it; what is wrong with it becomes a problem.

use mqtt_connector_contract::publisher::Pem;

use crate::broker::pem;
use crate::catalogue::{ACTION, Kind, Name, Secrecy};
use crate::document::{Given, Merged};
use crate::json::Value;
use crate::message::content;
use crate::message::text::{MqttString, Password};
use crate::problem::{Got, Problem, Wants};

/// Where the values come from, and where the problems go.
pub(super) struct Reader<'m, 'p, 'a> {
    pub(super) merged: Merged<'m, 'a>,
    pub(super) problems: &'p mut Vec<Problem<'a>>,
}

/// Types that several parameters have are read by functions of their own, which are not inlined: the component would have a copy
/// of the generic [`Reader::value`] for each parameter.
impl<'a> Reader<'_, '_, 'a> {
    /// A parameter whose type says the first thing that is wrong with a value.
    pub(super) fn value<T>(
        &mut self,
        name: Name,
        read: impl FnOnce(Value<'a>) -> Result<T, Wants>,
    ) -> Option<T> {
        let given = self.merged.get(name)?;
        read(given.value).map_err(|wants| self.wrong(name, given, wants)).ok()
    }

    /// A parameter whose type reports by itself what is wrong with a value, which may be several things.
    pub(super) fn whole<T>(
        &mut self,
        name: Name,
        read: impl FnOnce(Given<'a>, &mut Vec<Problem<'a>>) -> T,
    ) -> Option<T> {
        Some(read(self.merged.get(name)?, self.problems))
    }

    pub(super) fn content(&mut self) -> Option<Vec<u8>> {
        let is_plain = self.merged.get(Name::Content)?.is_plain;
        self.value(Name::Content, |value| content::read(value, is_plain))
    }

    #[inline(never)]
    pub(super) fn string(&mut self, name: Name) -> Option<MqttString> {
        self.value(name, MqttString::read)
    }

    #[inline(never)]
    pub(super) fn password(&mut self, name: Name) -> Option<Password> {
        self.value(name, Password::read)
    }

    #[inline(never)]
    pub(super) fn pem(&mut self, name: Name) -> Option<Pem> {
        self.value(name, pem::read)
    }

    #[inline(never)]
    pub(super) fn boolean(&mut self, name: Name) -> Option<bool> {
        self.value(name, |value| Ok(value.boolean()?))
    }

    /// A whole number within the bounds that the catalogue gives it, which are within those of `T`.
    pub(super) fn integer<T: TryFrom<u32>>(&mut self, name: Name) -> Option<T> {
        T::try_from(self.whole_number(name)?).ok()
    }

    #[inline(never)]
    fn whole_number(&mut self, name: Name) -> Option<u32> {
        let Kind::Integer { minimum, maximum, unit } = name.parameter().kind else { return None };
        self.value(name, |value| {
            let number = value.whole_number().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (minimum..=maximum).contains(number));
            number.ok_or(Wants::WholeNumber { minimum, maximum, unit })
        })
    }

    /// Reads `action`, which may only name the one action that there is.
    pub(super) fn action(&mut self) {
        self.value(Name::Action, |value| match value.string().as_deref() {
            Ok(ACTION) => Ok(()),
            Ok(_) | Err(_) => Err(Wants::Constant(ACTION)),
        });
    }

    #[inline(never)]
    fn wrong(&mut self, name: Name, Given { value, source, .. }: Given<'a>, wants: Wants) {
        let got = match name.parameter().secrecy {
            Secrecy::Open => Got::open(value),
            Secrecy::Unshown | Secrecy::Secret => Got::secret(value),
        };
        self.problems.push(Problem::Wrong { name: name.as_str(), source, got, wants });
    }
}
