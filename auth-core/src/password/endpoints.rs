//! The endpoints of e-mail and password.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::reset;
use super::service::{self, OtherSessions, SignedUp, Wish};
use super::sign_in::{self, Login, SignIn};
use crate::base::{Email, TenantId, with_parameter};
use crate::code::CodePurpose;
use crate::crypto::password_hash::Password;
use crate::cx::Cx;
use crate::email::Search;
use crate::error::{Code, Result};
use crate::guard::{Anyone, CurrentSession, Fresh};
use crate::http::{
    Done, Endpoint, Form, Json, LinkReply, Media, Onward, Reply, Route, ShownToken, Step, TokenText, flag,
    give_session, shows_nothing,
};
use crate::limit::EndpointLimit;
use crate::phone;
use crate::session::{NewSessionReply, OptionalSessionReply, Persistence, SignedIn, user_view};
use crate::user::{SignUp, refuse_protected_fields};
use crate::username::Chosen;

pub(crate) const ROUTES: &[Route] = &[
    Route::of::<SignUpEmail>(),
    Route::of::<SignInEmail>(),
    Route::of::<VerifyPassword>(),
    Route::of::<ChangePassword>(),
    Route::of::<SetPassword>(),
];

/// Those that write to people.
pub(crate) const MAIL_ROUTES: &[Route] =
    &[Route::of::<RequestPasswordReset>(), Route::of::<FollowPasswordReset>(), Route::of::<ResetPassword>()];

/// `rememberMe`, which is on unless the client says otherwise.
pub(crate) const fn persistence(remember_me: Option<bool>) -> Persistence {
    match remember_me {
        Some(false) => Persistence::Browser,
        Some(true) | None => Persistence::Persistent,
    }
}

/// `POST /sign-up/email`: creates a user with a password and signs them in, unless the mailbox must be proved first.
#[derive(Deserialize)]
pub struct SignUpEmail {
    /// The display name, at most 255 characters.
    pub name: String,
    /// The address the account will have.
    pub email: Email,
    /// The password, judged by the policy.
    pub password: Password,
    /// A picture's address, at most 2,048 characters.
    pub image: Option<String>,
    /// Where the link leads in the end by which the mailbox is proved: a trusted address, checked before the endpoint
    /// is called.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
    /// The token of an invitation, where signing up takes one.
    pub invitation: Option<String>,
    /// `false` for a session that ends with the browser.
    #[serde(default, rename = "rememberMe", deserialize_with = "flag")]
    pub remember_me: Option<bool>,
    /// The tenant to act in: whoever signs up does not belong to it unless a hook sees to it. Where accounts belong to
    /// tenants, the one that the account will belong to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
    /// Where there are user names, `username` and `displayUsername`. Everything else: reaches hooks, or is refused when
    /// it is a protected field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The secret of the new session and its user. Where the mailbox must be proved first, `null` in place of the secret.
#[derive(Debug, Serialize)]
pub struct SignedUpBody {
    token: Option<ShownToken>,
    user: Map<String, Value>,
}

shows_nothing!(SignUpEmail);

impl SignUpEmail {
    /// What it takes, for programs that call the endpoint without HTTP.
    pub fn new(email: Email, name: impl Into<String>, password: Password) -> Self {
        let (name, extra) = (name.into(), Map::new());
        Self {
            name,
            email,
            password,
            image: None,
            callback_url: None,
            invitation: None,
            remember_me: None,
            tenant_id: None,
            extra,
        }
    }
}

impl Endpoint for SignUpEmail {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-up/email";
    const NAME: &'static str = "sign_up_email";
    const MEDIA: Media = Media::JsonOrForm;
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = Anyone;
    type Reply = OptionalSessionReply<SignedUpBody>;

