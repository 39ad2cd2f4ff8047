//! One Markdown table.

/// One row of it.
pub(crate) struct Line {
    pub(crate) measurement: String,
    pub(crate) result: String,
    pub(crate) compared_with: String,
    pub(crate) ratio: String,
    pub(crate) aim: Aim,
}

/// What was to be reached.
pub(crate) enum Aim {
    /// For orientation only.
    None,
    /// In words, and whether it was.
    Stated(&'static str, Verdict),
}

/// Whether an aim was reached.
pub(crate) enum Verdict {
    Met,
    Missed,
}

impl Verdict {
    pub(crate) const fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }
}

pub(crate) fn print(lines: &[Line], machine: &str) {
    println!("Measured on {machine}.\n");
    println!("| measurement | result | compared with | ratio | aim |");
    println!("|---|---|---|---|---|");
    for Line { measurement, result, compared_with, ratio, aim } in lines {
        let aim = match aim {
            Aim::None => String::new(),
            Aim::Stated(aim, Verdict::Met) => format!("{aim}: met"),
            Aim::Stated(aim, Verdict::Missed) => format!("{aim}: **missed**"),
        };
        println!("| {measurement} | {result} | {compared_with} | {ratio} | {aim} |");
    }
}
