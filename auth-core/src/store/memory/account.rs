//! Answers about accounts and attempts.

use async_trait::async_trait;

use super::{Asked, Counter, Reach, State};
use crate::account::{Account, AccountStore, Attempt, AttemptCount, AttemptKey};
use crate::base::{Timestamp, UserId};
use crate::store::StoreError;

impl State {
    /// Takes an attempt back, unless its counter has started anew since.
    fn refund(&mut self, counted: &Attempt) {
        if let Some(counter) = self.attempts.get_mut(&counted.key)
            && counter.window_ends_at <= counted.window_ends_at
        {
            counter.attempts = counter.attempts.saturating_sub(1).max(0);
        }
    }

    /// The counters of these keys whose window has not ended.
    pub(super) fn attempts(&self, keys: &[AttemptKey; 2], now: Timestamp) -> Vec<AttemptCount> {
        let counted = keys.iter().filter_map(|key| self.attempts.get_key_value(key));
        let running = counted.filter(|(_, counter)| now < counter.window_ends_at);
        running
            .map(|(&key, &Counter { attempts, window_ends_at })| AttemptCount { key, attempts, window_ends_at })
            .collect()
    }
}

#[async_trait]
impl<R: Reach> AccountStore for Asked<R> {
    async fn accounts_of_user(&mut self, user: UserId) -> Result<Vec<Account>, StoreError> {
        let state = self.0.state().await;
        let rows = state.accounts.values().filter(|row| row.account.user_id == user);
        let mut accounts: Vec<Account> = rows.map(|row| row.account.clone()).collect();
        accounts.sort_by_key(|account| (account.created_at, account.id));
        Ok(accounts)
    }

    async fn delete_accounts_of_user(&mut self, user: UserId) -> Result<u64, StoreError> {
        let accounts = &mut self.0.state().await.accounts;
        let before = accounts.len();
        accounts.retain(|_, row| row.account.user_id != user);
        Ok((before - accounts.len()) as u64)
    }

    async fn raise_attempts(&mut self, attempts: &[Attempt; 2], now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        for attempt in attempts {
            let anew = Counter { attempts: 0, window_ends_at: attempt.window_ends_at };
            let counter = state.attempts.entry(attempt.key).or_insert(anew);
            if now >= counter.window_ends_at {
                *counter = anew;
            }
            counter.attempts = counter.attempts.saturating_add(1);
        }
        Ok(())
    }

    async fn attempts(&mut self, keys: &[AttemptKey; 2], now: Timestamp) -> Result<Vec<AttemptCount>, StoreError> {
        Ok(self.0.state().await.attempts(keys, now))
    }

    async fn refund_attempts(&mut self, counted: &[Attempt; 2]) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        counted.iter().for_each(|attempt| state.refund(attempt));
        Ok(())
    }

    async fn settle_attempts(&mut self, cleared: AttemptKey, refunded: Attempt) -> Result<(), StoreError> {
        let mut state = self.0.state().await;
        state.attempts.remove(&cleared);
        state.refund(&refunded);
        Ok(())
    }
}
