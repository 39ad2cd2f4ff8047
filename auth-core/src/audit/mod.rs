//! The audit trail: who did what, from where, and whether it came about.
//!
//! Every [event](crate::hooks::Event) is a line. The line of a change is part of the change's own transaction: neither
//! is there without the other. The application reads the trail through [`AuditStore`].

mod model;
mod service;
mod store;

pub use model::{AuditEntry, Outcome};
pub(crate) use service::entry;
pub use store::AuditStore;
