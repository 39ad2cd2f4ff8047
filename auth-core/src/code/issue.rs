//! Making mailed codes, reading them, using them up.
//!
//! A code is bound to what was true when it was made: whose mailbox it is, which address the account had. Who redeems
//! one has that judged again, against the rows as they are then, in the transaction of what the code brings about.

use std::time::Duration;

use zeroize::Zeroizing;

use super::config::OtpForm;
use super::model::{Binding, CodePurpose, CodeSubject, StoredCode};
use crate::account::CountedAttempt;
use crate::base::{Email, PhoneNumber, Timestamp, Token, TokenHash};
use crate::crypto::mac::CodeKeys;
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, ErrorKind, Result};
use crate::hooks::Event;
use crate::user::{Population, User};

/// Whom a code is made for: the holder of a mailbox, whether that is anybody's or not.
pub(crate) struct Recipient<'a> {
    subject: CodeSubject,
    user: Option<&'a User>,
}

impl<'a> Recipient<'a> {
    /// Whoever has this mailbox, and the user there whose address it is, if there is one.
    pub(crate) fn mailbox(cx: &Cx, population: &Population, email: &Email, user: Option<&'a User>) -> Self {
        Self { subject: mailbox(cx, population, email), user }
    }

    /// Whoever has this telephone number, and the user whose it is, if there is one.
    pub(crate) fn phone(cx: &Cx, population: &Population, phone: &PhoneNumber, user: Option<&'a User>) -> Self {
        Self { subject: telephone(cx, population, phone), user }
    }

    /// As [`nobody`](Self::nobody), of a telephone number.
    pub(crate) fn no_phone(cx: &Cx, population: &Population, phone: &PhoneNumber) -> Self {
        Self::in_place_of(cx, &telephone(cx, population, phone))
    }

    /// Nobody: what costs the same as a code for this mailbox, and leaves those alone that are out.
    pub(crate) fn nobody(cx: &Cx, population: &Population, email: &Email) -> Self {
        Self::in_place_of(cx, &mailbox(cx, population, email))
    }

    fn in_place_of(cx: &Cx, subject: &CodeSubject) -> Self {
        Self { subject: CodeSubject::from_pseudonym(keys(cx).pseudonym(&[b"nobody", subject.as_bytes()])), user: None }
    }

    /// A user, whatever their address.
    pub(crate) fn user(user: &'a User) -> Self {
        Self { subject: CodeSubject::from(user.id), user: Some(user) }
    }
}

/// What codes for this mailbox are found by.
pub(crate) fn mailbox(cx: &Cx, population: &Population, email: &Email) -> CodeSubject {
    pseudonym(cx, b"mailbox", population, email.as_str())
}

/// What codes for this telephone number are found by.
pub(crate) fn telephone(cx: &Cx, population: &Population, phone: &PhoneNumber) -> CodeSubject {
    pseudonym(cx, b"telephone", population, phone.as_str())
}

fn pseudonym(cx: &Cx, kind: &[u8], population: &Population, value: &str) -> CodeSubject {
    let tenant = population.tenant.as_ref().map_or("", |tenant| tenant.as_str());
    let parts = [kind, population.pool.as_str().as_bytes(), tenant.as_bytes(), value.as_bytes()];
    CodeSubject::from_pseudonym(keys(cx).pseudonym(&parts))
}

fn keys(cx: &Cx) -> CodeKeys {
    CodeKeys::new(&cx.auth().config().keyring)
}

/// A code as it is sent, and until when it is good.
pub(crate) struct Issued {
    pub(crate) secret: Zeroizing<String>,
    pub(crate) expires_at: Timestamp,
}

/// Makes a link of this purpose, in place of an earlier one of the recipient.
pub(crate) async fn issue_link(
    cx: &Cx,
    work: &mut Work<'_>,
    purpose: CodePurpose,
    recipient: Recipient<'_>,
    (binding, ttl): (&Binding, Duration),
) -> Result<Issued> {
    let kind = purpose.token_kind().ok_or_else(|| Error::internal("a code that is typed in is no link"))?;
    let token = Token::random(kind, cx.random());
    let secret = Zeroizing::new(token.expose().to_owned());
    put(cx, work, (purpose, token.hash()), recipient, (binding, ttl))
        .await
        .map(|expires_at| Issued { secret, expires_at })
}

