//! The endpoints of a user's own profile.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::model::{ProfileChange, check_profile, refuse_protected_fields};
use super::service;
use crate::base::json;
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::guard::CurrentSession;
use crate::http::{Done, Endpoint, Json, Route, forget_session};
use crate::{password, session};

pub(crate) const ROUTES: &[Route] = &[Route::of::<UpdateUser>(), Route::of::<DeleteUser>()];

/// `POST /update-user`: changes the caller's name and picture.
#[derive(Debug, Deserialize)]
pub struct UpdateUser {
    /// A new name, at most 255 characters.
    pub name: Option<String>,
    /// A new picture's address, or `null` to remove it.
    #[serde(default, deserialize_with = "json::present")]
    pub image: Option<Option<String>>,
    /// Everything else: dropped, or refused when it is a protected field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for UpdateUser {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/update-user";
    const NAME: &'static str = "update_user";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        if self.extra.contains_key("email") {
            return Err(Code::EmailCanNotBeUpdated.into());
        }
        refuse_protected_fields(&self.extra)?;
        let change = ProfileChange { name: self.name, image: self.image };
        if change.name.is_none() && change.image.is_none() {
            return Err(Code::NothingToUpdate.into());
        }
        check_profile(change.name.as_deref(), change.image.as_ref().and_then(Option::as_deref))?;
        let mut work = cx.begin().await?;
        session::still_holds(cx, &mut work, current.user(), &current).await?;
        service::change_profile(cx, &mut work, current.user_id, &change).await?;
        work.commit().await?;
        Ok(Json(Done::status()))
    }
}

/// `POST /delete-user`: removes the caller with everything that belongs to them. Proved by the password, or by the
/// token of a session that was opened a short while ago; an access token, which many programs see, does not suffice.
#[derive(Debug, Deserialize)]
pub struct DeleteUser {
    /// The current password.
    pub password: Option<Password>,
}

impl Endpoint for DeleteUser {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/delete-user";
    const NAME: &'static str = "delete_user";
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        current.expect_session_token()?;
        match self.password {
            Some(password) => {
                password::verify(cx, current.user(), &current, password).await?;
            }
            None if current.is_fresh(cx) => {}
            None => return Err(Code::SessionExpired.into()),
        }
        let mut work = cx.begin().await?;
        session::still_holds(cx, &mut work, current.user(), &current).await?;
        service::delete_user(cx, &mut work, current.user()).await?;
        work.commit().await?;
        forget_session(cx);
        Ok(Json(Done::saying("User deleted")))
    }
}
