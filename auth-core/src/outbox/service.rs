//! Writing messages down, and sending them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::config::Config;
use super::model::{Backlog, QueuedMessage};
use crate::auth::{Auth, WeakAuth};
use crate::base::{MessageId, Timestamp};
use crate::crypto::seal::Aad;
use crate::cx::{Cx, Work};
use crate::error::{Error, Result};
use crate::hooks::Event;
use crate::ports::{Mailer, Message, PortError, SmsSender, TextMessage};

/// How long a mailer may take. Less than the time until the next attempt, so that no two are under way.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
const BATCH: u32 = 64;

/// What waits, before it is sealed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Letter {
    /// To a mailbox.
    Mail(Message),
    /// To a telephone.
    Text(TextMessage),
    /// To nobody. It costs what a message costs, where nobody may learn whether there is one.
    Nothing,
}

impl Letter {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(message) => message.kind(),
            Self::Text(_) => "sms-otp",
            Self::Nothing => "nothing",
        }
    }
}

/// Writes a message in this transaction, to be sent once it is durable, unless that takes until `expires_at`.
pub(crate) async fn post(cx: &Cx, work: &mut Work<'_>, letter: &Letter, expires_at: Timestamp) -> Result<()> {
    let (id, now) = (MessageId::new(cx.now(), cx.random()), cx.now());
    let letter = match letter {
        Letter::Mail(message) if message.to().is_placeholder() => &Letter::Nothing,
        Letter::Mail(_) | Letter::Text(_) | Letter::Nothing => letter,
    };
    let plain = Zeroizing::new(serde_json::to_vec(letter).map_err(Error::internal)?);
    let sealed = cx.auth().sealer().seal(cx.random(), &place(id.as_uuid().as_bytes()), &plain);
    let message = QueuedMessage { id, sealed, attempts: 0, created_at: now, due_at: now, expires_at };
    work.insert_message(&message).await?;
    work.wake_postman();
    Ok(())
}

const fn place(id: &[u8; 16]) -> Aad<'_> {
    Aad::new("auth_outbox", "sealed", id)
}

/// What came of the messages that were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// How many were sent.
    pub sent: u64,
    /// How many will be tried again.
    pub failed: u64,
    /// How many were of no use any more, and were removed unsent.
    pub expired: u64,
}

/// What becomes of one message.
enum Fate {
    /// There was nobody to send it to, or somebody else sends it.
    Nothing,
    Sent,
    Failed,
    Expired,
}

/// Sends everything that is due, from a scheduler of the program's own. Several processes may do so at once.
///
/// # Errors
/// [`Code::Unavailable`](crate::error::Code::Unavailable) when the store does not answer. What was sent and could not
/// be removed is sent again.
pub async fn deliver(cx: &Cx) -> Result<Delivered> {
    let (mut delivered, begun) = (Delivered::default(), cx.now());
    loop {
        // What fails is due later than this, so that it ends however much fails.
        let due = cx.conn().due_messages(begun, BATCH).await?;
        let (count, mut claimed, mut failure) = (due.len(), 0, None);
        let mut fates =
            stream::iter(due).map(|message| handle(cx, message)).buffer_unordered(cx.auth().config().outbox.at_once);
        while let Some(fate) = fates.next().await {
            match fate {
                Ok(None) => continue,
                Ok(Some(Fate::Sent)) => delivered.sent += 1,
                Ok(Some(Fate::Failed)) => delivered.failed += 1,
                Ok(Some(Fate::Expired)) => delivered.expired += 1,
                Ok(Some(Fate::Nothing)) => {}
                // The others are under way: they come to their end first, or they would be sent again.
                Err(error) => failure = Some(error),
            }
            claimed += 1;
        }
        if let Some(error) = failure {
            return Err(error);
        }
        // Another process is at it when nothing of a batch could be taken.
        if count < BATCH as usize || claimed == 0 {
            return Ok(delivered);
        }
    }
}

/// How much waits, for a health check or a metric.
///
/// # Errors
/// When the store is down.
pub async fn backlog(cx: &Cx) -> Result<Backlog> {
    Ok(cx.conn().backlog().await?)
}

