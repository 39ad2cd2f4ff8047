//! What the example programs share, so that each of them shows little else than how it uses the library.
//!
//! Nothing here knows how somebody signs in. Start reading at [`start`], then [`Settings`].
#![deny(missing_docs)]

mod demo;
#[cfg(feature = "actix")]
pub mod for_actix;
#[cfg(feature = "axum")]
pub mod for_axum;
mod page;
mod settings;
mod stop;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub use demo::{Demo, DemoClock};
pub use page::Page;
pub use settings::Settings;
pub use stop::stop_signal;

/// Starts the log on stderr (`RUST_LOG`, `info` by default) and reads the settings of the program called `app`.
/// When the environment is wrong, the program ends here with every problem on stderr, one a line.
pub fn start(app: &str) -> Settings {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Settings::from_env(app).unwrap_or_else(|problems| {
        eprintln!("{problems}");
        std::process::exit(1)
    })
}
