//! Messages that wait to be sent: written in the transaction of what they tell of, sent after it is durable.
//!
//! A request that has somebody written to neither waits for a mail server nor fails with it, and what was acknowledged
//! is sent even if the program ends in the moment after: the message is a row, removed once it has been sent. Several
//! processes may share the rows; one of them sends each. A message that fails is tried again after 1 minute, then after
//! 2, 4 and so on up to an hour, until what it brings would be worth nothing any more.
//!
//! Delivery is *at least once*: a process that ends after a mail server has taken a message over and before the row is
//! removed has it sent again by the next one, so that a crash doubles at most the messages under way at that moment
//! ([`Config::at_once`]). Rows are sealed under the application's secret: whoever reads the table can follow none of
//! the links.
//!
//! The engine sends by itself, from the first request on, in a task of its own. [`deliver`] is for programs that would
//! rather do it from a scheduler, and [`backlog`] for those that watch over it.

mod config;
mod model;
mod service;
mod store;

pub use config::Config;
pub use model::{Backlog, QueuedMessage};
pub use service::{Delivered, backlog, deliver};
pub(crate) use service::{Letter, Postman, post};
pub use store::OutboxStore;
