//! Making anonymous users, and taking them away.

use serde_json::{Map, Value};

use crate::base::{Email, TenantId, UserId};
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::hooks::{LoginAttempt, LoginOccasion};
use crate::session::{self, AuthEvent, AuthMethod, Entry, Persistence, Session, SignedIn, complete_login};
use crate::user::{self, SignUp, User};

/// Makes somebody of whom nothing is known, and opens a session for them.
pub(crate) async fn sign_in(cx: &Cx, tenant: Option<TenantId>, input: &Map<String, Value>) -> Result<SignedIn> {
    let config = cx.auth().config().anonymous.as_ref().ok_or(Code::NotFound)?;
    let wanted = LoginAttempt::new(AuthMethod::Anonymous, LoginOccasion::SignUp, input).wanting(tenant);
    let entry = Entry::decide(cx, wanted).await?;
    let email = Email::placeholder(UserId::new(cx.now(), cx.random()), "anonymous");
    let mut signup = SignUp::new(email, config.name.clone());
    signup.identifiers.is_anonymous = true;
    if cx.auth().config().tenancy.is_isolated() {
        signup.tenant = Some(entry.tenant.clone().ok_or(Code::TenantRequired)?);
    }
    let mut work = cx.begin().await?;
    let user = user::insert(cx, &mut work, cx.pool(), &mut signup).await?;
    user::signed_up(cx, &mut work, &user, &signup).await?;
    let event = AuthEvent::signed_up(user, AuthMethod::Anonymous, Persistence::Persistent, entry);
    let signed_in = complete_login(cx, &mut work, event).await?;
    work.commit().await?;
    Ok(signed_in)
}

/// Removes the anonymous user of this session.
///
/// # Errors
/// 403 for somebody who is known.
pub(crate) async fn delete(cx: &Cx, user: &User, session: &Session) -> Result<()> {
    if !user.identifiers.is_anonymous {
        return Err(Code::UserIsNotAnonymous.into());
    }
    let mut work = cx.begin().await?;
    session::still_holds(cx, &mut work, user, session).await?;
    user::remove(cx, &mut work, user).await?;
    work.commit().await
}
