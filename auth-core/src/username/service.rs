//! Choosing a name.

use serde_json::{Map, Value};

use crate::base::{InvalidUsername, Username};
use crate::cx::{Cx, Work};
use crate::error::{Code, Error, Result};
use crate::store::StoreError;
use crate::user::{self, User};

/// The longest spelling, in characters.
const MOST_DISPLAYED: usize = 30;

/// A name that somebody wants, as they spell it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) username: Option<Username>,
    pub(crate) display: Option<String>,
}

impl Chosen {
    /// Takes it out of the fields of a request: `username`, and how it is shown (`displayUsername`). `None` where there
    /// are no names, or the request has none.
    ///
    /// # Errors
    /// 400 that says what is wrong.
    pub(crate) fn taken_from(cx: &Cx, fields: &mut Map<String, Value>) -> Result<Option<Self>> {
        if cx.auth().config().usernames.is_none() {
            return Ok(None);
        }
        let typed = text(fields, "username")?;
        let display = text(fields, "displayUsername")?;
        if let Some(display) = &display {
            let length = display.chars().count();
            if !(1..=MOST_DISPLAYED).contains(&length) || display.chars().any(char::is_control) {
                return Err(Code::InvalidDisplayUsername.into());
            }
        }
        let username = typed.as_deref().map(parse).transpose()?;
        if username.is_none() && display.is_none() {
            return Ok(None);
        }
        // Unless they say otherwise, it is shown as they have spelt it.
        Ok(Some(Self { username, display: display.or(typed) }))
    }

    /// Whether they would sign in with another name than now.
    pub(crate) fn renames(&self, user: &User) -> bool {
        self.username.is_some() && self.username != user.identifiers.username
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid("body", name, "expected a string")),
    }
}

/// Reads a name.
///
/// # Errors
/// 400 that says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Username> {
    Username::parse(text).map_err(|error| {
        let code = match error {
            InvalidUsername::TooShort => Code::UsernameTooShort,
            InvalidUsername::TooLong => Code::UsernameTooLong,
            InvalidUsername::Characters => Code::InvalidUsername,
        };
        code.into()
    })
}

/// Gives a user, whose row is locked and who is as it is now, another name or another spelling of it.
///
/// # Errors
/// 400 where names are fixed, or somebody has it, or there is none to be spelt; 403 for somebody signed in anonymously.
pub(crate) async fn change(cx: &Cx, work: &mut Work<'_>, user: &User, chosen: &Chosen) -> Result<()> {
    let is_fixed = cx.auth().config().usernames.as_ref().is_some_and(|config| config.is_fixed);
    user::expect_known(user)?;
    let present = user.identifiers.username.as_ref();
    let username = chosen.username.as_ref().or(present).ok_or(Code::InvalidUsername)?;
    if is_fixed && present.is_some_and(|present| present != username) {
        return Err(Code::UsernameIsImmutable.into());
    }
    work.set_username(user.id, username, chosen.display.as_deref(), cx.now()).await.map_err(|error| match error {
        StoreError::Conflict => Error::from(Code::UsernameIsTaken),
        StoreError::Backend(_) => error.into(),
    })?;
    Ok(())
}
