//! Removes rows, batch by batch.

use std::time::Duration;

use super::config::Config;
use crate::auth::Auth;
use crate::base::AuditId;
use crate::cx::Cx;
use crate::error::Result;

/// How long what has expired is left alone. A process whose clock is ahead judges by it only until it is set right;
/// what it removed would be gone.
const MARGIN: Duration = Duration::from_hours(24);

/// How many rows were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Expired sessions.
    pub sessions: u64,
    /// Counters of attempts whose window has ended.
    pub attempts: u64,
    /// Expired codes.
    pub codes: u64,
    /// Signing keys that verify nothing any more.
    pub signing_keys: u64,
    /// API keys that expired beyond their retention.
    pub api_keys: u64,
    /// Secrets of API keys that were replaced and have expired.
    pub api_key_secrets: u64,
    /// Entries of the audit trail beyond their retention.
    pub audit: u64,
}

/// Removes everything that has had no use for a day, in batches of one statement each, with a pause after each batch.
/// Safe beside traffic, and in several processes at once. What was removed stays removed when it stops halfway.
///
/// # Errors
/// [`Code::Unavailable`](crate::error::Code::Unavailable) when the store does not answer.
pub async fn prune(cx: &Cx) -> Result<Pruned> {
    let config = &cx.auth().config().retention;
    let mut pruned = Pruned::default();
    let ended = cx.now().minus(MARGIN);
    while more(config, &mut pruned.sessions, cx.conn().prune_sessions(ended, config.batch).await?).await {}
    while more(config, &mut pruned.attempts, cx.conn().prune_attempts(ended, config.batch).await?).await {}
    while more(config, &mut pruned.codes, cx.conn().prune_codes(ended, config.batch).await?).await {}
    while more(config, &mut pruned.signing_keys, cx.conn().prune_signing_keys(ended, config.batch).await?).await {}
    let before = cx.now().minus(config.api_keys);
    while more(config, &mut pruned.api_keys, cx.conn().prune_api_keys(before, config.batch).await?).await {}
    let replaced = &mut pruned.api_key_secrets;
    while more(config, replaced, cx.conn().prune_api_key_secrets(ended, config.batch).await?).await {}
    if let Some(retention) = config.audit {
        let before = AuditId::first_at(cx.now().minus(retention));
        while more(config, &mut pruned.audit, cx.conn().prune_audit(before, config.batch).await?).await {}
    }
    if pruned != Pruned::default() {
        tracing::info!(?pruned, "removed what has no use any more");
    }
    Ok(pruned)
}

/// Adds a batch to the total; whether another one may follow, after the pause.
async fn more(config: &Config, total: &mut u64, batch: u64) -> bool {
    *total += batch;
    if batch < u64::from(config.batch) {
        return false;
    }
    tokio::time::sleep(config.pause).await;
    true
}

/// Calls [`prune`] now and after each interval, for ever. A failure is logged, and the next interval tries again. It
/// may be aborted at any moment.
///
/// ```
/// # use auth_core::Auth;
/// # async fn run(auth: Auth) {
/// let pruning = tokio::spawn(auth_core::retention::prune_regularly(auth.clone()));
/// // … serve …
/// pruning.abort();
/// # }
/// ```
pub async fn prune_regularly(auth: Auth) {
    loop {
        if let Err(error) = prune(&auth.background_cx()).await {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::error!(code = error.code(), cause, "what has no use any more could not be removed");
        }
        tokio::time::sleep(auth.config().retention.interval).await;
    }
}