    async fn call(mut self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let chosen = Chosen::taken_from(cx, &mut self.extra)?;
        phone::expect_unset(cx, &self.extra, Code::PhoneNumberCannotBeSet)?;
        refuse_protected_fields(&self.extra)?;
        let mut signup = SignUp::new(self.email, self.name);
        if let Some(Chosen { username, display }) = chosen {
            (signup.identifiers.username, signup.identifiers.display_username) = (username, display);
        }
        signup.image = self.image;
        signup.extra = self.extra;
        signup.tenant = cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?;
        let (persistence, callback) = (persistence(self.remember_me), self.callback_url);
        let wish = Wish { persistence, callback, invitation: self.invitation };
        let (signed_in, user) = match service::sign_up(cx, signup, self.password, wish).await? {
            SignedUp::In(signed_in) => (Some(*signed_in), None),
            SignedUp::Asked(user) => (None, Some(*user)),
        };
        let user = signed_in.as_ref().map(|signed_in| &signed_in.user).or(user.as_ref()).ok_or(Code::Internal)?;
        let body = SignedUpBody { token: signed_in.as_ref().map(ShownToken::from), user: user_view(cx, user).await? };
        Ok(OptionalSessionReply { signed_in, body })
    }
}

/// `POST /sign-in/email`: opens a session.
#[derive(Deserialize)]
pub struct SignInEmail {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: Password,
    /// `false` for a session that ends with the browser.
    #[serde(default, rename = "rememberMe", deserialize_with = "flag")]
    pub remember_me: Option<bool>,
    /// Where the client goes next: a trusted address, checked before the endpoint is called.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
    /// The tenant to act in; whoever does not belong to it is 403 once the password was right. Where accounts belong to
    /// tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
    /// Everything else: reaches hooks.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The secret of the new session, its user, and where to go next.
#[derive(Debug, Serialize)]
pub struct SignedInBody {
    redirect: bool,
    token: ShownToken,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    user: Map<String, Value>,
}

/// A new session, and a `Location` when the client named where to go next.
#[derive(Debug)]
pub struct SignedInReply(NewSessionReply<SignedInBody>);

impl SignedInReply {
    pub(crate) async fn of(cx: &Cx, signed_in: SignedIn, onward: Option<String>) -> Result<Self> {
        let user = user_view(cx, &signed_in.user).await?;
        let body = SignedInBody { redirect: onward.is_some(), token: (&signed_in).into(), url: onward, user };
        Ok(Self(NewSessionReply { signed_in, body }))
    }

    /// The session and its secret, for programs that call the endpoint without HTTP.
    pub fn signed_in(&self) -> &SignedIn {
        self.0.signed_in()
    }
}

impl Reply for SignedInReply {
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>> {
        let location = self.0.body.url.as_deref().and_then(|url| HeaderValue::from_str(url).ok());
        let mut response = self.0.into_response(cx)?;
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }
}

shows_nothing!(SignInEmail);

impl SignInEmail {
    /// What it takes, for programs that call the endpoint without HTTP.
    pub fn new(email: impl Into<String>, password: Password) -> Self {
        let email = email.into();
        Self { email, password, remember_me: None, callback_url: None, tenant_id: None, extra: Map::new() }
    }
}

impl Endpoint for SignInEmail {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-in/email";
    const NAME: &'static str = "sign_in_email";
    const MEDIA: Media = Media::JsonOrForm;
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = Anyone;
    type Reply = SignedInReply;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let email = Email::parse(&self.email).map_err(|_| Code::InvalidEmail)?;
        let sign_in = SignIn {
            login: Login::Email(email),
            password: self.password,
            persistence: persistence(self.remember_me),
            tenant: cx.auth().config().tenancy.at_sign_in(cx, self.tenant_id)?,
            input: self.extra,
        };
        SignedInReply::of(cx, sign_in::sign_in(cx, sign_in).await?, self.callback_url).await
    }
}

/// `POST /verify-password`: tells whether this is the caller's password.
#[derive(Debug, Deserialize)]
pub struct VerifyPassword {
    /// The password to check.
    pub password: Password,
}

impl Endpoint for VerifyPassword {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/verify-password";
    const NAME: &'static str = "verify_password";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = CurrentSession;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<Json<Done>> {
        service::verify(cx, current.user(), &current, self.password).await?;
        Ok(Json(Done::status()))
    }
}

/// `POST /change-password`: replaces the password of a caller who shows the session's own token and, unless told
/// otherwise, ends their other sessions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangePassword {
    /// The password that is to hold from now on.
    pub new_password: Password,
    /// The password that holds now.
    pub current_password: Password,
    /// `false` leaves the other sessions alone.
    pub revoke_other_sessions: Option<bool>,
}

/// The secret of the session that replaces all others, if they ended, and its user.
#[derive(Debug, Serialize)]
pub struct ChangedBody {
    token: Option<ShownToken>,
    user: Map<String, Value>,
}

/// The new session when all others ended; none when they go on.
#[derive(Debug)]
pub struct ChangedReply {
    renewed: Option<SignedIn>,
    body: ChangedBody,
}

impl ChangedReply {
    /// The session that replaces all others, when they ended.
    pub fn renewed(&self) -> Option<&SignedIn> {
        self.renewed.as_ref()
    }
}

impl Reply for ChangedReply {
    fn into_response(self, cx: &Cx) -> Result<Response<Bytes>> {
        if let Some(signed_in) = &self.renewed {
            give_session(cx, signed_in);
        }
        Json(self.body).into_response(cx)
    }
}

