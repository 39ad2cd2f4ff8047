//! Counting attempts: raised before anything is checked, taken back when it was right.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use super::model::{Attempt, AttemptCount, AttemptKey};
use crate::base::{Email, Timestamp, UserId};
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
pub(crate) struct CountedAttempt {
    account: AttemptKey,
    address: AttemptKey,
    limits: Option<AttemptLimits>,
    /// Clients of unknown address share one counter: it must not let one of them lock the others out.
    knows_client: bool,
}

/// What the counters say of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// How long to wait before even the right answer counts, when there were too many from the account or the address.
    pub(crate) blocked_for: Option<Duration>,
    /// Whether there were too many from the address alone.
    pub(crate) is_address_blocked: bool,
}

impl CountedAttempt {
    /// Counts one attempt, durably, before it is known whether it is right.
    pub(crate) async fn raise(cx: &Cx, limits: Option<AttemptLimits>, subject: AttemptSubject<'_>) -> Result<Self> {
        let client = cx.client_unit();
        let (account, address) = keys(cx, subject, client);
        if let Some(limits) = limits {
            if client.is_none() {
                warn_of_unknown_clients();
            }
            let window_ends_at = cx.now().plus(limits.window);
            let attempts = [account, address].map(|key| Attempt { key, window_ends_at });
            cx.conn().raise_attempts(&attempts, cx.now()).await?;
        }
        Ok(Self { account, address, limits, knows_client: client.is_some() })
    }

    /// The counters to be read for [`standing`](Self::standing).
    pub(crate) const fn keys(&self) -> [AttemptKey; 2] {
        [self.account, self.address]
    }

    /// Judges by the counters, which the attempt itself has raised.
    pub(crate) fn standing(&self, counters: &[AttemptCount], now: Timestamp) -> Standing {
        let is_over = |counter: &&AttemptCount| match self.limits {
            None => false,
            Some(limits) if counter.key == self.account => counter.attempts > i64::from(limits.per_account),
            Some(limits) => self.knows_client && counter.attempts > i64::from(limits.per_address),
        };
        let over = || counters.iter().filter(is_over);
        Standing {
            blocked_for: over().map(|counter| counter.window_ends_at.since(now)).max(),
            is_address_blocked: over().any(|counter| counter.key == self.address),
        }
    }

    /// Nothing was decided: the attempt counts neither for the account nor for the address.
    pub(crate) async fn take_back(&self, cx: &Cx) -> Result<()> {
        if self.limits.is_some() {
            cx.conn().refund_attempts(&self.keys()).await?;
        }
        Ok(())
    }

    /// It was right: the account's count starts anew, and the address gets this one attempt back.
    pub(crate) async fn settle(&self, work: &mut Work<'_>) -> Result<()> {
        if self.limits.is_some() {
            work.settle_attempts(self.account, self.address).await?;
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
