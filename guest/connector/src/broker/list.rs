//! The brokers of a send: one, or several that are tried in order.

use mqtt_connector_contract::publisher::{Broker, Transport};
use mqtt_connector_contract::white_space::Stray;

use super::url::{BrokerUrl, Scheme};
use crate::document::Given;
use crate::json::{JsonType, Value};
use crate::problem::{BrokerFault, Got, Problem, Wants};
use crate::vendor::{self, BrokerVendor, Vendors};

/// The most brokers that one send may have.
pub const MAX_BROKERS: usize = 16;

/// 1 to [`MAX_BROKERS`] brokers, none of them twice, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brokers {
    urls: Vec<BrokerUrl>,
    // Each message of a batch asks for these.
    schemes: Schemes,
    vendors: Vendors,
}

impl Brokers {
    /// Reads `broker`: a URL, or a list of URLs.
    ///
    /// What is wrong with any of them goes to `problems`; then there are no brokers. A text that may hold a password is
    /// not shown.
    pub fn read<'a>(given: Given<'a>, problems: &mut Vec<Problem<'a>>) -> Option<Brokers> {
        let Given { value, source, .. } = given;
        let before = problems.len();
        let mut brokers = Vec::with_capacity(1);
        let mut wrong = |got, wants| problems.push(Problem::Wrong { name: "broker", source, got, wants });
        if value.json_type() == JsonType::String {
            match read_one(value, &brokers) {
                Ok(broker) => brokers.push(broker),
                Err((got, Wrong::Url(fault))) => wrong(got, Wants::Broker(fault)),
                Err((got, Wrong::WhiteSpace(stray))) => wrong(got, Wants::NoWhiteSpace(stray)),
            }
        } else if let Ok(entries) = value.list() {
            let mut count = 0;
            for entry in entries {
                count += 1;
                if count > MAX_BROKERS {
                    continue;
                }
                match read_one(entry, &brokers) {
                    Ok(broker) => brokers.push(broker),
                    Err((got, Wrong::Url(fault))) => wrong(got, Wants::BrokerEntry { place: count, fault }),
                    Err((got, Wrong::WhiteSpace(stray))) => {
                        wrong(got, Wants::NoWhiteSpaceInEntry { place: count, stray });
                    }
                }
            }
            if !(1..=MAX_BROKERS).contains(&count) {
                wrong(Got::open(value), Wants::BrokerCount { count, maximum: MAX_BROKERS });
            }
        } else {
            wrong(Got::open(value), Wants::BrokerOrBrokers { maximum: MAX_BROKERS });
        }
        (problems.len() == before).then(|| Brokers::new(brokers))
    }

    fn new(urls: Vec<BrokerUrl>) -> Self {
        let schemes = Schemes::of(urls.iter().map(BrokerUrl::scheme));
        let vendors = Vendors::of(urls.iter().map(BrokerUrl::host));
        Brokers { urls, schemes, vendors }
    }

    /// The brokers.
    pub fn as_slice(&self) -> &[BrokerUrl] {
        &self.urls
    }

    /// How the brokers' URLs start.
    pub fn schemes(&self) -> Schemes {
        self.schemes
    }

    /// Whether the connection to one of them is encrypted.
    pub fn any_tls(&self) -> bool {
        self.urls.iter().any(|broker| broker.scheme().is_tls())
    }

    /// Whether the connection to each of them is encrypted.
    pub fn all_tls(&self) -> bool {
        self.urls.iter().all(|broker| broker.scheme().is_tls())
    }

    /// Whether one of them is reached through a WebSocket.
    pub fn any_websocket(&self) -> bool {
        self.urls.iter().any(|broker| broker.scheme().is_websocket())
    }

    /// The vendors of the brokers; the rules of each of them hold.
    pub fn vendors(&self) -> Vendors {
        self.vendors
    }

    /// Whether one of them is AWS IoT where it tells MQTT from other protocols by ALPN.
    pub fn any_by_alpn(&self) -> bool {
        self.urls.iter().any(|broker| {
            broker.scheme().transport() == Transport::Tls
                && broker.port() == vendor::ALPN_PORT
                && BrokerVendor::of(broker.host()) == Some(BrokerVendor::AwsIot)
        })
    }

    /// The brokers as the contract has them.
    pub fn to_wire(&self) -> Vec<Broker> {
        self.urls.iter().cloned().map(BrokerUrl::into_wire).collect()
    }
}

/// What is wrong with the text of one broker.
enum Wrong {
    WhiteSpace(Stray),
    Url(BrokerFault),
}

fn read_one<'a>(value: Value<'a>, others: &[BrokerUrl]) -> Result<BrokerUrl, (Got<'a>, Wrong)> {
    let url = value.string().map_err(|_| (Got::open(value), Wrong::Url(BrokerFault::NoText)))?;
    if let Some(stray) = Stray::find(&url) {
        return Err((Got::url(value, &url), Wrong::WhiteSpace(stray)));
    }
    let read = match BrokerUrl::parse(&url) {
        Ok(broker) if others.iter().any(|other| broker.is_same(other)) => Err(BrokerFault::Repeated),
        read => read,
    };
    read.map_err(|fault| (Got::url(value, &url), Wrong::Url(fault)))
}

/// How the URLs of up to [`MAX_BROKERS`] brokers start, in order; small, because each message of a batch has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schemes(u64);

/// Bits for a scheme.
const BITS: usize = 3;

const _: () = assert!(Scheme::ALL.len() <= 1 << BITS && MAX_BROKERS * BITS <= u64::BITS as usize);

impl Schemes {
    /// Bits of those of [`MAX_BROKERS`] brokers.
    pub(crate) const BITS: usize = MAX_BROKERS * BITS;

    pub(crate) fn of(schemes: impl Iterator<Item = Scheme>) -> Self {
        let bits = schemes.enumerate().map(|(index, scheme)| (scheme as u64) << (index * BITS));
        Schemes(bits.fold(0, |all, scheme| all | scheme))
    }

    /// The schemes as a number with [`BITS`](Self::BITS) bits.
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    /// The schemes that the last [`BITS`](Self::BITS) bits are.
    pub(crate) fn of_bits(bits: u64) -> Self {
        Schemes(bits & ((1 << Self::BITS) - 1))
    }

    /// The scheme of the broker with this index.
    pub fn get(self, index: usize) -> Scheme {
        let scheme = self.0.checked_shr((index * BITS) as u32).unwrap_or(0) & ((1 << BITS) - 1);
        Scheme::ALL.get(scheme as usize).copied().unwrap_or(Scheme::Tcp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_kept_in_order() {
        let all = Scheme::ALL.into_iter().chain(Scheme::ALL.into_iter().rev()).chain([Scheme::Wss; 2]);
        let all: Vec<Scheme> = all.collect();
        assert_eq!(all.len(), MAX_BROKERS);
        let schemes = Schemes::of(all.iter().copied());
        for (index, scheme) in all.into_iter().enumerate() {
            assert_eq!(schemes.get(index), scheme, "{index}");
        }
        assert_eq!(schemes.get(usize::MAX / BITS), Scheme::Tcp);
    }
}
