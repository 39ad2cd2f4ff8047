//! Password hashing: argon2id in a bounded pool, with verify-only readers for what other systems stored.
//!
//! Hashing a password is the one expensive thing that anybody may ask of us without an account, so
//! [`PasswordHasher`] bounds all of it: a fixed number of threads that reuse their memory (a few
//! hundred sign-ins at once would otherwise take gigabytes), a queue that is bounded in length and
//! in waiting time, and limits on what a stored row may demand.
//!
//! Verification never tells *why* it failed. No such account, no password set, a password too long,
//! a row that cannot be read: each does the work of a real comparison and says [`Verdict::Wrong`].
//! (A hash of another system or of other settings takes its own time until a sign-in has replaced it.)
//!
//! Start reading at [`PasswordHasher::verify`]; `recipe` decides, `pool` runs, `stored` reads rows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Random;

mod argon;
mod config;
mod imported;
mod password;
mod phc;
mod pool;
mod recipe;
mod stored;

pub use config::{HashConfig, HashConfigError, OutOfRange};
pub use password::{Password, PasswordHash};

use pool::Pool;
use recipe::Recipe;

/// Hashes and verifies passwords on threads of its own. Clones share the threads, which end when the
/// last clone is gone.
///
/// Call it with no database connection or lock in hand: it may take up to
/// [`queue_time`](HashConfig::queue_time) and the hash itself. It needs no particular async runtime.
///
/// ```
/// use std::sync::Arc;
/// use auth_core::base::OsRandom;
/// use auth_core::crypto::password_hash::{HashConfig, Password, PasswordHasher, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hasher = PasswordHasher::new(HashConfig::default(), Arc::new(OsRandom))?;
/// let stored = hasher.hash(Password::new("correct horse battery staple")).await?;
/// let verdict = hasher.verify(Password::new("correct horse battery staple"), Some(stored)).await?;
/// assert_eq!(verdict, Verdict::Correct { outdated: false });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PasswordHasher {
    pool: Arc<Pool>,
    recipe: Arc<Recipe>,
}

impl PasswordHasher {
    /// Checks the settings and starts the threads; their memory is taken at their first job.
    ///
    /// # Errors
    /// [`HashConfigError`] when a setting is out of range or the system gives no thread.
    pub fn new(config: HashConfig, random: Arc<dyn Random>) -> Result<Self, HashConfigError> {
        let recipe = Recipe::new(&config, random)?;
        let pool = Pool::start(&config, recipe.block_count()).map_err(HashConfigError::NoThread)?;
        Ok(Self { pool: Arc::new(pool), recipe: Arc::new(recipe) })
    }

    /// Hashes a new password with a fresh salt, by the configured parameters.
    ///
    /// # Errors
    /// [`HashError::TooLong`] for more than [`Password::MAX_BYTES`], [`HashError::Overloaded`] when the
    /// pool sheds load, [`HashError::Failed`] when memory or randomness is lacking.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        if password.is_too_long() {
            return Err(HashError::TooLong);
        }
        let recipe = Arc::clone(&self.recipe);
        self.pool.run(move |memory| recipe.hash(memory, &password)).await
    }

    /// Compares a password with what is stored for the account; `None` when there is no account or it
    /// has no password. `None` costs what a comparison costs, so pass it on rather than return early.
    /// A password that is empty or too long is [`Verdict::Wrong`], whatever is stored.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] when the pool sheds load, [`HashError::Failed`] when memory is
    /// lacking. Neither says anything about the password: let nobody in.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<Verdict, HashError> {
        let recipe = Arc::clone(&self.recipe);
        self.pool.run(move |memory| recipe.verify(memory, &password, stored.as_ref())).await
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Verdict {
    /// The password belongs to the stored hash.
    Correct {
        /// The hash has another format or other parameters than are configured today: hash the
        /// password anew and store that (OWASP Password Storage, "Upgrading the work factor").
        outdated: bool,
    },
    /// It does not, or there was nothing to compare with.
    Wrong,
}

