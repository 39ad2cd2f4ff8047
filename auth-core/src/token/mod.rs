//! Access tokens that are checked without a look at a database, and what renews them.
//!
//! A refresh family is the line of refresh tokens that one session has had, of which the last one counts: one row,
//! whose rotation is one statement, so that of many who present the same token one gets the next. What came before is
//! recognised as spent. Keys that access tokens are signed with are rows too, so that all processes of an application
//! sign and verify with the same ones. Start reading at [`RefreshStore`], then at [`SigningKeyStore`].

mod model;
mod store;

pub use model::{FamilyWithSession, RefreshFamily, Rotation, StoredSigningKey};
pub use store::{RefreshStore, SigningKeyStore};
