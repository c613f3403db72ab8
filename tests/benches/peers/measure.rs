//! Measuring several ways of doing one thing, in turns, and what there is to say of the numbers.

/// What the numbers of a case are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Microseconds,
    /// Thousand messages in a second.
    Rate,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Rate => "thousand messages/s",
        }
    }
}

/// One thing that is done in several ways.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) ways: Vec<Way>,
}

/// A way of doing it, and what was measured, in the order in which it was.
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

/// Does it once or several times, and appends what that took, in the unit of the case.
pub(crate) type Measured<'a> = Box<dyn FnMut(&mut Vec<f64>) + 'a>;

impl Case {
    /// Measures each way once per round, in turns (A B C A B C …), so that what else the machine does meets all of them;
    /// one round before that does not count.
    pub(crate) fn measure(
        name: impl Into<String>,
        unit: Unit,
        rounds: usize,
        mut ways: Vec<(&str, Measured<'_>)>,
    ) -> Self {
        let name = name.into();
        eprintln!("bench: {name}");
        let mut values = vec![Vec::new(); ways.len()];
        for round in 0..=rounds {
            for ((_, way), values) in ways.iter_mut().zip(&mut values) {
                way(values);
                if round == 0 {
                    values.clear();
                }
            }
        }
        let ways = ways.iter().zip(values);
        let ways = ways.map(|((name, _), values)| Way { name: (*name).to_owned(), values }).collect();
        Self { name, unit, ways }
    }

    /// The way called `name`.
    pub(crate) fn way(&self, name: &str) -> Option<&Way> {
        self.ways.iter().find(|way| way.name == name)
    }

    /// How many times as much (time, or messages) one way takes as the other: the ratio of the medians.
    pub(crate) fn ratio(&self, way: &str, peer: &str) -> Option<f64> {
        Some(self.way(way)?.quantile(0.5) / self.way(peer)?.quantile(0.5))
    }
}

impl Way {
    /// The value that the share `q` of all is below; 0.5 is the median.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        quantile(&self.values, q)
    }

    /// Quartiles of the ratios to `peer`, each with what was measured beside it; `None` where there is no such thing.
    pub(crate) fn spread(&self, peer: &Self) -> Option<[f64; 2]> {
        if self.values.len() != peer.values.len() {
            return None;
        }
        let ratios: Vec<_> = self.values.iter().zip(&peer.values).map(|(own, peer)| own / peer).collect();
        Some([quantile(&ratios, 0.25), quantile(&ratios, 0.75)])
    }
}

/// The value that the share `q` of `values` is below.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((sorted.len().saturating_sub(1)) as f64 * q).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// A promise about a case, and whether it was kept.
pub(crate) struct Target {
    /// What is promised, in words.
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) bound: Bound,
}

/// Which side of a number is right.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// `way` against `peer`, as a multiple of it; nothing where one of them was not measured.
    pub(crate) fn ratio(case: &Case, way: &str, peer: &str, bound: Bound) -> Option<Self> {
        let what = format!("{}: {way}, × {peer}", case.name);
        case.ratio(way, peer).map(|measured| Self { what, measured, bound })
    }

    /// Whether it was kept.
    pub(crate) fn met(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.measured <= bound,
            Bound::AtLeast(bound) => self.measured >= bound,
        }
    }
}
