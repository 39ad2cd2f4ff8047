//! The endpoints of mailboxes.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::service::{self, Aim, Followed, Search, Shown};
use crate::base::{Email, TenantId};
use crate::code::CodePurpose;
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::guard::{Anyone, CurrentSession, Fresh, MaybePrincipal};
use crate::http::{
    Done, Endpoint, Form, Json, LinkReply, Media, Onward, Route, Step, TokenText, give_session, is_navigation,
    unauthorized,
};
use crate::limit::EndpointLimit;
use crate::session::user_view;

pub(crate) const ROUTES: &[Route] = &[
    Route::of::<SendVerificationEmail>(),
    Route::of::<VerifyEmail>(),
    Route::of::<ConfirmVerifyEmail>(),
    Route::of::<ChangeEmail>(),
];

/// `POST /send-verification-email`: a link that proves the mailbox. Strangers get one answer, whatever the address.
#[derive(Debug, Deserialize)]
pub struct SendVerificationEmail {
    /// The account's address.
    pub email: Email,
    /// Where the link leads in the end: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for SendVerificationEmail {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/send-verification-email";
    const NAME: &'static str = "send_verification_email";
    const LIMIT: EndpointLimit = EndpointLimit::MAIL;
    type Caller = MaybePrincipal;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, caller: MaybePrincipal) -> Result<Json<Done>> {
        let signed_in = match &caller {
            MaybePrincipal::Principal(caller) => caller.authentication().user(),
            MaybePrincipal::Anonymous => None,
        };
        match signed_in {
            Some(user) if user.email != self.email => return Err(Code::EmailMismatch.into()),
            Some(user) if user.email_verified => return Err(Code::EmailAlreadyVerified.into()),
            Some(_) | None => {}
        }
        let population = match signed_in {
            Some(user) => user.population(),
            None => {
                let tenancy = &cx.auth().config().tenancy;
                tenancy.population(cx, tenancy.at_sign_in(cx, self.tenant_id)?.as_ref()).await?
            }
        };
        let search = Search::of(cx, CodePurpose::VerifyEmail, population, self.email).await?;
        service::request_verification(cx, search, self.callback_url.as_deref()).await?;
        Ok(Json(Done::status()))
    }
}

/// `GET /verify-email`: where the link in a mail leads. A program is answered at once; a person sees a page with a
/// button first, which sends [`ConfirmVerifyEmail`].
#[derive(Debug, Deserialize)]
pub struct VerifyEmail {
    /// The token of the link.
    pub token: TokenText,
    /// Where to go on to: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

/// `{"status":true}`, and `user` as the protocol has it: the user after a change of address, `null` after a proof.
#[derive(Debug, Serialize)]
pub struct VerifiedBody {
    status: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Option<Map<String, Value>>>,
}

impl Endpoint for VerifyEmail {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/verify-email";
    const NAME: &'static str = "verify_email";
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = LinkReply<VerifiedBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        if !is_navigation(cx) {
            return verified(cx, &self.token, self.callback_url).await;
        }
        match service::look_at(cx, self.token.expose()).await {
            Ok(shown) => {
                let callback = self.callback_url.as_deref();
                let form = Form::to(cx, Self::PATH).with("token", Some(self.token.expose()));
                LinkReply::confirm(cx, step(&shown), shown.account().as_str(), form.onward("callbackURL", callback))
            }
            Err(error) => {
                LinkReply::outcome(cx, Step::VerifyEmail, Err(unauthorized(error)), Onward::to(self.callback_url))
            }
        }
    }
}

/// `POST /verify-email`: the button of the page.
#[derive(Debug, Deserialize)]
pub struct ConfirmVerifyEmail {
    /// The token of the link.
    pub token: TokenText,
    /// Where to go on to: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

impl Endpoint for ConfirmVerifyEmail {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/verify-email";
    const NAME: &'static str = "confirm_verify_email";
    const MEDIA: Media = Media::JsonOrForm;
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = LinkReply<VerifiedBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        verified(cx, &self.token, self.callback_url).await
    }
}

/// Follows the link.
async fn verified(cx: &Cx, token: &TokenText, callback: Option<String>) -> Result<LinkReply<VerifiedBody>> {
    let shown = match service::look_at(cx, token.expose()).await {
        Ok(shown) => shown,
        Err(error) => {
            return LinkReply::outcome(cx, Step::VerifyEmail, Err(unauthorized(error)), Onward::to(callback));
        }
    };
    let step = step(&shown);
    let outcome = match service::follow(cx, shown, callback.as_deref()).await {
        Ok(followed) => Ok(body(cx, followed).await?),
        Err(error) => Err(unauthorized(error)),
    };
    LinkReply::outcome(cx, step, outcome, Onward::to(callback))
}

async fn body(cx: &Cx, followed: Followed) -> Result<VerifiedBody> {
    let user = match followed {
        Followed::Verified(signed_in) => {
            if let Some(signed_in) = signed_in {
                give_session(cx, &signed_in);
            }
            Some(None)
        }
        Followed::Approved => None,
        Followed::Moved(user) => Some(Some(user_view(cx, &user).await?)),
    };
    Ok(VerifiedBody { status: true, user })
}

const fn step(shown: &Shown) -> Step {
    match shown.aim {
        Aim::Approve => Step::ChangeEmail,
        Aim::Move => Step::NewEmail,
        Aim::Verify => Step::VerifyEmail,
    }
}

/// `POST /change-email`: another address for the caller, who shows the session's own token and has signed in a short
/// while ago. It is written to the mailboxes, never changed at once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeEmail {
    /// The address that the account is to have.
    pub new_email: Email,
    /// Where the links lead in the end: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

impl Endpoint for ChangeEmail {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/change-email";
    const NAME: &'static str = "change_email";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: Fresh<CurrentSession>) -> Result<Json<Done>> {
        current.expect_session_token()?;
        let callback = self.callback_url.as_deref();
        service::request_change(cx, (current.user(), &current), self.new_email, callback).await?;
        Ok(Json(Done::status()))
    }
}
