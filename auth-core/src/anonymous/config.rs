//! What anonymous users are called.

use crate::user::check_profile;

/// Users of whom nobody knows who they are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    pub(crate) name: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { name: "Anonymous".to_owned() }
    }
}

impl Config {
    /// What they are called until they sign up: `Anonymous` by default, at most 255 characters.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let is_name = check_profile(Some(&self.name), None).is_ok();
        if is_name {
            Vec::new()
        } else {
            vec![
                "the name of anonymous users must have at most 255 characters, none of them a control character"
                    .to_owned(),
            ]
        }
    }
}
