//! What clients send, and the rules that are ours.

use auth_core::base::Email;
use auth_core::crypto::password_hash::Password;
use auth_core::http::TokenText;
use auth_core::password::{Composition, PasswordPolicy};
use serde::Deserialize;

/// 8 to 100 characters, of several kinds, and none that everybody uses. The kinds are what this API promises; where
/// nothing demands them, leave them out (NIST SP 800-63B-4 §3.1.1.2).
pub(crate) fn password_policy() -> PasswordPolicy {
    PasswordPolicy::default()
        .min_length(8)
        .max_length(100)
        .require(Composition::Lower)
        .require(Composition::Upper)
        .require(Composition::Digit)
}

/// Somebody new.
#[derive(Deserialize)]
pub(crate) struct Registration {
    pub(crate) email: Email,
    pub(crate) password: NewPassword,
    pub(crate) name: Name,
}

/// A password that follows the rules, so that a refusal names it together with whatever else is wrong.
#[derive(Deserialize)]
#[serde(try_from = "Password")]
pub(crate) struct NewPassword(pub(crate) Password);

impl TryFrom<Password> for NewPassword {
    type Error = String;

    fn try_from(password: Password) -> Result<Self, String> {
        password_policy().check_without_email(&password).map_err(|error| error.message().to_owned())?;
        Ok(Self(password))
    }
}

/// What somebody is called.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let fits = !name.trim().is_empty() && name.chars().count() <= 255 && !name.chars().any(char::is_control);
        if fits { Ok(Self(name)) } else { Err("must have 1 to 255 characters") }
    }
}

#[derive(Deserialize)]
pub(crate) struct Login {
    pub(crate) email: Email,
    pub(crate) password: Password,
}

/// A refresh token; without one that of the cookie counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshToken {
    pub(crate) refresh_token: Option<TokenText>,
}

/// Either who wants a link, or what came by it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordReset {
    pub(crate) email: Option<Email>,
    pub(crate) token: Option<TokenText>,
    pub(crate) new_password: Option<NewPassword>,
}
