//! How a soak ended, and what of it must not be.

use std::fmt;
use std::time::Duration;

use mqtt_connector_tests::proxy::Happened;

use super::ledger::Row;
use super::over_time::OverTime;
use super::resources::Resources;

/// Exit codes that a bad network and a broker that comes and goes explain: sent, server unavailable, unreachable, lost,
/// timed out, uncertain, server shutting down (MQTT 5).
const EXPLAINED: [i16; 7] = [0, 3, 69, 74, 75, 79, 139];

/// How a soak ended.
pub(crate) struct Report {
    pub(super) seed: u64,
    pub(super) wanted: usize,
    pub(super) took: Duration,
    pub(super) restarts: usize,
    pub(super) freezes: usize,
    pub(super) happened: Happened,
    /// What the process had, and when.
    pub(super) resources: [(&'static str, Resources); 4],
    pub(super) rows: Vec<Row>,
    pub(super) over_time: OverTime,
    pub(super) offenders: Vec<String>,
    pub(super) problems: Vec<String>,
    pub(super) subscriptions: usize,
}

impl Report {
    /// What breaks a promise, one line each; nothing when all is well.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |count: usize, what: String| {
            if count > 0 {
                wrong.push(format!("{count} {what}"));
            }
        };
        for row in &self.rows {
            let name = row.kind.name;
            if row.kind.certain {
                check(row.missing, format!("messages of QoS {name} were answered with 0 and did not arrive"));
            }
            check(
                row.denied,
                format!("messages of QoS {name} were said not to have been delivered, and arrived"),
            );
            if row.kind.once {
                check(row.repeated, format!("messages of QoS {name} arrived more than once"));
            }
            for (code, count) in row.answers.iter().filter(|(code, _)| !EXPLAINED.contains(code)) {
                check(
                    *count,
                    format!("messages of QoS {name} were answered with {code}, which nothing explains"),
                );
            }
        }
        check(self.problems.len(), format!("things went wrong at the subscriber: {:?}", self.problems));
        let [(_, before), .., (_, after)] = &self.resources;
        check(after.tasks.saturating_sub(before.tasks), "tasks were left at the end".to_owned());
        let descriptors = after.descriptors.saturating_sub(before.descriptors);
        check(descriptors, "descriptors were left open at the end".to_owned());
        // A soak in which nothing went wrong proves nothing.
        let total = |code| self.rows.iter().map(|row| row.answered(code)).sum::<usize>();
        let Happened { cuts, swallows, stalls, .. } = self.happened;
        let needed = [
            (cuts, "connection was cut"),
            (swallows, "acknowledgement was swallowed"),
            (stalls, "connection stood still"),
            (self.restarts, "restart of the broker was met"),
            (self.subscriptions - 1, "subscriber had to connect again"),
            (total(0), "message was answered with 0"),
            (total(79), "message was answered with 79"),
        ];
        for (count, what) in needed {
            check(usize::from(count == 0), format!("thing that this depends on did not happen: no {what}"));
        }
        wrong
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, wanted, happened, .. } = self;
        let sent: usize = self.rows.iter().map(|row| row.sent).sum();
        writeln!(f, "seed {seed}: {sent} of {wanted} sends in {:.1} s", self.took.as_secs_f64())?;
        writeln!(
            f,
            "broker: {} restarts, {} freezes; network: {} connections, {} cut, {} swallowed and cut, {} stalls, {} outages",
            self.restarts,
            self.freezes,
            happened.connections,
            happened.cuts,
            happened.swallows,
            happened.stalls,
            happened.outages
        )?;
        writeln!(
            f,
            "[…] must be 0. QoS 0 promises \"written\": what the network then loses is no lie, and is not judged."
        )?;
        writeln!(
            f,
            "{:<13}{:>8}{:>10}{:>10}{:>12}{:>9}{:>16}{:>24}{:>12}",
            "QoS",
            "sent",
            "answer 0",
            "answer 79",
            "other",
            "arrived",
            "0, not arrived",
            "not delivered, arrived",
            "repeated"
        )?;
        for row in &self.rows {
            let (zero, uncertain) = (row.answered(0), row.answered(79));
            let judged =
                |count: usize, judged: bool| if judged { format!("[{count}]") } else { count.to_string() };
            writeln!(
                f,
                "{:<13}{:>8}{zero:>10}{uncertain:>10}{:>12}{:>9}{:>16}{:>24}{:>12}",
                row.kind.name,
                row.sent,
                row.sent - zero - uncertain,
                row.arrived,
                judged(row.missing, row.kind.certain),
                judged(row.denied, true),
                judged(row.repeated, row.kind.once),
            )?;
        }
        let mut codes = std::collections::BTreeMap::<i16, usize>::new();
        for (code, count) in self.rows.iter().flat_map(|row| &row.answers) {
            *codes.entry(*code).or_default() += count;
        }
        writeln!(f, "answers by exit code: {codes:?}")?;
        writeln!(f, "{:<24}{:>12}{:>14}{:>8}", "this process", "memory, KiB", "descriptors", "tasks")?;
        for (when, Resources { memory, descriptors, tasks }) in &self.resources {
            writeln!(f, "{when:<24}{memory:>12}{descriptors:>14}{tasks:>8}")?;
        }
        self.offenders.iter().try_for_each(|offender| writeln!(f, "{offender}"))?;
        write!(f, "\n{}", self.over_time)
    }
}