/// Why no hash or verdict was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// A password to be stored has more than [`Password::MAX_BYTES`].
    #[error("the password has more than {} bytes", Password::MAX_BYTES)]
    TooLong,
    /// Too many jobs wait already, or this one waited too long. Nothing was computed.
    #[error("password hashing is overloaded, try again in {} s", retry_after.as_secs())]
    Overloaded {
        /// Time after which everything that waits now has been answered; at least one second.
        retry_after: Duration,
    },
    /// Memory or randomness is lacking, or a thread panicked. Nothing was decided.
    #[error("password hashing failed")]
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OsRandom;

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(HashConfig::insecure_fast_for_tests(), Arc::new(OsRandom)).unwrap()
    }

    async fn verdict(hasher: &PasswordHasher, password: &str, stored: &str) -> Verdict {
        let stored = PasswordHash::from_stored(stored.to_owned());
        hasher.verify(Password::new(password), Some(stored)).await.unwrap()
    }

    #[tokio::test]
    async fn a_hashed_password_is_correct_and_current() {
        let hasher = hasher();
        let stored = hasher.hash(Password::new("pass word")).await.unwrap();
        assert!(stored.as_stored().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(verdict(&hasher, "pass word", stored.as_stored()).await, Verdict::Correct { outdated: false });
        for other in ["pass wore", "pass word ", "Pass word", "pass", ""] {
            assert_eq!(verdict(&hasher, other, stored.as_stored()).await, Verdict::Wrong, "{other:?}");
        }
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hasher = hasher();
        let (a, b) = (hasher.hash(Password::new("same")).await, hasher.hash(Password::new("same")).await);
        assert_ne!(a.unwrap().as_stored(), b.unwrap().as_stored());
    }

    #[tokio::test]
    async fn without_a_stored_hash_every_password_is_wrong() {
        assert_eq!(hasher().verify(Password::new("pass word"), None).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_password_longer_than_512_bytes_is_wrong_and_cannot_be_stored() {
        let hasher = hasher();
        let longest = "é".repeat(256);
        let stored = hasher.hash(Password::new(longest.as_str())).await.unwrap();
        assert_eq!(verdict(&hasher, &longest, stored.as_stored()).await, Verdict::Correct { outdated: false });
        assert_eq!(verdict(&hasher, &format!("{longest}x"), stored.as_stored()).await, Verdict::Wrong);
        assert_eq!(hasher.hash(Password::new(format!("{longest}x"))).await.err(), Some(HashError::TooLong));
    }

    #[tokio::test]
    async fn a_saturated_pool_answers_overloaded_and_recovers() {
        let config = HashConfig::insecure_fast_for_tests().threads(1).queue_length(1);
        let hasher = PasswordHasher::new(config, Arc::new(OsRandom)).unwrap();
        let (started, has_started) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let busy = hasher.pool.submit(move |_memory| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        });
        has_started.recv().unwrap();
        let waiting = hasher.pool.submit(|_memory| Ok(()));

        let shed = hasher.hash(Password::new("pass word")).await.err();
        assert_eq!(shed, Some(HashError::Overloaded { retry_after: Duration::from_secs(5) }));
        assert_eq!(hasher.verify(Password::new("pass word"), None).await.err(), shed);

        release.send(()).unwrap();
        assert_eq!(busy.unwrap().await, Ok(Ok(())));
        assert_eq!(waiting.unwrap().await, Ok(Ok(())));
        assert!(hasher.hash(Password::new("pass word")).await.is_ok());
    }

    #[test]
    fn the_answers_may_cross_threads() {
        fn is_send<T: Send>(_: &T) {}
        let hasher = hasher();
        is_send(&hasher.hash(Password::new("pass word")));
        is_send(&hasher.verify(Password::new("pass word"), None));
    }

    #[test]
    fn debug_shows_neither_salt_nor_random() {
        let shown = format!("{:?}", hasher());
        assert_eq!(shown, "PasswordHasher { recipe: Recipe(argon2id, m=64, t=1, p=1), .. }");
    }
}
