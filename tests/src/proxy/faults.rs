//! What a [`Proxy`](super::Proxy) does wrong, and how often.

use std::time::Duration;

use fastrand::Rng;

/// What a [`Proxy`](super::Proxy) does wrong, and how often.
///
/// Each direction of a connection meets one event after another. Before each, a random number of bytes passes, from 1
/// to [`reach_to_broker`](Self::reach_to_broker) or [`reach_to_client`](Self::reach_to_client), with small numbers as
/// likely as large ones (1 to 10 as 10 to 100): so events come in the midst of packets, and between them. What the
/// event is, the probabilities say, which together are 1 at most; what is left to 1 is an event at which nothing
/// happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Probability that the connection is cut at once: with FIN or RST on either side, as likely as not. The broker
    /// hears of it at the same moment, or up to [`longest_hold`](Self::longest_hold) later.
    pub cut: f64,
    /// Probability that this direction ends unseen: its bytes are swallowed, the other direction goes on, and after up
    /// to [`longest_hold`](Self::longest_hold) the connection is cut. From broker to client: the broker has the
    /// message, and the client never hears of it.
    pub swallow: f64,
    /// Probability that this direction stands still, for up to [`longest_stall`](Self::longest_stall).
    pub stall: f64,
    /// Probability that this direction pauses, for up to 20 ms.
    pub delay: f64,
    /// Probability that until the next event bytes pass in pieces of some hundred, with pauses of up to 2 ms.
    pub throttle: f64,
    /// Probability that until the next event bytes pass in pieces of 1 to 8, each in a segment of its own.
    pub split: f64,
    /// Probability, for each connection, that further ones are refused for a while after it.
    pub outage: f64,
    /// The longest time that connections are refused.
    pub longest_outage: Duration,
    /// The longest time that one direction stands still.
    pub longest_stall: Duration,
    /// The longest time between the first sign of a cut and the end of the connection at the other side.
    pub longest_hold: Duration,
    /// The most bytes between two events on the way to the broker.
    pub reach_to_broker: u32,
    /// The most bytes between two events on the way to the client, to whom a broker says little: acknowledgements have
    /// 2 to 4.
    pub reach_to_client: u32,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            cut: 0.0,
            swallow: 0.0,
            stall: 0.0,
            delay: 0.0,
            throttle: 0.0,
            split: 0.0,
            outage: 0.0,
            longest_outage: Duration::from_millis(300),
            longest_stall: Duration::from_secs(1),
            longest_hold: Duration::from_millis(500),
            reach_to_broker: 64 * 1024,
            reach_to_client: 256,
        }
    }

    /// What the next event is.
    pub(super) fn draw(&self, random: &mut Rng) -> Event {
        let mut left = random.f64();
        let kinds = [
            (self.cut, Event::Cut),
            (self.swallow, Event::Swallow),
            (self.stall, Event::Stall),
            (self.delay, Event::Delay),
            (self.throttle, Event::Throttle),
            (self.split, Event::Split),
        ];
        for (probability, event) in kinds {
            if left < probability {
                return event;
            }
            left -= probability;
        }
        Event::Nothing
    }
}

/// A bad network that most messages get through.
impl Default for Faults {
    fn default() -> Self {
        Self {
            cut: 0.05,
            swallow: 0.03,
            stall: 0.02,
            delay: 0.15,
            throttle: 0.1,
            split: 0.15,
            outage: 0.005,
            ..Self::none()
        }
    }
}

/// What happens to one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Nothing,
    Cut,
    Swallow,
    Stall,
    Delay,
    Throttle,
    Split,
}

/// 1 to `most`, with each power of ten as likely.
pub(super) fn up_to(random: &mut Rng, most: u32) -> usize {
    f64::from(most.max(1)).powf(random.f64()) as usize
}

/// From nothing to all of `longest`.
pub(super) fn some_of(random: &mut Rng, longest: Duration) -> Duration {
    longest.mul_f64(random.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        let draw = |seed| {
            let mut random = Rng::with_seed(seed);
            let faults = Faults::default();
            let events = (0..200).map(|_| (up_to(&mut random, 64 * 1024), faults.draw(&mut random)));
            events.collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let kinds = [Event::Nothing, Event::Cut, Event::Swallow, Event::Stall, Event::Delay, Event::Throttle];
        for kind in kinds.into_iter().chain([Event::Split]) {
            assert!(draw(7).iter().any(|(_, event)| *event == kind), "{kind:?}");
        }
    }

    #[test]
    fn bytes_between_events_stay_within_reach() {
        let mut random = Rng::with_seed(1);
        let drawn: Vec<usize> = (0..1000).map(|_| up_to(&mut random, 256)).collect();
        assert!(drawn.iter().all(|bytes| (1..=256).contains(bytes)));
        assert!(drawn.contains(&1) && drawn.iter().any(|bytes| *bytes > 200));
        assert_eq!(up_to(&mut random, 0), 1);
    }
}
