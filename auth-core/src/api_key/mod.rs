//! API keys: long-lived credentials of programs, made and ended by the user they act for.
//!
//! A key is a row; the program holds a random token of which a row beside it keeps the hash. What a key may do is
//! judged with every use: its own permissions, and of them only what its owner holds at that moment. Keys are managed
//! in a session of their owner, or by the program itself; a key never manages keys.
//!
//! How often a key is used is counted in memory and written once a minute for each key, so that use costs no write.
//! What is lost when a process ends without [`write_usage`] is at most a minute of each key, and never more than 1,000
//! uses of one. What limits a key (quotas, uses that are left) is counted durably, with each use.
//!
//! Start reading at [`CreateApiKey`] and [`create`], then at [`verify`].

mod config;
mod endpoints;
mod model;
mod resolve;
mod service;
mod store;

pub use config::{Config, Metadata, Names};
pub(crate) use endpoints::ROUTES;
pub use endpoints::{
    ApiKeyList, ApiKeyUsage, ApiKeyView, CreateApiKey, DeleteApiKey, GetApiKey, GetApiKeyUsage, ListApiKeys, QuotaView,
    RotateApiKey, ShownApiKey, UpdateApiKey,
};
pub use model::{
    ApiKey, ApiKeyWithOwner, CountedQuota, Direction, KeyChange, KeyList, KeyOrder, KeyOwner, KeyPage, Limits,
    NewApiKey, PermissionMap, Refill, Rotation, Spent,
};
pub use resolve::{ResolvedKey, verify, write_usage};
pub(crate) use resolve::{UsageBatch, resolve};
pub use service::{CreatedKey, change, create, find, list, revoke, rotate};
pub use store::{ApiKeyRecords, ApiKeyStore};

pub use crate::limit::{InvalidQuota, Quota};
