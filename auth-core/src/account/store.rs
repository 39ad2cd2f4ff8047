//! The questions asked about accounts and attempts.

use async_trait::async_trait;

use super::model::{Account, Attempt, AttemptCount, AttemptKey};
use crate::base::{Timestamp, UserId};
use crate::store::StoreError;

/// Accounts, and the counters of failed attempts.
#[async_trait]
pub trait AccountStore {
    /// The user's accounts, the oldest first.
    async fn accounts_of_user(&mut self, user: UserId) -> Result<Vec<Account>, StoreError>;

    /// Removes every way in which the user signs in, the password among them. How many there were.
    async fn delete_accounts_of_user(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// Counts one attempt for each key, atomically and before anything is checked: a counter whose window has
    /// ended at `now` starts anew at one. Concurrent attempts are all counted. The two keys differ.
    async fn raise_attempts(&mut self, attempts: &[Attempt; 2], now: Timestamp) -> Result<(), StoreError>;

    /// The counters of these keys; one that was never raised or whose window has ended at `now` is left out.
    async fn attempts(&mut self, keys: &[AttemptKey; 2], now: Timestamp) -> Result<Vec<AttemptCount>, StoreError>;

    /// Takes one attempt back from each key (never below zero), because nothing was decided. `counted` is what
    /// [`raise_attempts`](Self::raise_attempts) was given: a counter that has started anew since is left alone, for the
    /// attempt is not in it.
    async fn refund_attempts(&mut self, counted: &[Attempt; 2]) -> Result<(), StoreError>;

    /// After a success: forgets every attempt of `cleared`, and takes `refunded` back as
    /// [`refund_attempts`](Self::refund_attempts) does.
    async fn settle_attempts(&mut self, cleared: AttemptKey, refunded: Attempt) -> Result<(), StoreError>;
}
