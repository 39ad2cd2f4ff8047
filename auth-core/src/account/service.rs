//! Counting attempts: raised before anything is checked, taken back when it was right.

use std::net::IpAddr;
use std::time::Duration;

use super::config::Lockout;
use super::model::{Attempt, AttemptCount, AttemptKey};
use crate::base::{Email, Timestamp, UserId};
use crate::crypto::mac::AttemptKeys;
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, ErrorKind, Result};
use crate::user::{Pool, Population};

/// How long an answer waits for its attempt to be taken back.
const TAKING_BACK: Duration = Duration::from_secs(1);

/// Whose attempts are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttemptSubject<'a> {
    /// Signing in to the account of this address there, whether it exists or not.
    SignIn(&'a Population, &'a Email),
    /// Signing in to what an account might be named by, and none is.
    Named(&'a Population, &'a str),
    /// Proving a mailbox within a session, whoever's that is: nobody gets more tries at it by making more accounts, or
    /// by the password.
    Mailbox(&'a Population, &'a Email),
    /// Proving again within a session. Counted apart from signing in: a stranger who fails to sign in must not be
    /// able to keep the owner from acting in a session that is open already.
    Reauthentication(UserId),
}

/// An attempt that has been counted, unless nothing is to be counted.
#[derive(Debug)]
#[must_use = "an attempt that succeeded must be settled"]
pub(crate) struct CountedAttempt {
    account: Attempt,
    address: Attempt,
    limits: Option<Lockout>,
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
    pub(crate) async fn raise(cx: &Cx, subject: AttemptSubject<'_>) -> Result<Self> {
        let limits = cx.auth().config().lockout.limits().copied();
        let client = cx.client_unit();
        let now = cx.now();
        let window_ends_at = limits.map_or(now, |limits| now.plus(limits.window));
        let [account, address] = keys(cx, subject, client).map(|key| Attempt { key, window_ends_at });
        if limits.is_some() {
            cx.conn().raise_attempts(&[account, address], now).await?;
        }
        Ok(Self { account, address, limits, knows_client: client.is_some() })
    }

    /// The counters to be read for [`standing`](Self::standing).
    pub(crate) const fn keys(&self) -> [AttemptKey; 2] {
        [self.account.key, self.address.key]
    }

    /// Judges by the counters, which the attempt itself has raised.
    pub(crate) fn standing(&self, counters: &[AttemptCount], now: Timestamp) -> Standing {
        let is_over = |counter: &&AttemptCount| match self.limits {
            None => false,
            Some(limits) if counter.key == self.account.key => counter.attempts > i64::from(limits.per_account),
            Some(limits) => self.knows_client && counter.attempts > i64::from(limits.per_address),
        };
        let over = || counters.iter().filter(is_over);
        Standing {
            blocked_for: over().map(|counter| counter.window_ends_at.since(now)).max(),
            is_address_blocked: over().any(|counter| counter.key == self.address.key),
        }
    }

    /// Takes the attempt back when a failure of ours, an outage or an overload, has ended what it was for: it must not
    /// lock out whoever knows the password and tries again. If that fails too, the attempt ends with its window.
    pub(crate) async fn judged<T>(&self, cx: &Cx, outcome: Result<T>) -> Result<T> {
        let is_ours = |error: &Error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal);
        if self.limits.is_some() && outcome.as_ref().is_err_and(is_ours) {
            let counted = [self.account, self.address];
            tokio::time::timeout(TAKING_BACK, cx.conn().refund_attempts(&counted)).await.ok();
        }
        outcome
    }

    /// It was right, and nothing comes of it: as if nobody had tried.
    pub(crate) async fn take_back(&self, cx: &Cx) -> Result<()> {
        if self.limits.is_some() {
            cx.conn().refund_attempts(&[self.account, self.address]).await?;
        }
        Ok(())
    }

    /// It was right: the account's count starts anew, and the address gets this one attempt back.
    pub(crate) async fn settle(&self, work: &mut Work<'_>) -> Result<()> {
        if self.limits.is_some() {
            work.settle_attempts(self.account.key, self.address).await?;
        }
        Ok(())
    }
}