impl Endpoint for ChangePassword {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/change-password";
    const NAME: &'static str = "change_password";
    const LIMIT: EndpointLimit = EndpointLimit::SIGN_IN;
    type Caller = CurrentSession;
    type Reply = ChangedReply;

    async fn call(self, cx: &Cx, current: CurrentSession) -> Result<ChangedReply> {
        current.expect_session_token()?;
        service::check_policy(cx, &self.new_password, &current.user().email)?;
        let verified = service::verify(cx, current.user(), &current, self.current_password).await?;
        let others = match self.revoke_other_sessions {
            Some(false) => OtherSessions::Keep,
            Some(true) | None => OtherSessions::End,
        };
        let renewed = service::change(cx, verified, self.new_password, others).await?;
        let user = user_view(cx, renewed.as_ref().map_or(current.user(), |signed_in| &signed_in.user)).await?;
        let body = ChangedBody { token: renewed.as_ref().map(ShownToken::from), user };
        Ok(ChangedReply { renewed, body })
    }
}

/// `POST /set-password`: a first password for a caller who signs in by other means, and shows the session's own token.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetPassword {
    /// The password, judged by the policy.
    pub new_password: Password,
}

impl Endpoint for SetPassword {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/set-password";
    const NAME: &'static str = "set_password";
    type Caller = Fresh<CurrentSession>;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, current: Fresh<CurrentSession>) -> Result<Json<Done>> {
        current.expect_session_token()?;
        service::set(cx, current.user(), &current, self.new_password).await?;
        Ok(Json(Done::status()))
    }
}

/// `POST /request-password-reset`: a link to a new password. Strangers get one answer, whatever the address.
#[derive(Debug, Deserialize)]
pub struct RequestPasswordReset {
    /// The account's address.
    pub email: Email,
    /// Where the link leads: the application's own page, which shows its `token` to `reset-password`. A trusted
    /// address. Without it there is a plain page.
    #[serde(rename = "redirectTo")]
    pub redirect_to: Option<String>,
    /// Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for RequestPasswordReset {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/request-password-reset";
    const NAME: &'static str = "request_password_reset";
    const LIMIT: EndpointLimit = EndpointLimit::MAIL;
    type Caller = Anyone;
    type Reply = Json<Asked>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Asked>> {
        let tenancy = &cx.auth().config().tenancy;
        let population = tenancy.population(cx, tenancy.at_sign_in(cx, self.tenant_id)?.as_ref()).await?;
        let search = Search::of(cx, CodePurpose::ResetPassword, population, self.email).await?;
        reset::request(cx, search, self.redirect_to.as_deref()).await?;
        Ok(Json(Asked { status: true, message: "If there is an account of this address, it has mail." }))
    }
}

/// That it was taken note of, which says nothing of anybody.
#[derive(Debug, Serialize)]
pub struct Asked {
    status: bool,
    message: &'static str,
}

/// `GET /reset-password/{token}`: where the link in a mail leads. On to the application's page with the `token`, or
/// without one to a plain page. The token stays good.
#[derive(Debug, Deserialize)]
pub struct FollowPasswordReset {
    /// The token of the link.
    pub token: TokenText,
    /// The application's page: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
}

impl Endpoint for FollowPasswordReset {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/reset-password/{token}";
    const NAME: &'static str = "follow_password_reset";
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = LinkReply<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let token = self.token.expose();
        match (reset::look_at(cx, token).await, self.callback_url) {
            (Ok(_), Some(target)) => Ok(LinkReply::onward(with_parameter(&target, "token", token))),
            (Ok(_), None) => LinkReply::new_password(cx, Form::to(cx, ResetPassword::PATH).with("token", Some(token))),
            (Err(error), target) => LinkReply::outcome(cx, Step::ResetPassword, Err(error), Onward::to(target)),
        }
    }
}

/// `POST /reset-password`: sets a new password by the token of a link. Everybody is signed out, and nobody in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetPassword {
    /// The password, judged by the policy.
    pub new_password: Password,
    /// The token of the link.
    pub token: TokenText,
}

impl Endpoint for ResetPassword {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/reset-password";
    const NAME: &'static str = "reset_password";
    const MEDIA: Media = Media::JsonOrForm;
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::TOKEN;
    type Caller = Anyone;
    type Reply = LinkReply<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let outcome = reset::by_link(cx, self.token.expose(), self.new_password).await;
        LinkReply::outcome(cx, Step::ResetPassword, outcome.map(|()| Done::status()), Onward::default())
    }
}
