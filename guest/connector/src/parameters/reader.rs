//! Reads the value of a parameter; what is wrong with it becomes a problem.

use super::{ACTION, Kind, Name, ProtocolVersion, Secrecy};
use crate::confidential::Pem;
use crate::document::Source;
use crate::merge::{Given, Merged};
use crate::pem;
use crate::problem::Problem;
use crate::proxy::{self, ProxyUrl};
use crate::text::{MqttString, Password};
use crate::topic::Topic;
use crate::value::{Got, Value};
use crate::wants::Wants;

/// Where the values come from, and where the problems go.
pub(super) struct Reader<'m, 'p, 'a> {
    pub(super) merged: Merged<'m, 'a>,
    pub(super) problems: &'p mut Vec<Problem<'a>>,
}

/// A function for each type that several parameters have: what is generic is in the component once for each use.
impl<'a> Reader<'_, '_, 'a> {
    pub(super) fn read<T>(
        &mut self,
        name: Name,
        read: impl FnOnce(Value<'a>) -> Result<T, Wants>,
    ) -> Option<T> {
        let Given { value, source } = self.merged.get(name)?;
        match read(value) {
            Ok(right) => Some(right),
            Err(wants) => {
                self.wrong_value(name, Given { value, source }, wants);
                None
            }
        }
    }

    #[inline(never)]
    pub(super) fn read_string(&mut self, name: Name) -> Option<MqttString> {
        self.read(name, |value| MqttString::new(value.string()?))
    }

    #[inline(never)]
    pub(super) fn read_password(&mut self, name: Name) -> Option<Password> {
        self.read(name, |value| Password::new(value.string()?))
    }

    #[inline(never)]
    pub(super) fn read_topic(&mut self, name: Name) -> Option<Topic> {
        self.read(name, |value| Topic::new(value.string()?))
    }

    #[inline(never)]
    pub(super) fn read_pem(&mut self, name: Name) -> Option<Pem> {
        self.read(name, |value| pem::read(value.string()?))
    }

    #[inline(never)]
    pub(super) fn read_boolean(&mut self, name: Name) -> Option<bool> {
        self.read(name, Value::boolean)
    }

    pub(super) fn read_action(&mut self) {
        self.read(Name::Action, |value| match value.string().as_deref() {
            Ok(ACTION) => Ok(()),
            Ok(_) | Err(_) => Err(Wants::Constant(ACTION)),
        });
    }

    pub(super) fn read_version(&mut self) -> Option<ProtocolVersion> {
        self.read(Name::ProtocolVersion, |value| match value.string().as_deref() {
            Ok("3.1.1") => Ok(ProtocolVersion::V311),
            Ok("5") => Ok(ProtocolVersion::V5),
            Ok(_) | Err(_) => Err(Wants::ProtocolVersion),
        })
    }

    #[inline(never)]
    fn wrong_value(&mut self, name: Name, given: Given<'a>, wants: Wants) {
        let got = match name.parameter().secrecy {
            Secrecy::Open => Got::open(given.value),
            Secrecy::Unshown | Secrecy::Secret => Got::secret(given.value),
        };
        self.wrong(name, given.source, got, wants);
    }

    fn wrong(&mut self, name: Name, source: Source, got: Got<'a>, wants: Wants) {
        self.problems.push(Problem::Wrong { name: name.as_str(), source, got, wants });
    }

    pub(super) fn read_proxy(&mut self) -> Option<ProxyUrl> {
        let Given { value, source } = self.merged.get(Name::Proxy)?;
        let read = proxy::read(value);
        read.map_err(|(got, wants)| self.wrong(Name::Proxy, source, got, wants)).ok()
    }

    pub(super) fn read_integer<T: TryFrom<u32>>(&mut self, name: Name) -> Option<T> {
        T::try_from(self.read_u32(name)?).ok()
    }

    #[inline(never)]
    pub(super) fn read_u32(&mut self, name: Name) -> Option<u32> {
        let Kind::Integer { minimum, maximum, unit } = name.parameter().kind else { return None };
        self.read(name, |value| {
            let number = value.whole_number().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (minimum..=maximum).contains(number));
            number.ok_or(Wants::WholeNumber { minimum, maximum, unit })
        })
    }
}
