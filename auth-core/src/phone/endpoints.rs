//! The endpoints of telephone numbers.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::service::{self, Asking, Named, Verified, Wish};
use crate::base::{PhoneNumber, TenantId};
use crate::code::CodePurpose;
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::error::{Code, Result};
use crate::guard::{Anyone, CurrentPrincipal, CurrentSession, Fresh, Guard, MaybePrincipal};
use crate::http::{Done, Endpoint, Json, Route, flag, shows_nothing};
use crate::limit::EndpointLimit;
use crate::password::{Login, SignIn, persistence, sign_in};
use crate::session::{NewSessionReply, OptionalSessionReply, ProvedUser, TokenAndUser};
use crate::user::{check_profile, refuse_protected_fields};

pub(crate) const ROUTES: &[Route] = &[Route::of::<SendPhoneOtp>(), Route::of::<VerifyPhoneNumber>()];

/// Those of passwords.
pub(crate) const PASSWORD_ROUTES: &[Route] =
    &[Route::of::<SignInPhoneNumber>(), Route::of::<RequestPhonePasswordReset>(), Route::of::<ResetPasswordByPhone>()];

fn parse(text: &str) -> Result<PhoneNumber> {
    PhoneNumber::parse(text).map_err(|_| Code::InvalidPhoneNumber.into())
}

async fn find(cx: &Cx, phone: &str, tenant: Option<&TenantId>) -> Result<Named> {
    let phone = parse(phone)?;
    Named::find(cx, cx.auth().config().tenancy.population(cx, tenant).await?, phone).await
}

/// `POST /phone-number/send-otp`: a text message with a code that proves the number. There is one answer, whatever the
/// number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendPhoneOtp {
    /// The number, in international form.
    pub phone_number: String,
    /// Where accounts belong to tenants, the one that the account belongs to.
    pub tenant_id: Option<TenantId>,
}

/// `{"message":"code sent"}`.
#[derive(Debug, Serialize)]
pub struct SentBody {
    message: &'static str,
}

impl Endpoint for SendPhoneOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/phone-number/send-otp";
    const NAME: &'static str = "send_phone_otp";
    const LIMIT: EndpointLimit = EndpointLimit::PHONE;
    type Caller = MaybePrincipal;
    type Reply = Json<SentBody>;

    async fn call(self, cx: &Cx, caller: MaybePrincipal) -> Result<Json<SentBody>> {
        let tenant = cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?;
        let named = find(cx, &self.phone_number, tenant.as_ref()).await?;
        let asking = match caller {
            MaybePrincipal::Principal(caller) if is_known(&caller) => Asking::User,
            MaybePrincipal::Principal(_) | MaybePrincipal::Anonymous => Asking::Stranger,
        };
        named.send(cx, CodePurpose::PhoneVerify, asking).await?;
        Ok(Json(SentBody { message: "code sent" }))
    }
}

/// Whether somebody has said who they are: whoever is signed in anonymously has not.
fn is_known(caller: &CurrentPrincipal) -> bool {
    caller.authentication().user().is_some_and(|user| !user.identifiers.is_anonymous)
}

