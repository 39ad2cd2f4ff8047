//! The endpoints of mailed codes.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::service::{self, Typed};
use crate::base::{Email, TenantId};
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::email::{Confirmed, Search};
use crate::error::{Code, Error, Result};
use crate::guard::{Anyone, CurrentSession, Fresh};
use crate::http::{Done, Endpoint, Json, Route, shows_nothing};
use crate::limit::EndpointLimit;
use crate::ports::OtpPurpose;
use crate::session::{NewSessionReply, OptionalSessionReply, ProvedUser, TokenAndUser};
use crate::user::{SignUp, check_profile, refuse_protected_fields};

pub(crate) const ROUTES: &[Route] = &[
    Route::of::<SendVerificationOtp>(),
    Route::of::<CheckVerificationOtp>(),
    Route::of::<VerifyEmailOtp>(),
    Route::of::<SignInEmailOtp>(),
    Route::of::<RequestEmailChangeOtp>(),
    Route::of::<ChangeEmailByOtp>(),
];

/// Those that set passwords.
pub(crate) const PASSWORD_ROUTES: &[Route] =
    &[Route::of::<RequestPasswordResetOtp>(), Route::of::<ForgetPasswordOtp>(), Route::of::<ResetPasswordByOtp>()];

/// Refuses what is asked for at another endpoint, by whoever is signed in.
fn for_strangers(purpose: OtpPurpose) -> Result<OtpPurpose> {
    match purpose {
        OtpPurpose::SignIn | OtpPurpose::EmailVerification | OtpPurpose::ForgetPassword => Ok(purpose),
        OtpPurpose::ChangeEmail => {
            Err(Error::from(Code::BadRequest).saying("Ask for a change of address when signed in."))
        }
    }
}

/// The mailbox that a stranger names, and the tenant, if they name one.
struct Named {
    email: Email,
    tenant: Option<TenantId>,
}

impl Named {
    fn parse(cx: &Cx, email: &str, tenant: Option<TenantId>) -> Result<Self> {
        let email = Email::parse(email).map_err(|_| Code::InvalidEmail)?;
        Ok(Self { email, tenant: cx.auth().config().tenancy.at_sign_in(cx, tenant)? })
    }

    async fn search(self, cx: &Cx, purpose: OtpPurpose) -> Result<Search> {
        let population = cx.auth().config().tenancy.population(cx, self.tenant.as_ref()).await?;
        Search::of(cx, service::stored_purpose(purpose), population, self.email).await
    }

    async fn typed(self, cx: &Cx, otp: String) -> Result<Typed> {
        let population = cx.auth().config().tenancy.population(cx, self.tenant.as_ref()).await?;
        Ok(Typed { population, email: self.email, otp })
    }
}

/// `POST /email-otp/send-verification-otp`: a mail with a code. There is one answer, whatever the address.
#[derive(Debug, Deserialize)]
pub struct SendVerificationOtp {
    /// The account's address, or to sign up with one that has none.
    pub email: String,
    /// What it is to be for.
    #[serde(rename = "type")]
    pub otp_type: OtpPurpose,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for SendVerificationOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/send-verification-otp";
    const NAME: &'static str = "send_verification_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        let purpose = for_strangers(self.otp_type)?;
        let search = Named::parse(cx, &self.email, self.tenant_id)?.search(cx, purpose).await?;
        service::send(cx, search, purpose).await?;
        Ok(Json(Done::success()))
    }
}

/// `POST /email-otp/check-verification-otp`: whether a code is right. It stays good; a wrong one counts.
#[derive(Deserialize)]
pub struct CheckVerificationOtp {
    /// Where it was sent to.
    pub email: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub otp_type: OtpPurpose,
    /// The code.
    pub otp: String,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for CheckVerificationOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/check-verification-otp";
    const NAME: &'static str = "check_verification_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        let purpose = for_strangers(self.otp_type)?;
        let typed = Named::parse(cx, &self.email, self.tenant_id)?.typed(cx, self.otp).await?;
        service::check(cx, &typed, purpose).await?;
        Ok(Json(Done::success()))
    }
}

/// `POST /email-otp/verify-email`: proves the mailbox by a code.
#[derive(Deserialize)]
pub struct VerifyEmailOtp {
    /// Where it was sent to.
    pub email: String,
    /// The code.
    pub otp: String,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for VerifyEmailOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/verify-email";
    const NAME: &'static str = "verify_email_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Anyone;
    type Reply = OptionalSessionReply<ProvedUser>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let typed = Named::parse(cx, &self.email, self.tenant_id)?.typed(cx, self.otp).await?;
        let Confirmed { user, signed_in } = service::verify_email(cx, &typed).await?;
        OptionalSessionReply::of(cx, &user, signed_in).await
    }
}

