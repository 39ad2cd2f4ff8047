//! The conformance suite: what every store promises, as rules that anyone can run over their own.
//!
//! The engine trusts a store with the decisions that keep accounts safe: that a session which has ended stays ended,
//! that of two racing changes one wins, that a transaction which fell over left nothing. The traits say so in words;
//! here each promise is a [`Rule`] that breaks when the store breaks it. The names of the [`rules`] are the contract in
//! short. A rule wants a fresh store: migrated, empty and its own.
//!
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use std::sync::Arc;
//!
//! use auth_core::store::{MemoryStore, suite};
//!
//! // In a test of your own: `#[tokio::test]`.
//! # #[tokio::main(flavor = "current_thread")]
//! async fn my_store_keeps_the_rules() {
//!     for rule in suite::rules() {
//!         println!("{}", rule.name());
//!         rule.run(Arc::new(MemoryStore::new())).await;
//!     }
//! }
//! # my_store_keeps_the_rules();
//! ```
//!
//! Run it against a pool of several connections: with a single one the races never happen. Ids, tokens and times are
//! the same in every run. Start reading at [`Rule`], then at any file by feature.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a conformance test speaks by panicking")]

mod accounts;
mod actors;
mod api_key_uses;
mod api_keys;
mod attempts;
mod audit;
mod codes;
mod facts;
mod identifiers;
mod isolated;
mod limits;
mod mailboxes;
mod outbox;
mod passwords;
mod refresh;
mod retention;
mod role_scopes;
mod roles;
mod rules;
mod sessions;
mod sessions_ended;
mod signing_keys;
mod tenants;
mod transactions;
mod users;

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::actors::Actors;
use super::Store;

/// One promise that a store makes, named after the behaviour: `sessions::an_ended_session_cannot_be_slid_back`.
pub struct Rule {
    name: &'static str,
    check: fn(Actors) -> BoxFuture<'static, ()>,
}

impl Rule {
    /// The feature and the behaviour, unique among the [`rules`].
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks that `store` keeps the rule. The store must be migrated and empty; it is not cleaned up afterwards.
    ///
    /// # Panics
    /// When the store breaks the rule, with the rule's name and what was found. A store that deadlocks does not
    /// return: give the test a time limit.
    pub async fn run(&self, store: Arc<dyn Store>) {
        // The store belongs to this rule alone, so nobody sees the state that a panic leaves it in.
        let verdict = AssertUnwindSafe((self.check)(Actors::over(store))).catch_unwind().await;
        if let Err(panic) = verdict {
            panic!("the store breaks the rule `{}`: {}", self.name, message(&*panic));
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

/// Every rule.
pub const fn rules() -> &'static [Rule] {
    rules::RULES
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn the_memory_store_keeps_every_rule() {
        for rule in rules() {
            rule.run(Arc::new(MemoryStore::new())).await;
        }
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let names: BTreeSet<_> = rules().iter().map(Rule::name).collect();
        assert_eq!(names.len(), rules().len());
    }

    #[tokio::test]
    #[should_panic(expected = "the store breaks the rule `users::nobody_is_kept`: 1 is kept")]
    async fn a_broken_rule_is_named_with_what_was_found() {
        let rule = Rule { name: "users::nobody_is_kept", check: |_| Box::pin(async { panic!("{} is kept", 1) }) };
        rule.run(Arc::new(MemoryStore::new())).await;
    }
}