/// `POST /phone-number/verify`: proves a number by a code. Signs in whoever has it, or up where that is open; or gives
/// it to the caller (`updatePhoneNumber`), who has signed in a short while ago and shows the session's own token.
#[derive(Deserialize)]
pub struct VerifyPhoneNumber {
    /// The number that the code was sent to.
    #[serde(rename = "phoneNumber")]
    pub phone_number: String,
    /// The code.
    pub code: String,
    /// `true` for no session.
    #[serde(default, rename = "disableSession", deserialize_with = "flag")]
    pub disable_session: Option<bool>,
    /// `true` gives the number to the caller's account.
    #[serde(default, rename = "updatePhoneNumber", deserialize_with = "flag")]
    pub update_phone_number: Option<bool>,
    /// The name that a new account is to have, at most 255 characters.
    pub name: Option<String>,
    /// The tenant to act in. Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
    /// Everything else: reaches hooks, or is refused when it is a protected field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for VerifyPhoneNumber {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/phone-number/verify";
    const NAME: &'static str = "verify_phone_number";
    const LIMIT: EndpointLimit = EndpointLimit::PHONE;
    type Caller = Anyone;
    type Reply = OptionalSessionReply<ProvedUser>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        refuse_protected_fields(&self.extra)?;
        check_profile(self.name.as_deref(), None)?;
        let Verified { user, signed_in } = if self.update_phone_number == Some(true) {
            let current = Fresh::<CurrentSession>::check(cx).await?;
            current.expect_session_token()?;
            let population = current.user().population();
            let named = Named::find(cx, population, parse(&self.phone_number)?).await?;
            let user = service::update(cx, named, &self.code, (current.user(), &current)).await?;
            Verified { user, signed_in: None }
        } else {
            let tenant = cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?;
            let named = find(cx, &self.phone_number, tenant.as_ref()).await?;
            let wants_session = self.disable_session != Some(true);
            let wish = Wish { tenant, wants_session, name: self.name, extra: self.extra };
            service::verify(cx, named, &self.code, wish).await?
        };
        OptionalSessionReply::of(cx, &user, signed_in).await
    }
}

/// `POST /sign-in/phone-number`: opens a session by a number and a password.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInPhoneNumber {
    /// The number, in international form.
    pub phone_number: String,
    /// The account's password.
    pub password: Password,
    /// `false` for a session that ends with the browser.
    #[serde(default, deserialize_with = "flag")]
    pub remember_me: Option<bool>,
    /// The tenant to act in; see [`SignInEmail`](crate::password::SignInEmail).
    pub tenant_id: Option<TenantId>,
    /// Everything else: reaches hooks.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for SignInPhoneNumber {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-in/phone-number";
    const NAME: &'static str = "sign_in_phone_number";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = Anyone;
    type Reply = NewSessionReply<TokenAndUser>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let sign_in_with = SignIn {
            login: Login::Phone(parse(&self.phone_number)?),
            password: self.password,
            persistence: persistence(self.remember_me),
            tenant: cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?,
            input: self.extra,
        };
        NewSessionReply::of(cx, sign_in(cx, sign_in_with).await?).await
    }
}

/// `POST /phone-number/request-password-reset`: a text message with a code to set a new password by.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestPhonePasswordReset {
    /// The account's number.
    pub phone_number: String,
    /// Where accounts belong to tenants, the one that the account belongs to.
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for RequestPhonePasswordReset {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/phone-number/request-password-reset";
    const NAME: &'static str = "request_phone_password_reset";
    const LIMIT: EndpointLimit = EndpointLimit::PHONE;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        let tenant = cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?;
        let named = find(cx, &self.phone_number, tenant.as_ref()).await?;
        named.send(cx, CodePurpose::PhoneReset, Asking::Stranger).await?;
        Ok(Json(Done::status()))
    }
}

/// `POST /phone-number/reset-password`: sets a new password by a code. Everybody is signed out, and nobody in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetPasswordByPhone {
    /// The code.
    pub otp: String,
    /// The number that it was sent to.
    pub phone_number: String,
    /// The password, judged by the policy.
    pub new_password: Password,
    /// Where accounts belong to tenants, the one that the account belongs to.
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for ResetPasswordByPhone {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/phone-number/reset-password";
    const NAME: &'static str = "reset_password_by_phone";
    const LIMIT: EndpointLimit = EndpointLimit::PHONE;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        let tenant = cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?;
        let named = find(cx, &self.phone_number, tenant.as_ref()).await?;
        service::reset_password(cx, named, &self.otp, self.new_password).await?;
        Ok(Json(Done::status()))
    }
}

shows_nothing!(VerifyPhoneNumber, SignInPhoneNumber, ResetPasswordByPhone);