/// Makes a code of this purpose to be typed in, in place of an earlier one of the recipient.
pub(crate) async fn issue_otp(
    cx: &Cx,
    work: &mut Work<'_>,
    purpose: CodePurpose,
    recipient: Recipient<'_>,
    (binding, form): (&Binding, &OtpForm),
) -> Result<Issued> {
    let secret = form.random(cx.random());
    let hash = otp_hash(cx, purpose, &recipient.subject, &secret)?;
    let expires_at = put(cx, work, (purpose, hash), recipient, (binding, form.ttl)).await?;
    Ok(Issued { secret, expires_at })
}

async fn put(
    cx: &Cx,
    work: &mut Work<'_>,
    (purpose, hash): (CodePurpose, TokenHash),
    recipient: Recipient<'_>,
    (binding, ttl): (&Binding, Duration),
) -> Result<Timestamp> {
    let now = cx.now();
    let code = StoredCode {
        hash,
        purpose,
        subject: recipient.subject,
        user_id: recipient.user.map(|user| user.id),
        session_id: None,
        binding: Some(serde_json::to_string(binding).map_err(Error::internal)?),
        attempts: 0,
        created_at: now,
        expires_at: now.plus(ttl),
    };
    // The user has been deleted since they were looked up.
    if work.put_code(&code).await? { Ok(code.expires_at) } else { Err(Code::Conflict.into()) }
}

fn otp_hash(cx: &Cx, purpose: CodePurpose, subject: &CodeSubject, otp: &str) -> Result<TokenHash> {
    let tag = keys(cx).tag(purpose.as_str(), subject.as_bytes(), otp.as_bytes());
    TokenHash::from_stored(&tag).ok_or_else(|| Error::internal("a tag has 32 bytes"))
}

/// A code that was shown and is good, and what it is bound to. It is not used up yet.
#[derive(Debug)]
pub(crate) struct ShownCode {
    code: StoredCode,
    pub(crate) bound: Binding,
}

/// Reads the token of a link.
///
/// # Errors
/// 400 `INVALID_TOKEN` for one that is unknown, used, replaced or for something else, `TOKEN_EXPIRED`.
pub(crate) async fn read_link(cx: &Cx, purpose: CodePurpose, text: &str) -> Result<ShownCode> {
    let token = purpose.token_kind().and_then(|kind| Token::parse(kind, text).ok()).ok_or(Code::InvalidToken)?;
    let found = cx.conn().code_by_hash(purpose, &token.hash(), Timestamp::from_micros(0)).await?;
    let code = found.ok_or(Code::InvalidToken)?;
    if cx.now() < code.expires_at {
        return ShownCode::of(code);
    }
    // The protocol tells the two apart for these alone.
    let tells = matches!(purpose, CodePurpose::VerifyEmail | CodePurpose::ChangeEmail | CodePurpose::NewEmail);
    Err(if tells { Code::TokenExpired.into() } else { Code::InvalidToken.into() })
}

/// Judges a code that somebody has typed in: by the count of their account, into which the attempt has gone, and by the
/// count of the code itself.
///
/// # Errors
/// 400 `OTP_NOT_FOUND`, `INVALID_OTP` and `OTP_EXPIRED`; 403, as the protocol has it for codes, `TOO_MANY_ATTEMPTS` at
/// the code or from the client. After too many at the account, any code is refused like a wrong one.
pub(crate) async fn prove_otp(
    cx: &Cx,
    attempt: &CountedAttempt,
    (purpose, subject): (CodePurpose, &CodeSubject),
    otp: &str,
    form: &OtpForm,
) -> Result<ShownCode> {
    let counters = cx.conn().attempts(&attempt.keys(), cx.now()).await?;
    let standing = attempt.standing(&counters, cx.now());
    let outcome = match standing.blocked_for {
        Some(wait) if standing.is_address_blocked => {
            Err(Error::from(Code::TooManyAttempts).of_kind(ErrorKind::Forbidden).retry_after(wait))
        }
        // The right code is wrong, too. To say more would tell which names, numbers and addresses are one account's.
        Some(_) => try_otp(cx, purpose, subject, otp, form).await.and_then(|_| Err(Code::InvalidOtp.into())),
        None => try_otp(cx, purpose, subject, otp, form).await,
    };
    if outcome.as_ref().is_err_and(|error| error.kind() != ErrorKind::Unavailable) {
        cx.record(Event::CodeRefused).await;
    }
    attempt.judged(cx, outcome).await
}

