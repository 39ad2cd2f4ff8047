//! The endpoints of a user's own profile.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::model::{ProfileChange, check_profile, refuse_protected_fields};
use super::service;
use crate::base::json;
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::error::{Code, Error, ErrorKind, Result};
use crate::guard::{Anyone, CurrentSession, Guard};
use crate::http::{
    Done, Endpoint, Form, Json, LinkReply, Media, Onward, Route, Step, TokenText, forget_session, is_navigation,
};
use crate::limit::EndpointLimit;
use crate::username::{self, Chosen};
use crate::{email, password, phone, session};

pub(crate) const ROUTES: &[Route] = &[Route::of::<UpdateUser>(), Route::of::<DeleteUser>()];

/// Those that links out of mails lead to.
pub(crate) const MAIL_ROUTES: &[Route] = &[Route::of::<FollowDeletion>(), Route::of::<ConfirmDeletion>()];

/// `POST /update-user`: changes the caller's name and picture; and where people sign in with names
/// ([`username`]), theirs (`username`, `displayUsername`), for which it takes a fresh session.
#[derive(Debug, Deserialize)]
pub struct UpdateUser {
    /// A new name, at most 255 characters.
    pub name: Option<String>,
    /// A new picture's address, or `null` to remove it.
    #[serde(default, deserialize_with = "json::present")]
    pub image: Option<Option<String>>,
    /// The user name, where there are any. Everything else is dropped, or refused when it is a protected field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for UpdateUser {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/update-user";
    const NAME: &'static str = "update_user";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(mut self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        if self.extra.contains_key("email") {
            return Err(Code::EmailCanNotBeUpdated.into());
        }
        let chosen = Chosen::taken_from(cx, &mut self.extra)?;
        phone::expect_unset(cx, &self.extra, Code::PhoneNumberCannotBeUpdated)?;
        refuse_protected_fields(&self.extra)?;
        let change = ProfileChange { name: self.name, image: self.image };
        if change.name.is_none() && change.image.is_none() && chosen.is_none() {
            return Err(Code::NothingToUpdate.into());
        }
        check_profile(change.name.as_deref(), change.image.as_ref().and_then(Option::as_deref))?;
        let mut work = cx.begin().await?;
        session::still_holds(cx, &mut work, current.user(), &current).await?;
        service::change_profile(cx, &mut work, current.user_id, &change).await?;
        if let Some(chosen) = &chosen {
            let user = work.user_by_id(current.user_id).await?.ok_or(Code::Unauthorized)?;
            // A name is something to sign in with, so another one takes what another address or password takes.
            if chosen.renames(&user) {
                current.expect_session_token()?;
                if !current.is_fresh(cx) {
                    return Err(Code::SessionNotFresh.into());
                }
            }
            username::change(cx, &mut work, &user, chosen).await?;
        }
        work.commit().await?;
        Ok(Json(Done::status()))
    }
}

/// `POST /delete-user`: removes the caller with everything that belongs to them. Proved by the password, by the token
/// of a session that was opened a short while ago, or by a link that was mailed to them; an access token, which many
/// programs see, does not suffice. Without a proof, they are written to.
#[derive(Debug, Deserialize)]
pub struct DeleteUser {
    /// The current password.
    pub password: Option<Password>,
    /// The token of a link that was mailed to them.
    pub token: Option<TokenText>,
    /// Where the link leads in the end: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

impl Endpoint for DeleteUser {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/delete-user";
    const NAME: &'static str = "delete_user";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        current.expect_session_token()?;
        match (self.password, self.token) {
            (Some(password), _) => {
                password::verify(cx, current.user(), &current, password).await?;
            }
            (None, Some(token)) => return Deletion { token, current }.carry_out(cx).await.map(Json),
            (None, None) if current.is_fresh(cx) => {}
            (None, None) if cx.auth().mailer().is_none() => return Err(Code::SessionExpired.into()),
            (None, None) => {
                let callback = self.callback_url.as_deref();
                email::request_deletion(cx, (current.user(), &current), callback).await?;
                return Ok(Json(Done::saying("Verification email sent")));
            }
        }
        let mut work = cx.begin().await?;
        session::still_holds(cx, &mut work, current.user(), &current).await?;
        service::remove(cx, &mut work, current.user()).await?;
        work.commit().await?;
        forget_session(cx);
        Ok(Json(Done::saying("User deleted")))
    }
}

/// A link, and the session of whoever follows it.
struct Deletion {
    token: TokenText,
    current: CurrentSession,
}

impl Deletion {
    /// Nobody is asked to sign in by a link: without a session there is nothing here.
    async fn of(cx: &Cx, token: TokenText) -> Result<Self> {
        let current = CurrentSession::check(cx).await.map_err(|error| match error.kind() {
            ErrorKind::Unauthorized => Error::from(Code::FailedToGetUserInfo),
            _ => error,
        })?;
        current.expect_session_token()?;
        Ok(Self { token, current })
    }

    async fn carry_out(self, cx: &Cx) -> Result<Done> {
        let Self { token, current } = self;
        email::delete_by_link(cx, (current.user(), &current), token.expose()).await.map_err(not_found)?;
        forget_session(cx);
        Ok(Done::saying("User deleted"))
    }
}

/// As the protocol has it for these links.
fn not_found(error: Error) -> Error {
    if error.kind() == ErrorKind::BadRequest { error.of_kind(ErrorKind::NotFound) } else { error }
}

/// `GET /delete-user/callback`: where the link in a mail leads, in the browser in which its user is signed in. A
/// program is answered at once; a person sees a page with a button first, which sends [`ConfirmDeletion`].
#[derive(Debug, Deserialize)]
pub struct FollowDeletion {
    /// The token of the link.
    pub token: TokenText,
    /// Where to go on to: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

impl Endpoint for FollowDeletion {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/delete-user/callback";
    const NAME: &'static str = "follow_deletion";
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = LinkReply<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let (token, callback) = (self.token, self.callback_url);
        if !is_navigation(cx) {
            return deleted(cx, token, callback).await;
        }
        let looked_at = async {
            let deletion = Deletion::of(cx, token.clone()).await?;
            email::look_at_deletion(cx, deletion.current.user(), token.expose()).await.map_err(not_found)?;
            Ok(deletion.current)
        };
        match looked_at.await {
            Ok(current) => {
                let form = Form::to(cx, Self::PATH).with("token", Some(token.expose()));
                let form = form.onward("callbackURL", callback.as_deref());
                LinkReply::confirm(cx, Step::DeleteUser, current.user().email.as_str(), form)
            }
            Err(error) => LinkReply::outcome(cx, Step::DeleteUser, Err(error), Onward::to(callback)),
        }
    }
}

/// `POST /delete-user/callback`: the button of the page.
#[derive(Debug, Deserialize)]
pub struct ConfirmDeletion {
    /// The token of the link.
    pub token: TokenText,
    /// Where to go on to: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

impl Endpoint for ConfirmDeletion {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/delete-user/callback";
    const NAME: &'static str = "confirm_deletion";
    const MEDIA: Media = Media::JsonOrForm;
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = LinkReply<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        deleted(cx, self.token, self.callback_url).await
    }
}

async fn deleted(cx: &Cx, token: TokenText, callback: Option<String>) -> Result<LinkReply<Done>> {
    let outcome = async { Deletion::of(cx, token).await?.carry_out(cx).await };
    LinkReply::outcome(cx, Step::DeleteUser, outcome.await, Onward::to(callback))
}