/// Takes one message over and sends it; `None` when somebody else has.
async fn handle(cx: &Cx, message: QueuedMessage) -> Result<Option<Fate>> {
    let now = cx.now();
    if !cx.conn().claim_message(&message, now.plus(pause(message.attempts))).await? {
        return Ok(None);
    }
    let letter = opened(cx, &message);
    if now >= message.expires_at {
        let kind = letter.as_ref().map_or("unknown", Letter::kind);
        cx.conn().delete_message(message.id).await?;
        if kind == "nothing" {
            return Ok(Some(Fate::Nothing));
        }
        tracing::error!(kind, attempts = message.attempts, "a message could not be sent while it was of use");
        cx.record(Event::MessageExpired { kind }).await;
        return Ok(Some(Fate::Expired));
    }
    let attempts = message.attempts + 1;
    let (kind, sent) = match &letter {
        Ok(letter) => (letter.kind(), send(cx, letter).await),
        Err(error) => ("unknown", Err(PortError::new("outbox", error.to_string()))),
    };
    match sent {
        Ok(()) => {
            cx.conn().delete_message(message.id).await?;
            Ok(Some(if kind == "nothing" { Fate::Nothing } else { Fate::Sent }))
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::warn!(
                kind,
                attempts,
                port = error.port(),
                cause,
                "a message could not be sent, and will be again"
            );
            Ok(Some(Fate::Failed))
        }
    }
}

fn opened(cx: &Cx, message: &QueuedMessage) -> Result<Letter> {
    let id = message.id.as_uuid();
    let plain = cx.auth().sealer().open(&place(id.as_bytes()), &message.sealed).map_err(Error::internal)?;
    serde_json::from_slice(plain.expose()).map_err(Error::internal)
}

/// A port that panics or takes too long has failed.
async fn send(cx: &Cx, letter: &Letter) -> Result<(), PortError> {
    let (port, sending) = match (letter, cx.auth().mailer(), cx.auth().sms_sender()) {
        (Letter::Nothing, ..) => return Ok(()),
        (Letter::Mail(message), Some(mailer), _) => ("mailer", mailer.send(message)),
        (Letter::Text(message), _, Some(sender)) => ("SMS sender", sender.send(message)),
        (Letter::Mail(_), None, _) => return Err(PortError::new("mailer", "there is none")),
        (Letter::Text(_), _, None) => return Err(PortError::new("SMS sender", "there is none")),
    };
    match tokio::time::timeout(TIME_LIMIT, AssertUnwindSafe(sending).catch_unwind()).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => Err(PortError::new(port, "it panicked")),
        Err(_) => Err(PortError::new(port, format!("it took longer than {TIME_LIMIT:?}"))),
    }
}

/// How long to wait after so many attempts before this one.
fn pause(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

/// Sends in the background, as long as its engine lives.
pub(crate) struct Postman {
    mailer: Option<Box<dyn Mailer>>,
    sms: Option<Box<dyn SmsSender>>,
    wake: Arc<Notify>,
    is_running: Arc<AtomicBool>,
}

impl Postman {
    pub(crate) fn new(mailer: Option<Box<dyn Mailer>>, sms: Option<Box<dyn SmsSender>>) -> Self {
        Self { mailer, sms, wake: Arc::default(), is_running: Arc::default() }
    }

    pub(crate) fn mailer(&self) -> Option<&dyn Mailer> {
        self.mailer.as_deref()
    }

    pub(crate) fn sms_sender(&self) -> Option<&dyn SmsSender> {
        self.sms.as_deref()
    }

    /// Has a message sent that has just been written.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Sees to it that somebody sends. Costs one look at a flag when somebody does; needs a runtime to do more.
    pub(crate) fn see_to_it(&self, auth: &Auth, config: &Config) {
        let has_work = config.is_in_background && (self.mailer.is_some() || self.sms.is_some());
        if !has_work || self.is_running.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.is_running.swap(true, Ordering::AcqRel) {
            let round = Round(Arc::clone(&self.is_running));
            runtime.spawn(round.go(auth.downgrade(), Arc::clone(&self.wake), config.interval));
        }
    }
}

/// Somebody who sends. When they stop, with the runtime that they ran on perhaps, another one may begin.
struct Round(Arc<AtomicBool>);

impl Round {
    async fn go(self, auth: WeakAuth, wake: Arc<Notify>, interval: Duration) {
        loop {
            let Some(auth) = auth.upgrade() else { return };
            if let Err(error) = deliver(&auth.background_cx()).await {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(code = error.code(), cause, "messages could not be read from the outbox");
            }
            drop(auth);
            tokio::time::timeout(interval, wake.notified()).await.ok();
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_an_hour_and_outlasts_an_attempt() {
        let minutes: Vec<u64> = (0..9).map(|attempts| pause(attempts).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE);
        assert!(pause(0) > TIME_LIMIT && pause(-1) > TIME_LIMIT);
    }
}