/// Counts a try at the code of this purpose for this subject, durably, and then compares.
///
/// # Errors
/// 400 `OTP_NOT_FOUND`, `INVALID_OTP` and `OTP_EXPIRED`, 403 `TOO_MANY_ATTEMPTS` after so many wrong ones. All three
/// are said of mailboxes that are nobody's, too, if a code was asked for.
async fn try_otp(cx: &Cx, purpose: CodePurpose, subject: &CodeSubject, otp: &str, form: &OtpForm) -> Result<ShownCode> {
    let shown = otp_hash(cx, purpose, subject, &form.canonical(otp))?;
    let mut work = cx.begin().await?;
    let tried = work.try_code(purpose, subject).await?;
    work.commit().await?;
    // The count is at least this try: a code without one was made since, and has not been tried.
    let code = tried.filter(|code| code.attempts > 0).ok_or(Code::OtpNotFound)?;
    if cx.now() >= code.expires_at {
        return Err(Code::OtpExpired.into());
    }
    if code.attempts > i64::from(form.most_attempts) {
        return Err(Error::from(Code::TooManyAttempts).of_kind(ErrorKind::Forbidden));
    }
    if code.hash.matches(&shown) { ShownCode::of(code) } else { Err(Code::InvalidOtp.into()) }
}

impl ShownCode {
    fn of(code: StoredCode) -> Result<Self> {
        let binding =
            code.binding.as_deref().ok_or_else(|| Error::internal("a mailed code that is bound to nothing"))?;
        let bound = serde_json::from_str(binding).map_err(Error::internal)?;
        Ok(Self { code, bound })
    }

    /// The user that it was made for, if they are as they were then: enabled, of this address, of a pool that counts
    /// here. `None` when it was made for nobody.
    ///
    /// # Errors
    /// 400 `INVALID_TOKEN` when they are not.
    pub(crate) async fn user(&self, cx: &Cx) -> Result<Option<User>> {
        if self.bound.pool != cx.pool().as_str() {
            return Err(self.refusal());
        }
        let Some(id) = self.code.user_id else { return Ok(None) };
        let found = cx.conn().user_by_id(id).await?;
        let user = found.filter(|user| self.is_for(user)).ok_or_else(|| self.refusal())?;
        if user.disabled_at.is_some() || !cx.accepts(user.pool) {
            return Err(self.refusal());
        }
        cx.auth().config().tenancy.expect_home(cx, user.tenant.as_ref())?;
        Ok(Some(user))
    }

    /// Whether the user is known by what it was sent to, and owes nobody else's consent by now.
    fn is_for(&self, user: &User) -> bool {
        let Binding { email, phone, unproved, .. } = &self.bound;
        !(*unproved && user.email_verified)
            && email.as_ref().is_none_or(|email| *email == user.email)
            && phone.as_ref().is_none_or(|phone| user.identifiers.phone_number.as_ref() == Some(phone))
    }

    /// The mailbox that it was sent to.
    pub(crate) fn mailbox(&self) -> Result<&Email> {
        self.bound.email.as_ref().ok_or_else(|| Error::internal("a code that was not mailed"))
    }

    /// Uses it up, in the transaction of what it brings about. Of two who do so at once, one does.
    pub(crate) async fn consume(&self, cx: &Cx, work: &mut Work<'_>) -> Result<()> {
        let is_mine = work.consume_code(self.code.purpose, &self.code.hash, cx.now()).await?;
        if is_mine { Ok(()) } else { Err(self.refusal()) }
    }

    /// Uses it up for its user, whose row is taken first: whoever changes their credentials, or disables them, comes
    /// wholly before, and the code is refused, or wholly after. The user as they are now.
    pub(crate) async fn consume_for(&self, cx: &Cx, work: &mut Work<'_>, user: &User) -> Result<User> {
        if !work.claim_login(user.id, user.credential_version).await? {
            return Err(self.refusal());
        }
        // An address is no credential: it may have changed since the user was looked up.
        let found = work.user_by_id(user.id).await?.filter(|found| self.is_for(found));
        let found = found.ok_or_else(|| self.refusal())?;
        self.consume(cx, work).await?;
        Ok(found)
    }

    /// Takes the try back: it was right, and the code is to stay good.
    pub(crate) async fn refund(&self, cx: &Cx) -> Result<()> {
        Ok(cx.conn().refund_code(self.code.purpose, &self.code.hash).await?)
    }

    /// What is said of a code of this kind that is not right.
    pub(crate) fn refusal(&self) -> Error {
        match self.code.purpose.token_kind() {
            Some(_) => Code::InvalidToken.into(),
            None => Code::InvalidOtp.into(),
        }
    }
}