/// `POST /sign-in/email-otp`: opens a session by a code, and an account first where there is none and that is open.
#[derive(Deserialize)]
pub struct SignInEmailOtp {
    /// Where the code was sent to.
    pub email: String,
    /// The code.
    pub otp: String,
    /// The name that a new account is to have, at most 255 characters.
    pub name: Option<String>,
    /// The picture that a new account is to have, at most 2,048 characters.
    pub image: Option<String>,
    /// The tenant to act in. Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
    /// Everything else: reaches hooks, or is refused when it is a protected field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Endpoint for SignInEmailOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-in/email-otp";
    const NAME: &'static str = "sign_in_email_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Anyone;
    type Reply = NewSessionReply<TokenAndUser>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        refuse_protected_fields(&self.extra)?;
        check_profile(self.name.as_deref(), self.image.as_deref())?;
        let named = Named::parse(cx, &self.email, self.tenant_id)?;
        let mut signup = SignUp::new(named.email.clone(), self.name.unwrap_or_default());
        (signup.image, signup.extra) = (self.image, self.extra);
        let tenant = named.tenant.clone();
        let typed = named.typed(cx, self.otp).await?;
        NewSessionReply::of(cx, service::sign_in(cx, typed, tenant, signup).await?.signed_in).await
    }
}

/// `POST /email-otp/request-password-reset`: a mail with a code to set a new password by.
#[derive(Debug, Deserialize)]
pub struct RequestPasswordResetOtp {
    /// The account's address.
    pub email: String,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for RequestPasswordResetOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/request-password-reset";
    const NAME: &'static str = "request_password_reset_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        let search = Named::parse(cx, &self.email, self.tenant_id)?.search(cx, OtpPurpose::ForgetPassword).await?;
        service::send(cx, search, OtpPurpose::ForgetPassword).await?;
        Ok(Json(Done::success()))
    }
}

/// `POST /forget-password/email-otp`: an older name of [`RequestPasswordResetOtp`].
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ForgetPasswordOtp(pub RequestPasswordResetOtp);

impl Endpoint for ForgetPasswordOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/forget-password/email-otp";
    const NAME: &'static str = "forget_password_otp";
    const LIMIT: EndpointLimit = EndpointLimit::MAIL;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, anyone: Anyone) -> Result<Json<Done>> {
        self.0.call(cx, anyone).await
    }
}

/// `POST /email-otp/reset-password`: sets a new password by a code. Everybody is signed out, and nobody in.
#[derive(Deserialize)]
pub struct ResetPasswordByOtp {
    /// Where the code was sent to.
    pub email: String,
    /// The code.
    pub otp: String,
    /// The password, judged by the policy.
    pub password: Password,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for ResetPasswordByOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/reset-password";
    const NAME: &'static str = "reset_password_by_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        let typed = Named::parse(cx, &self.email, self.tenant_id)?.typed(cx, self.otp).await?;
        service::reset_password(cx, &typed, self.password).await?;
        Ok(Json(Done::success()))
    }
}

/// `POST /email-otp/request-email-change`: a code to the address that the caller wants to have. They have signed in a
/// short while ago, and if the present mailbox was proved to be theirs, they show a code for it, too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestEmailChangeOtp {
    /// The address that the account is to have.
    pub new_email: String,
    /// A code of the type `email-verification` for the present address.
    pub otp: Option<String>,
}

impl Endpoint for RequestEmailChangeOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/request-email-change";
    const NAME: &'static str = "request_email_change_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: Fresh<CurrentSession>) -> Result<Json<Done>> {
        current.expect_session_token()?;
        let new = Email::parse(&self.new_email).map_err(|_| Code::InvalidEmail)?;
        service::request_change(cx, (current.user(), &current), new, self.otp).await?;
        Ok(Json(Done::success()))
    }
}

/// `POST /email-otp/change-email`: gives the caller the address whose code they have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeEmailByOtp {
    /// The address that the account is to have.
    pub new_email: String,
    /// The code that was sent there.
    pub otp: String,
}

impl Endpoint for ChangeEmailByOtp {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/email-otp/change-email";
    const NAME: &'static str = "change_email_by_otp";
    const LIMIT: EndpointLimit = EndpointLimit::EMAIL_OTP;
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: Fresh<CurrentSession>) -> Result<Json<Done>> {
        current.expect_session_token()?;
        let new = Email::parse(&self.new_email).map_err(|_| Code::InvalidEmail)?;
        service::change_email(cx, (current.user(), &current), &new, &self.otp).await?;
        Ok(Json(Done::success()))
    }
}

shows_nothing!(
    CheckVerificationOtp,
    VerifyEmailOtp,
    SignInEmailOtp,
    ResetPasswordByOtp,
    RequestEmailChangeOtp,
    ChangeEmailByOtp
);
