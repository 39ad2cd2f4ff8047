//! The endpoints of magic links.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::service::{self, Wish};
use crate::base::{Email, TenantId};
use crate::code::CodePurpose;
use crate::cx::Cx;
use crate::email::{Entered, Search};
use crate::error::Result;
use crate::guard::Anyone;
use crate::http::{
    Done, Endpoint, Form, Json, LinkReply, Media, Onward, Route, ShownToken, Step, TokenText, give_session,
    is_navigation,
};
use crate::limit::EndpointLimit;
use crate::session::{SessionView, user_view};
use crate::user::check_profile;

pub(crate) const ROUTES: &[Route] =
    &[Route::of::<SendMagicLink>(), Route::of::<FollowMagicLink>(), Route::of::<ConfirmMagicLink>()];

/// `POST /sign-in/magic-link`: a mail with a link that signs its recipient in, or up where that is open. There is one
/// answer, whatever the address.
#[derive(Debug, Deserialize)]
pub struct SendMagicLink {
    /// The account's address, or that of a new one.
    pub email: Email,
    /// The name that a new account is to have, at most 255 characters.
    pub name: Option<String>,
    /// Where the link leads in the end: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
    /// The same for whoever has no account yet.
    #[serde(rename = "newUserCallbackURL")]
    pub new_user_callback_url: Option<String>,
    /// The same when it does not work.
    #[serde(rename = "errorCallbackURL")]
    pub error_callback_url: Option<String>,
    /// The tenant to act in. Where accounts belong to tenants, the one that the account belongs to.
    #[serde(rename = "tenantId")]
    pub tenant_id: Option<TenantId>,
}

impl Endpoint for SendMagicLink {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/sign-in/magic-link";
    const NAME: &'static str = "send_magic_link";
    const LIMIT: EndpointLimit = EndpointLimit::MAGIC_LINK;
    type Caller = Anyone;
    type Reply = Json<Done>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Json<Done>> {
        check_profile(self.name.as_deref(), None)?;
        let tenancy = &cx.auth().config().tenancy;
        let tenant = tenancy.at_sign_in(cx, self.tenant_id)?;
        let search =
            Search::of(cx, CodePurpose::MagicLink, tenancy.population(cx, tenant.as_ref()).await?, self.email).await?;
        let parameters = [
            ("callbackURL", self.callback_url.as_deref()),
            ("newUserCallbackURL", self.new_user_callback_url.as_deref()),
            ("errorCallbackURL", self.error_callback_url.as_deref()),
        ];
        service::send(cx, search, Wish { name: self.name, tenant, parameters: &parameters }).await?;
        Ok(Json(Done::status()))
    }
}

/// `GET /magic-link/verify`: where the link in a mail leads. A program is signed in at once; a person sees a page with
/// a button first, which sends [`ConfirmMagicLink`].
#[derive(Debug, Deserialize)]
pub struct FollowMagicLink {
    /// The link.
    #[serde(flatten)]
    pub followed: FollowedMagicLink,
}

/// `POST /magic-link/verify`: the button of the page.
#[derive(Debug, Deserialize)]
pub struct ConfirmMagicLink {
    /// The link.
    #[serde(flatten)]
    pub followed: FollowedMagicLink,
}

/// What is in a magic link.
#[derive(Debug, Deserialize)]
pub struct FollowedMagicLink {
    /// Its token.
    pub token: TokenText,
    /// Where to go on to: a trusted address.
    #[serde(rename = "callbackURL")]
    pub callback_url: Option<String>,
    /// The same for whoever had no account yet.
    #[serde(rename = "newUserCallbackURL")]
    pub new_user_callback_url: Option<String>,
    /// The same when it does not work.
    #[serde(rename = "errorCallbackURL")]
    pub error_callback_url: Option<String>,
}

/// The secret of the new session, its user, and the session.
#[derive(Debug, Serialize)]
pub struct EnteredBody {
    token: ShownToken,
    user: Map<String, Value>,
    session: SessionView,
}

impl Endpoint for FollowMagicLink {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/magic-link/verify";
    const NAME: &'static str = "follow_magic_link";
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::MAGIC_LINK;
    type Caller = Anyone;
    type Reply = LinkReply<EnteredBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        let followed = self.followed;
        if !is_navigation(cx) {
            return followed.enter(cx).await;
        }
        match service::look_at(cx, followed.token.expose()).await {
            Ok(code) => LinkReply::confirm(cx, Step::SignIn, code.mailbox()?.as_str(), followed.form(cx)),
            Err(error) => LinkReply::outcome(cx, Step::SignIn, Err(error), followed.onward(false)),
        }
    }
}

impl Endpoint for ConfirmMagicLink {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/magic-link/verify";
    const NAME: &'static str = "confirm_magic_link";
    const MEDIA: Media = Media::JsonOrForm;
    const IS_FOLLOWED: bool = true;
    const LIMIT: EndpointLimit = EndpointLimit::MAGIC_LINK;
    type Caller = Anyone;
    type Reply = LinkReply<EnteredBody>;

    async fn call(self, cx: &Cx, _: Anyone) -> Result<Self::Reply> {
        self.followed.enter(cx).await
    }
}

impl FollowedMagicLink {
    fn form(&self, cx: &Cx) -> Form<'_> {
        Form::to(cx, FollowMagicLink::PATH)
            .with("token", Some(self.token.expose()))
            .onward("callbackURL", self.callback_url.as_deref())
            .onward("newUserCallbackURL", self.new_user_callback_url.as_deref())
            .onward("errorCallbackURL", self.error_callback_url.as_deref())
    }

    fn onward(self, is_new: bool) -> Onward {
        let failure = self.error_callback_url.or_else(|| self.callback_url.clone());
        let success = if is_new { self.new_user_callback_url.or(self.callback_url) } else { self.callback_url };
        Onward { success, failure }
    }

    async fn enter(self, cx: &Cx) -> Result<LinkReply<EnteredBody>> {
        let entered = async { service::follow(cx, service::look_at(cx, self.token.expose()).await?).await };
        let (outcome, is_new) = match entered.await {
            Ok(Entered { signed_in, is_new }) => {
                give_session(cx, &signed_in);
                let user = user_view(cx, &signed_in.user).await?;
                let session = SessionView::from(&*signed_in.session);
                (Ok(EnteredBody { token: (&signed_in).into(), user, session }), is_new)
            }
            Err(error) => (Err(error), false),
        };
        LinkReply::outcome(cx, Step::SignIn, outcome, self.onward(is_new))
    }
}
