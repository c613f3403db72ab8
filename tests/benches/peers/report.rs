//! What is shown: tables that are as good on a terminal as in the report, which is Markdown.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};

use crate::bound::beside_bound;
use crate::measure::{Bound, Case, Target, Unit};
use crate::plot;
use crate::settings::Settings;

/// One of the sections.
pub(crate) struct Section {
    /// Of its plots' files, too.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// How it was measured.
    pub(crate) about: String,
    pub(crate) cases: Vec<Case>,
    pub(crate) targets: Vec<Target>,
    /// What else is to be known, a line each.
    pub(crate) notes: Vec<String>,
}

impl Section {
    /// As Markdown, without plots.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("## {}\n\n{}\n", self.title, self.about);
        if !self.cases.is_empty() {
            text.push_str(&table(&self.rows()));
        }
        text.push_str(&targets(&self.targets));
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }

    /// How many of its targets are met, on a line.
    pub(crate) fn verdict(&self) -> String {
        let met = self.targets.iter().filter(|target| target.met()).count();
        format!("{}: {met} met, {} missed", self.name, self.targets.len() - met)
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let head = ["case", "way", "unit", "median", "quartiles", "p99", "n", "× last", "quartiles"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for case in &self.cases {
            let Some(peer) = case.ways.last() else { continue };
            for way in &case.ways {
                // Of throughput, the bad end is the low one.
                let worst = if case.unit == Unit::Rate { 0.01 } else { 0.99 };
                let ratio = case.ratio(&way.name, &peer.name).unwrap_or(f64::NAN);
                let spread = way.spread(peer).map(|[low, high]| format!("{low:.2} to {high:.2}"));
                rows.push(vec![
                    case.name.clone(),
                    way.name.clone(),
                    case.unit.name().to_owned(),
                    number(way.quantile(0.5)),
                    format!("{} to {}", number(way.quantile(0.25)), number(way.quantile(0.75))),
                    number(way.quantile(worst)),
                    way.values.len().to_string(),
                    format!("{ratio:.2}"),
                    spread.unwrap_or_default(),
                ]);
            }
        }
        rows
    }
}

/// The promises, and whether they were kept.
pub(crate) fn targets(targets: &[Target]) -> String {
    if targets.is_empty() {
        return String::new();
    }
    let mut rows = vec![["target", "bound", "measured", ""].map(str::to_owned).to_vec()];
    for target in targets {
        let bound = match target.bound {
            Bound::AtMost(bound) => format!("≤ {bound}"),
            Bound::AtLeast(bound) => format!("≥ {bound}"),
        };
        let met = if target.met() { "met" } else { "missed" };
        rows.push(vec![target.what.clone(), bound, format!("{:.2}", target.measured), met.to_owned()]);
    }
    table(&rows)
}

/// Each target as a bar: how much of its bound it takes, which is in the middle. What ends before that is met.
pub(crate) fn glance(sections: &[Section]) -> String {
    let targets: Vec<_> = sections.iter().flat_map(|section| &section.targets).collect();
    if targets.is_empty() {
        return String::new();
    }
    let met = targets.iter().filter(|target| target.met()).count();
    let shown = |what: &str| what.chars().take(64).collect::<String>();
    let width = targets.iter().map(|target| shown(&target.what).chars().count()).max().unwrap_or(0);
    let mut text =
        format!("{met} of {} targets are met. A bar that ends before │ meets its bound.\n\n", targets.len());
    for target in targets {
        let (share, bound) = match target.bound {
            Bound::AtMost(bound) => (target.measured / bound, format!("≤ {bound}")),
            Bound::AtLeast(bound) => (bound / target.measured, format!("≥ {bound}")),
        };
        let verdict = if target.met() { "met" } else { "missed" };
        let _ = writeln!(
            text,
            "{:<width$} {} {:>8.2} {bound:<8} {verdict}",
            shown(&target.what),
            beside_bound(share),
            target.measured
        );
    }
    text
}

/// Writes the report and its plots into `directory`.
pub(crate) fn write(directory: &Path, head: &str, sections: &[Section]) {
    fs::create_dir_all(directory).unwrap();
    let mut text = head.to_owned();
    text.push_str("\n## Targets\n");
    text.extend(sections.iter().map(|section| targets(&section.targets)));
    for section in sections {
        let _ = write!(text, "\n{}", section.text());
        for (name, file) in plot::draw(directory, section) {
            let _ = write!(text, "\n![{name}]({file})\n");
        }
    }
    fs::write(directory.join("report.md"), text).unwrap();
}

/// Where and when, and what was measured.
pub(crate) fn head(settings: &Settings, broker: &str) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_matches([' ', '\t', ':']);
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let versions = [
        format!(
            "mqtt-connector {} at {}",
            env!("CARGO_PKG_VERSION"),
            output("git", &["describe", "--always", "--dirty"])
        ),
        broker.to_owned(),
        format!("rumqttc-v4-next {}", locked("rumqttc-v4-next")),
        format!("wasmtime {}", locked("wasmtime")),
        output("rustc", &["--version"]),
    ];
    let mut text = "# mqtt-connector beside its peers\n\n".to_owned();
    let _ = writeln!(
        text,
        "- {}, started by `{}`",
        output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        settings.shown()
    );
    let _ = writeln!(
        text,
        "- {cores} cores to run on, {cpu}, Linux {}",
        read("/proc/sys/kernel/osrelease").trim()
    );
    let _ = writeln!(text, "- {}", versions.join(", "));
    let _ = writeln!(text, "- load when it began: {}", load());
    text
}

/// The load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The version of a crate in the lock file.
fn locked(name: &str) -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let from = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |(_, from)| from);
    from.split_once('"').map_or("", |(version, _)| version)
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Three digits, or all before the point.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A table of Markdown whose columns stand below each other.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = "\n".to_owned();
    for (index, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if index == 0 {
            text.extend(widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))));
            text.push_str("|\n");
        }
    }
    text
}
