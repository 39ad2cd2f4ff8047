//! The audit trail: who did what, from where, and whether it came about.
//!
//! Fed by [events](crate::hooks::Event) after the commit, read by the application through [`AuditStore`].

mod model;
mod service;
mod store;

pub use model::{AuditEntry, Outcome};
pub(crate) use service::AuditTrail;
pub use store::AuditStore;
