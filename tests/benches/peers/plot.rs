//! The plots of the report, as SVG: how times are distributed, and throughput.

use std::path::Path;

use plotters::prelude::{
    BLACK, ChartBuilder, Color as _, IntoDrawingArea as _, IntoFont as _, LineSeries, PathElement, RGBColor,
    Rectangle, SVGBackend, Text, WHITE,
};

use crate::measure::{Case, Unit};
use crate::report::Section;

const COLORS: [RGBColor; 6] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xff, 0x7f, 0x0e),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8c, 0x56, 0x4b),
];

/// Draws the cases of a section; says what each plot shows, and its file in `directory`.
pub(crate) fn draw(directory: &Path, section: &Section) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (index, case) in section.cases.iter().enumerate() {
        let file = format!("{}-{}.svg", section.name, index + 1);
        let path = directory.join(&file);
        if case.unit == Unit::Rate {
            throughput(&path, case);
        } else {
            distribution(&path, case);
        }
        files.push((case.name.clone(), file));
    }
    files
}

/// The share of all that took no longer than so long, up to the slowest 1 %.
fn distribution(path: &Path, case: &Case) {
    let longest = case.ways.iter().map(|way| way.quantile(0.99)).fold(0.0, f64::max);
    let area = SVGBackend::new(path, (800, 400)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&area)
        .caption(&case.name, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..longest * 1.05, 0.0..1.0)
        .unwrap();
    chart.configure_mesh().x_desc(case.unit.name()).y_desc("share of all").draw().unwrap();
    for (way, color) in case.ways.iter().zip(COLORS.iter().cycle()) {
        let points = (0..=100_u32).map(|percent| f64::from(percent) / 100.0);
        let points = points.map(|share| (way.quantile(share), share)).filter(|(x, _)| *x <= longest);
        let line = chart.draw_series(LineSeries::new(points, color.stroke_width(2))).unwrap();
        line.label(&way.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(plotters::prelude::SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()
        .unwrap();
    area.present().unwrap();
}

/// A bar for each way, as long as its median, and a line from its lower to its upper quartile.
fn throughput(path: &Path, case: &Case) {
    let longest = case.ways.iter().map(|way| way.quantile(0.75)).fold(0.0, f64::max);
    let bars = u32::try_from(case.ways.len()).unwrap();
    let area = SVGBackend::new(path, (800, 110 + 40 * bars)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&area)
        .caption(&case.name, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .build_cartesian_2d(0.0..longest * 1.05, 0.0..f64::from(bars))
        .unwrap();
    chart.configure_mesh().disable_y_mesh().disable_y_axis().x_desc(case.unit.name()).draw().unwrap();
    for (index, (way, color)) in (0..bars).zip(case.ways.iter().zip(COLORS.iter().cycle())) {
        let top = f64::from(bars - index);
        let bar =
            Rectangle::new([(0.0, top - 0.85), (way.quantile(0.5), top - 0.15)], color.mix(0.5).filled());
        let ends = [(way.quantile(0.25), top - 0.5), (way.quantile(0.75), top - 0.5)];
        let name = format!("{}: {:.1}", way.name, way.quantile(0.5));
        let name = Text::new(name, (longest * 0.01, top - 0.4), ("sans-serif", 14).into_font());
        chart.draw_series([bar]).unwrap();
        chart.draw_series([PathElement::new(ends, BLACK)]).unwrap();
        chart.draw_series([name]).unwrap();
    }
    area.present().unwrap();
}
