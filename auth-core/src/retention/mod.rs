//! For how long rows are kept that have no use any more, and their removal.
//!
//! Safety does not depend on it: what has expired is refused by the engine's clock, whether its row is still there or
//! not. Without it the tables grow. Most programs spawn [`prune_regularly`] once; whoever has a scheduler of their own
//! calls [`prune`] from it.

mod config;
mod service;
mod store;

pub use config::Config;
pub use service::{Pruned, prune, prune_regularly};
pub use store::RetentionStore;
