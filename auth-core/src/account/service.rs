//! Counting attempts: raised before anything is checked, taken back when it was right.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use super::model::{Attempt, AttemptCount, AttemptKey};
use crate::base::{Email, UserId};
use crate::crypto::mac::AttemptKeys;
use crate::cx::{Cx, Work};
use crate::error::Result;

/// How many attempts are allowed in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptLimits {
    pub(crate) per_account: u32,
    pub(crate) per_address: u32,
    pub(crate) window: Duration,
}

/// Whose attempts are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttemptSubject<'a> {
    /// Signing in to the account of this address, whether it exists or not.
    SignIn(&'a Email),
    /// Proving again within a session. Counted apart from signing in: a stranger who fails to sign in must not be
    /// able to keep the owner from acting in a session that is open already.
    Reauthentication(UserId),
}

/// An attempt that has been counted, unless nothing is to be counted.
#[derive(Debug)]
#[must_use = "an attempt that succeeded must be settled"]
pub(crate) struct CountedAttempt(Option<Counted>);

#[derive(Debug)]
struct Counted {
    account: AttemptKey,
    address: AttemptKey,
    /// Whether there were too many from the address.
    address_blocked: bool,
    /// How long to wait, when there were too many of either.
    blocked_for: Option<Duration>,
}

impl CountedAttempt {
    /// Counts one attempt, durably, before it is known whether it is right.
    pub(crate) async fn raise(cx: &Cx, limits: Option<AttemptLimits>, subject: AttemptSubject<'_>) -> Result<Self> {
        let Some(limits) = limits else { return Ok(Self(None)) };
        let client = cx.client_unit();
        if client.is_none() {
            warn_of_unknown_clients();
        }
        let (account, address) = keys(cx, subject, client);
        let now = cx.now();
        let window_ends_at = now.plus(limits.window);
        let mut conn = cx.conn();
        conn.raise_attempts(&[account, address].map(|key| Attempt { key, window_ends_at }), now).await?;
        let counts = conn.attempts(&[account, address], now).await?;
        let is_over = |count: &&AttemptCount| {
            if count.key == account {
                return count.attempts > i64::from(limits.per_account);
            }
            // Clients of unknown address share one counter: it must not let one of them lock the others out.
            client.is_some() && count.attempts > i64::from(limits.per_address)
        };
        let blocked_for = counts.iter().filter(is_over).map(|count| count.window_ends_at.since(now)).max();
        let address_blocked = counts.iter().any(|count| count.key == address && is_over(&count));
        Ok(Self(Some(Counted { account, address, address_blocked, blocked_for })))
    }

    /// How long to wait before even the right answer counts; `None` when it counts now.
    pub(crate) fn blocked_for(&self) -> Option<Duration> {
        self.0.as_ref()?.blocked_for
    }

    /// Whether the client's address alone is over its limit.
    pub(crate) fn is_address_blocked(&self) -> bool {
        self.0.as_ref().is_some_and(|counted| counted.address_blocked)
    }

    /// Nothing was decided: the attempt counts neither for the account nor for the address.
    pub(crate) async fn take_back(self, cx: &Cx) -> Result<()> {
        if let Some(counted) = self.0 {
            cx.conn().refund_attempts(&[counted.account, counted.address]).await?;
        }
        Ok(())
    }

    /// It was right: the account's count starts anew, and the address gets this one attempt back.
    pub(crate) async fn settle(self, work: &mut Work<'_>) -> Result<()> {
        if let Some(counted) = self.0 {
            work.settle_attempts(counted.account, counted.address).await?;
        }
        Ok(())
    }
}

/// Says once what is missing: a server that does not pass the address of its connections on.
fn warn_of_unknown_clients() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!("clients have no address, so attempts are limited by account only; with axum, serve the app by into_make_service_with_connect_info::<SocketAddr>()");
    });
}

/// The pseudonyms of who is tried and from where.
fn keys(cx: &Cx, subject: AttemptSubject<'_>, client: Option<IpAddr>) -> (AttemptKey, AttemptKey) {
    let keys = AttemptKeys::new(&cx.auth().config().keyring);
    let client = client.map(|ip| ip.to_string()).unwrap_or_default();
    let (account, address) = match subject {
        AttemptSubject::SignIn(email) => {
            (keys.pseudonym("sign-in", email.as_str().as_bytes()), keys.pseudonym("sign-in address", client.as_bytes()))
        }
        AttemptSubject::Reauthentication(user) => (
            keys.pseudonym("reauthentication", user.as_uuid().as_bytes()),
            keys.pseudonym("reauthentication address", client.as_bytes()),
        ),
    };
    (AttemptKey::from_bytes(account), AttemptKey::from_bytes(address))
}
