//! Making codes and using them up.

use super::model::{CodePurpose, CodeSubject, StoredCode};
use crate::base::{Token, TokenKind};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};
use crate::hooks::{LoginAttempt, LoginOccasion};
use crate::session::{self, AuthEvent, AuthMethod, Entry, Session, SignedIn, complete_login};
use crate::user::User;

/// Makes a one-time token for the session, in place of an earlier one of it.
pub(crate) async fn issue_one_time_token(cx: &Cx, user: &User, session: &Session) -> Result<Token> {
    let config = cx.auth().config().one_time_tokens.as_ref().ok_or(Code::NotFound)?;
    let token = Token::random(TokenKind::OneTime, cx.random());
    let code = StoredCode {
        hash: token.hash(),
        purpose: CodePurpose::OneTimeToken,
        subject: CodeSubject::from(session.id),
        user_id: Some(user.id),
        session_id: Some(session.id),
        binding: None,
        attempts: 0,
        created_at: cx.now(),
        expires_at: cx.now().plus(config.ttl),
    };
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    if !work.put_code(&code).await? {
        return Err(Code::Unauthorized.into());
    }
    work.commit().await?;
    Ok(token)
}

/// Opens a session beside the one that a one-time token was made in. It is no new proof of who the person is: how fresh
/// and how sure that is, and when it ends in any case, are the other session's.
///
/// # Errors
/// 400 for a token that is unknown, used, expired, of an ended session or of the other pool; 403 in a request that
/// names another tenant; what hooks refuse. It is not used up then.
pub(crate) async fn redeem_one_time_token(cx: &Cx, token: &Token) -> Result<SignedIn> {
    let refused = || Error::from(Code::InvalidToken);
    let input = serde_json::Map::new();
    Entry::decide(cx, LoginAttempt::new(AuthMethod::OneTimeToken, LoginOccasion::Renewal, &input)).await?;
    cx.before_auth().await?;
    let (purpose, hash) = (CodePurpose::OneTimeToken, token.hash());
    let code = cx.conn().code_by_hash(purpose, &hash, cx.now()).await?.ok_or_else(refused)?;
    let id = code.session_id.ok_or_else(refused)?;
    let found = cx.conn().session_by_id(id).await?.ok_or_else(refused)?;
    let origin = session::judge(cx, found).await?.ok_or_else(refused)?;
    if Some(origin.user.id) != code.user_id {
        return Err(refused());
    }
    cx.admit_beside(&origin).await?;
    let mut work = cx.begin().await?;
    // Whoever ends sessions, disables the user or changes their password locks the user's row first, and so does this:
    // it comes wholly before, and the new session ends with the others, or wholly after, and is refused.
    let holds = session::still_holds(cx, &mut work, &origin.user, &origin.session).await;
    holds.map_err(|error| if error.is(Code::Unauthorized) { refused() } else { error })?;
    if !work.consume_code(purpose, &hash, cx.now()).await? {
        return Err(refused());
    }
    let event = AuthEvent::beside(origin.user, &origin.session, AuthMethod::OneTimeToken);
    let signed_in = complete_login(cx, &mut work, event).await?;
    work.commit().await?;
    Ok(signed_in)
}
