//! [`Both`]: a recorder that hands on to a meter of OpenTelemetry what another one is told.
//!
//! The crates that do so have other versions of OpenTelemetry, or a licence that is not among ours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::boundaries;

/// Hands on what it is told: to `first`, and to a meter.
pub(super) struct Both<R> {
    first: R,
    meter: Meter,
    described: Mutex<HashMap<KeyName, (Option<Unit>, SharedString)>>,
    /// What was asked for before is the same: it is asked for whenever something happens.
    counters: Mutex<HashMap<Key, Counter>>,
    gauges: Mutex<HashMap<Key, Gauge>>,
    histograms: Mutex<HashMap<Key, Histogram>>,
}

impl<R> Both<R> {
    pub(super) fn new(first: R, meter: Meter) -> Self {
        Self {
            first,
            meter,
            described: Mutex::default(),
            counters: Mutex::default(),
            gauges: Mutex::default(),
            histograms: Mutex::default(),
        }
    }

    fn describe(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        lock(&self.described).insert(key, (unit, description));
    }

    /// The name, the unit (UCUM) and the description of what has this key.
    fn described(&self, key: &Key) -> (String, &'static str, String) {
        let described = lock(&self.described);
        let (unit, description) = match described.get(key.name()) {
            Some((unit, description)) => (*unit, description.to_string()),
            None => (None, String::new()),
        };
        (key.name().to_owned(), unit.as_ref().map_or("", Unit::as_canonical_label), description)
    }
}

impl<R: Recorder> Recorder for Both<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(key.clone(), unit, description.clone());
        self.first.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(key.clone(), unit, description.clone());
        self.first.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(key.clone(), unit, description.clone());
        self.first.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let make = || {
            let (name, unit, description) = self.described(key);
            let counter = self.meter.u64_counter(name).with_unit(unit).with_description(description).build();
            let first = self.first.register_counter(key, metadata);
            Counter::from_arc(Arc::new(BothCounters {
                first,
                counter,
                labels: labels(key),
                highest: Mutex::new(0),
            }))
        };
        known(&self.counters, key, make)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        let make = || {
            let (name, unit, description) = self.described(key);
            let counter = self.meter.f64_up_down_counter(name);
            let counter = counter.with_unit(unit).with_description(description).build();
            let first = self.first.register_gauge(key, metadata);
            Gauge::from_arc(Arc::new(BothGauges {
                first,
                counter,
                labels: labels(key),
                value: Mutex::new(0.0),
            }))
        };
        known(&self.gauges, key, make)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        let make = || {
            let (name, unit, description) = self.described(key);
            let boundaries = boundaries(&name);
            let mut histogram = self.meter.f64_histogram(name).with_unit(unit).with_description(description);
            if let Some(boundaries) = boundaries {
                histogram = histogram.with_boundaries(boundaries);
            }
            let first = self.first.register_histogram(key, metadata);
            let histogram = histogram.build();
            Histogram::from_arc(Arc::new(BothHistograms { first, histogram, labels: labels(key) }))
        };
        known(&self.histograms, key, make)
    }
}

/// What has this key; made when it is asked for the first time.
fn known<T: Clone>(all: &Mutex<HashMap<Key, T>>, key: &Key, make: impl FnOnce() -> T) -> T {
    let mut all = lock(all);
    if let Some(known) = all.get(key) {
        return known.clone();
    }
    all.entry(key.clone()).or_insert_with(make).clone()
}

fn labels(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct BothCounters {
    first: Counter,
    counter: opentelemetry::metrics::Counter<u64>,
    labels: Vec<KeyValue>,
    /// The highest absolute value.
    highest: Mutex<u64>,
}

impl CounterFn for BothCounters {
    fn increment(&self, value: u64) {
        self.first.increment(value);
        self.counter.add(value, &self.labels);
    }

    fn absolute(&self, value: u64) {
        self.first.absolute(value);
        let mut highest = lock(&self.highest);
        self.counter.add(value.saturating_sub(*highest), &self.labels);
        *highest = value.max(*highest);
    }
}

/// A meter has a counter that goes up and down for what a gauge is here.
struct BothGauges {
    first: Gauge,
    counter: opentelemetry::metrics::UpDownCounter<f64>,
    labels: Vec<KeyValue>,
    value: Mutex<f64>,
}

impl BothGauges {
    fn go(&self, to: impl FnOnce(f64) -> f64) {
        let mut value = lock(&self.value);
        let before = *value;
        *value = to(before);
        self.counter.add(*value - before, &self.labels);
    }
}

impl GaugeFn for BothGauges {
    fn increment(&self, value: f64) {
        self.first.increment(value);
        self.go(|before| before + value);
    }

    fn decrement(&self, value: f64) {
        self.first.decrement(value);
        self.go(|before| before - value);
    }

    fn set(&self, value: f64) {
        self.first.set(value);
        self.go(|_| value);
    }
}

struct BothHistograms {
    first: Histogram,
    histogram: opentelemetry::metrics::Histogram<f64>,
    labels: Vec<KeyValue>,
}

impl HistogramFn for BothHistograms {
    fn record(&self, value: f64) {
        self.first.record(value);
        self.histogram.record(value, &self.labels);
    }
}
