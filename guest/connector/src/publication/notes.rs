//! [`Remarks`] as two numbers: the contract's `notes`, which a host keeps between `prepare` and `conclude`.

use super::Remarks;
use crate::broker::Schemes;
use crate::catalogue::Names;
use crate::document::Source;
use crate::vendor::BrokerVendor;

/// Where the single remarks begin in the second number, behind [`Schemes`].
const SINGLE: usize = Schemes::BITS;

/// The sources of user name and password, each with two bits behind the four flags; and the vendor, with what is left.
const USERNAME: usize = SINGLE + 4;
const PASSWORD: usize = USERNAME + 2;
const VENDOR: usize = PASSWORD + 2;

const _: () = assert!(BrokerVendor::ALL.len() < 1 << (u64::BITS as usize - VENDOR));

impl Remarks {
    /// The remarks as numbers.
    pub fn to_notes(self) -> (u64, u64) {
        let Self {
            schemes,
            lowered,
            will_lowered,
            vendor,
            not_retained,
            unused_certificate,
            given,
            username,
            password,
        } = self;
        let flags = [lowered, will_lowered, not_retained, unused_certificate];
        let flags = flags.into_iter().enumerate().map(|(at, flag)| u64::from(flag) << (SINGLE + at));
        let vendor = vendor.map_or(0, |vendor| vendor as u64 + 1) << VENDOR;
        let sources = of_source(username) << USERNAME | of_source(password) << PASSWORD;
        (given.to_bits(), flags.fold(schemes.to_bits() | sources | vendor, |all, flag| all | flag))
    }

    /// The remarks that are these numbers. Of numbers that none are, the part that is one.
    pub fn of_notes((given, rest): (u64, u64)) -> Self {
        let flag = |at| rest & (1_u64 << (SINGLE + at)) != 0;
        let vendor = usize::try_from(rest >> VENDOR).ok().and_then(|number| number.checked_sub(1));
        Self {
            schemes: Schemes::of_bits(rest),
            lowered: flag(0),
            will_lowered: flag(1),
            vendor: vendor.and_then(|at| BrokerVendor::ALL.get(at).copied()),
            not_retained: flag(2),
            unused_certificate: flag(3),
            given: Names::of_bits(given),
            username: to_source(rest >> USERNAME),
            password: to_source(rest >> PASSWORD),
        }
    }
}

fn of_source(source: Option<Source>) -> u64 {
    match source {
        None => 0,
        Some(Source::Configuration) => 1,
        Some(Source::Request) => 2,
    }
}

/// What the last two bits are.
fn to_source(bits: u64) -> Option<Source> {
    match bits & 0b11 {
        1 => Some(Source::Configuration),
        2 => Some(Source::Request),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Scheme;

    #[test]
    fn remarks_come_back_as_they_were() {
        let all = [Scheme::Wss; crate::broker::MAX_BROKERS];
        let none = Remarks::of_notes((0, 0));
        let sources = [None, Some(Source::Configuration), Some(Source::Request)];
        let mut seen = Vec::new();
        for remarks in [
            none,
            Remarks { schemes: Schemes::of(all.into_iter()), ..none },
            Remarks { lowered: true, ..none },
            Remarks { will_lowered: true, ..none },
            Remarks { not_retained: true, ..none },
            Remarks { unused_certificate: true, ..none },
            Remarks { given: Names::ALL, ..none },
        ]
        .into_iter()
        .chain(BrokerVendor::ALL.map(|vendor| Remarks { vendor: Some(vendor), ..none }))
        .chain(sources[1..].iter().map(|source| Remarks { username: *source, ..none }))
        .chain(sources[1..].iter().map(|source| Remarks { password: *source, ..none }))
        {
            let notes = remarks.to_notes();
            assert_eq!(Remarks::of_notes(notes), remarks);
            assert!(!seen.contains(&notes), "{remarks:?}");
            seen.push(notes);
        }
        let everything = Remarks::of_notes((u64::MAX, u64::MAX));
        assert_eq!(Remarks::of_notes(everything.to_notes()), everything);
    }
}
