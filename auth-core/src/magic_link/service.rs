//! Sending magic links, and following them.

use crate::base::TenantId;
use crate::code::{self, Binding, CodePurpose, ShownCode};
use crate::cx::Cx;
use crate::email::{Arrival, Entered, Mailed, Search};
use crate::error::{Code, Result};
use crate::hooks::{LoginAttempt, LoginOccasion};
use crate::ports::Message;
use crate::session::{AuthMethod, Entry};
use crate::user::SignUp;

const MAGIC: Mailed =
    Mailed { purpose: CodePurpose::MagicLink, path: "/magic-link/verify", message: Message::MagicLink };

/// What somebody wants who asks for a link.
pub(crate) struct Wish<'a> {
    /// The name that a new account is to have.
    pub(crate) name: Option<String>,
    /// The tenant that they want to act in.
    pub(crate) tenant: Option<TenantId>,
    /// What the link carries beside its token.
    pub(crate) parameters: &'a [(&'a str, Option<&'a str>)],
}

/// Writes to the mailbox, if its holder may sign in, or up. Nobody is told whether they may.
pub(crate) async fn send(cx: &Cx, search: Search, wish: Wish<'_>) -> Result<()> {
    let config = cx.auth().config().magic_links.as_ref().ok_or(Code::NotFound)?;
    let binding = Binding { name: wish.name, tenant: wish.tenant, ..search.binding() };
    let reach = search.reach(cx, config.is_open_to_all(cx.auth().config().password.as_ref()));
    let mut work = cx.begin().await?;
    MAGIC.reach(cx, &mut work, (&search, reach), (&binding, config.ttl), wish.parameters).await?;
    work.commit().await
}

/// Reads the token of a link, which is not used up.
pub(crate) async fn look_at(cx: &Cx, token: &str) -> Result<ShownCode> {
    let code = code::read_link(cx, CodePurpose::MagicLink, token).await?;
    code.user(cx).await?;
    Ok(code)
}

/// Signs whoever follows the link in, or up.
pub(crate) async fn follow(cx: &Cx, code: ShownCode) -> Result<Entered> {
    let config = cx.auth().config().magic_links.as_ref().ok_or(Code::NotFound)?;
    let input = serde_json::Map::new();
    let signup = SignUp::new(code.mailbox()?.clone(), code.bound.name.clone().unwrap_or_default());
    let signup = config.is_open_to_all(cx.auth().config().password.as_ref()).then_some(signup);
    let wanted = LoginAttempt::new(AuthMethod::MagicLink, LoginOccasion::SignIn, &input);
    let entry = Entry::decide(cx, wanted.naming(code.mailbox()?, code.bound.tenant.clone())).await?;
    Arrival { code, method: AuthMethod::MagicLink, entry, signup, attempt: None }.enter(cx).await
}
