//! What the example programs share, so that each of them shows little else than how it uses the library.
//!
//! Nothing here knows how somebody signs in. Start reading at [`start`], then [`Settings`].
#![deny(missing_docs)]

mod demo;
mod env;
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
pub use env::{Env, Environment};
pub use page::Page;
pub use settings::Settings;
pub use stop::stop_signal;

/// Starts the log on stderr (`RUST_LOG`, `info` by default) and reads the settings of the program called `app`.
/// When the environment is wrong, the program ends here with every problem on stderr, one a line.
pub fn start(app: &str) -> Settings {
    start_with(app, |_| Some(())).0
}

/// As [`start`], for a program that has settings of its own. `own` reads them, and keeps what is wrong with them in the
/// [`Env`], so that it is told together with everything else.
pub fn start_with<T>(app: &str, own: impl FnOnce(&mut Env<'_>) -> Option<T>) -> (Settings, T) {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Settings::from_env(app, own).unwrap_or_else(|problems| {
        eprintln!("{problems}");
        std::process::exit(1)
    })
}
