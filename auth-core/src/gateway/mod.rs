//! An API gateway as its environment describes it: tokens under a secret that programs share, those of Auth0, pages of
//! other origins.
//!
//! It is a preset and nothing else: every piece can be configured by itself. Start reading at [`Config`].

mod config;

pub use config::Config;
