//! The environment as settings are read from it, with everything that is wrong in it.

use std::fmt;

use auth_core::base::{OsRandom, Random, Secret};
use auth_core::crypto::keys::Keyring;

/// Where a program runs, as `APP_ENV` says: a word that is not among these is a problem, for `prod` must not pass for
/// development.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine.
    Local,
    /// A developer's machine; the default.
    Development,
    /// Tests.
    Test,
    /// What production will be.
    Staging,
    /// Real users.
    Production,
}

impl Environment {
    const NAMES: [(&str, Self); 5] = [
        ("development", Self::Development),
        ("local", Self::Local),
        ("test", Self::Test),
        ("staging", Self::Staging),
        ("production", Self::Production),
    ];
}

/// The environment of a program. What is wrong in it is kept, to be told all at once. An empty variable counts as
/// unset.
pub struct Env<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
    environment: Environment,
    jwt_secret: JwtSecret,
}

/// What came of [`Env::jwt_secret`].
enum JwtSecret {
    /// The program has none, or nobody has set it.
    Unset,
    /// It is set, and no good. That was told.
    Refused,
    Known(Secret),
}

impl<'a> Env<'a> {
    pub(crate) fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let (problems, environment) = (Vec::new(), Environment::Development);
        let mut env = Self { variable, problems, environment, jwt_secret: JwtSecret::Unset };
        env.environment = env.choice("APP_ENV", &Environment::NAMES);
        env
    }

    /// Where the program runs.
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// What a variable says.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// What the word in a variable stands for. The first of the choices is the default.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> T {
        let value = self.get(name);
        let found = choices.iter().find(|(word, _)| value.as_deref().is_none_or(|value| value == *word));
        if let (None, Some(value)) = (found, value) {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.problem(format!("{name} is {value:?}: it must be one of {}", words.join(", ")));
        }
        found.unwrap_or(&choices[0]).1
    }

    /// Keeps a problem: a sentence that begins with the name of the variable.
    pub fn problem(&mut self, sentence: impl Into<String>) {
        self.problems.push(sentence.into());
    }

    /// `JWT_SECRET`, for a program in which tokens are signed with exactly these bytes. `AUTH_SECRET` may be left out
    /// then: what else needs a key has it from this secret, a key of its own each.
    pub fn jwt_secret(&mut self) -> Option<Secret> {
        let secret = self.get("JWT_SECRET")?;
        let secret = self.strong("JWT_SECRET", secret);
        self.jwt_secret = secret.clone().map_or(JwtSecret::Refused, JwtSecret::Known);
        secret
    }

    /// The text of `JWT_SECRET`, for a program that judges it by itself, and misses it in production; elsewhere a missing
    /// one is made up for this run. `AUTH_SECRET` may be left out then.
    pub fn jwt_secret_or_random(&mut self) -> Option<String> {
        let is_missing_for_good = self.environment == Environment::Production;
        let made_up = |env: &mut Self| if is_missing_for_good { None } else { env.made_up("JWT_SECRET") };
        let text = self.get("JWT_SECRET").or_else(|| made_up(self));
        self.jwt_secret = text.clone().map_or(JwtSecret::Refused, |text| JwtSecret::Known(Secret::new(text)));
        text
    }

    /// What every key of the engine is derived from, by HKDF and one for each purpose (`Keyring`): `AUTH_SECRET`, or
    /// without it `JWT_SECRET`.
    pub(crate) fn secret(&mut self) -> Option<Secret> {
        if let Some(text) = self.get("AUTH_SECRET") {
            return self.strong("AUTH_SECRET", text);
        }
        match &self.jwt_secret {
            JwtSecret::Known(secret) => return Some(secret.clone()),
            JwtSecret::Refused => return None,
            JwtSecret::Unset => {}
        }
        self.made_up("AUTH_SECRET").map(Secret::new)
    }

    /// 32 random bytes, written in hexadecimal digits; in production a problem.
    fn made_up(&mut self, name: &str) -> Option<String> {
        if self.environment == Environment::Production {
            let advice = "give it at least 32 random bytes, for example from `openssl rand -base64 32`";
            self.problem(format!("{name} is not set: {advice}"));
            return None;
        }
        tracing::warn!("{name} is not set: a random one is used, and what is made under it ends with this run");
        let mut bytes = [0; 32];
        OsRandom.fill(&mut bytes);
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn strong(&mut self, name: &str, text: String) -> Option<Secret> {
        let secret = Secret::new(text);
        match Keyring::new(secret.clone(), Vec::new()) {
            Ok(_) => Some(secret),
            Err(error) => {
                self.problems.extend(error.problems().iter().map(|found| format!("{name} {}", found.weakness)));
                None
            }
        }
    }

    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems
    }
}

/// Without what variables say.
impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("environment", &self.environment).finish_non_exhaustive()
    }
}