/// One address in two populations is two accounts: who guesses at one does not lock the other.
fn account_key(keys: &AttemptKeys, what: Proving, population: &Population, account: &str) -> [u8; 32] {
    let kind = match (what, population.pool) {
        (Proving::Account, Pool::User) => "sign-in",
        (Proving::Account, Pool::Customer) => "customer sign-in",
        (Proving::Mailbox, Pool::User) => "mailbox",
        (Proving::Mailbox, Pool::Customer) => "customer mailbox",
    };
    // Neither a tenant nor an address has a space, so that no two pairs are written alike.
    let account = match &population.tenant {
        Some(tenant) => format!("{tenant} {account}"),
        None => account.to_owned(),
    };
    keys.pseudonym(kind, account.as_bytes())
}

/// What is tried by name of a population.
#[derive(Clone, Copy, Debug)]
enum Proving {
    Account,
    Mailbox,
}

/// The pseudonyms of who is tried and from where.
fn keys(cx: &Cx, subject: AttemptSubject<'_>, client: Option<IpAddr>) -> [AttemptKey; 2] {
    let keys = AttemptKeys::new(&cx.auth().config().keyring);
    let client = client.map(|ip| ip.to_string()).unwrap_or_default();
    let (account, from) = match subject {
        AttemptSubject::SignIn(population, email) => {
            (account_key(&keys, Proving::Account, population, email.as_str()), "sign-in address")
        }
        // No address is spelt like a name or a number.
        AttemptSubject::Named(population, name) => {
            (account_key(&keys, Proving::Account, population, name), "sign-in address")
        }
        AttemptSubject::Mailbox(population, email) => {
            (account_key(&keys, Proving::Mailbox, population, email.as_str()), "reauthentication address")
        }
        AttemptSubject::Reauthentication(user) => {
            (keys.pseudonym("reauthentication", user.as_uuid().as_bytes()), "reauthentication address")
        }
    };
    [account, keys.pseudonym(from, client.as_bytes())].map(AttemptKey::from_bytes)
}

/// How many messages go to one recipient in a window, however many are asked for: about one thing, and about all.
const MESSAGES_ABOUT_ONE_THING: u32 = 10;
const MESSAGES_TO_ONE: u32 = 20;
/// How many of them one client may ask for.
const MESSAGES_TO_ONE_FROM_ONE: u32 = 5;
const MESSAGE_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Whether one more message about `kind` may go to this recipient, whom somebody has named who may be anybody. Without
/// the limit, an endpoint that sends mail fills the mailboxes of strangers, and one that sends text messages costs
/// money. One client comes to its own limit long before the recipient does, and so does not keep them from their
/// messages.
///
/// # Errors
/// 429 for a client who has asked for too many, whether the recipient is anybody or not.
pub(crate) async fn may_message(cx: &Cx, kind: &'static str, recipient: &[u8]) -> Result<bool> {
    let Some(limits) = cx.auth().config().lockout.limits() else { return Ok(true) };
    let client = cx.client_unit().map(|ip| ip.to_string()).unwrap_or_default();
    let counted = |kind, parts: &[&[u8]]| {
        let key = AttemptKeys::new(&cx.auth().config().keyring).pseudonym(kind, &parts.join(&b'\n'));
        Attempt { key: AttemptKey::from_bytes(key), window_ends_at: cx.now().plus(MESSAGE_WINDOW) }
    };
    if !client.is_empty() {
        let pair = counted("message by client", &[recipient, client.as_bytes()]);
        let alone = counted("messages of client", &[client.as_bytes()]);
        let most = [MESSAGES_TO_ONE_FROM_ONE, limits.per_address];
        if let Some(wait) = count(cx, [pair, alone], most).await? {
            return Err(Error::from(Code::TooManyAttempts).retry_after(wait));
        }
    }
    let counted = [counted("message", &[recipient]), counted("message about", &[kind.as_bytes(), recipient])];
    Ok(count(cx, counted, [MESSAGES_TO_ONE, MESSAGES_ABOUT_ONE_THING]).await?.is_none())
}

/// Counts both; how long to wait if one is more than it may be.
async fn count(cx: &Cx, counted: [Attempt; 2], most: [u32; 2]) -> Result<Option<Duration>> {
    cx.conn().raise_attempts(&counted, cx.now()).await?;
    let counters = cx.conn().attempts(&counted.map(|attempt| attempt.key), cx.now()).await?;
    let is_over = |counter: &&AttemptCount| {
        let most = if counter.key == counted[0].key { most[0] } else { most[1] };
        counter.attempts > i64::from(most)
    };
    Ok(counters.iter().filter(is_over).map(|counter| counter.window_ends_at.since(cx.now())).max())
}
