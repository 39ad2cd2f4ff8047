//! Codes that are good once and for a short while, such as the one by which a client that is signed in lets another one
//! in.
//!
//! A code is a random token of which the store keeps the hash. It is bound to a user, or to one session of theirs, and
//! goes with it; a new one takes the place of the older one. Redeeming is one statement of the store, so that of many who
//! hold the same code one is let in. Start reading at [`CodeStore`].

mod model;
mod store;

pub use model::{CodePurpose, StoredCode};
pub use store::CodeStore;
