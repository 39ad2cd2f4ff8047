//! What one job computes: how a hash is made, and what a comparison does in each case.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use argon2::{Algorithm, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::argon::{Argon2Hash, Memory, compute};
use super::config::{HashConfig, HashConfigError};
use super::password::{Password, PasswordHash};
use super::stored::{Limits, Stored, Unreadable};
use super::{HashError, Verdict};
use crate::base::Random;

/// RFC 9106, 3.1: 128 bits are sufficient for all applications.
const SALT_LEN: usize = 16;
/// RFC 9106, 4: a tag of 256 bits.
const OUTPUT_LEN: usize = 32;

/// The configured argon2id (RFC 9106) and the limits that rows are held to.
pub(super) struct Recipe {
    params: Params,
    limits: Limits,
    random: Arc<dyn Random>,
    decoy_salt: [u8; SALT_LEN],
}

impl Recipe {
    /// Checks the settings, then draws the salt of the decoy.
    #[expect(clippy::expect_used, reason = "the settings have been validated on the line above")]
    pub(super) fn new(config: &HashConfig, random: Arc<dyn Random>) -> Result<Self, HashConfigError> {
        config.validate()?;
        // `validate` keeps to argon2's own ranges: eight blocks a lane, one pass, one lane at least.
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, Some(OUTPUT_LEN))
            .expect("validated settings");
        let mut decoy_salt = [0; SALT_LEN];
        random.fill(&mut decoy_salt);
        Ok(Self { params, limits: Limits::new(config), random, decoy_salt })
    }

    /// Memory of one hash in blocks of 1 KiB.
    pub(super) fn block_count(&self) -> usize {
        self.params.block_count()
    }

    pub(super) fn hash(&self, memory: &mut Memory, password: &Password) -> Result<PasswordHash, HashError> {
        let mut salt = [0; SALT_LEN];
        self.random.fill(&mut salt);
        let output = self.compute(memory, password.expose().as_bytes(), &salt)?;
        let (m, t, p) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output.as_slice()));
        Ok(PasswordHash::from_stored(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${output}")))
    }

    /// Every path ends in one comparison's worth of work, whatever is missing.
    pub(super) fn verify(
        &self,
        memory: &mut Memory,
        password: &Password,
        stored: Option<&PasswordHash>,
    ) -> Result<Verdict, HashError> {
        let Some(stored) = stored else { return self.decoy(memory, password) };
        let stored = match Stored::read(stored, &self.limits) {
            Ok(stored) => stored,
            Err(Unreadable { format, reason }) => {
                tracing::error!(format, "a stored password hash cannot be verified: {reason}");
                return self.decoy(memory, password);
            }
        };
        if password.is_empty() || password.is_too_long() || !stored.can_be_of(password) {
            return self.decoy(memory, password);
        }
        if stored.matches(memory, password)? {
            Ok(Verdict::Correct { outdated: !self.makes(&stored) })
        } else {
            Ok(Verdict::Wrong)
        }
    }

    /// Whether [`hash`](Self::hash) would make a hash of this kind today.
    fn makes(&self, stored: &Stored) -> bool {
        match stored {
            Stored::Argon2(Argon2Hash {
                algorithm: Algorithm::Argon2id,
                version: Version::V0x13,
                params,
                salt,
                ..
            }) => *params == self.params && salt.len() == SALT_LEN,
            Stored::Argon2(_) | Stored::Scrypt(_) | Stored::Bcrypt(_) | Stored::Pbkdf2(_) => false,
        }
    }

    /// The work of a comparison with nothing to compare with: time must not tell who has an account.
    fn decoy(&self, memory: &mut Memory, password: &Password) -> Result<Verdict, HashError> {
        let bytes = password.expose().as_bytes();
        let bytes = &bytes[..bytes.len().min(Password::MAX_BYTES)];
        black_box(self.compute(memory, bytes, &self.decoy_salt)?);
        Ok(Verdict::Wrong)
    }

    fn compute(
        &self,
        memory: &mut Memory,
        password: &[u8],
        salt: &[u8],
    ) -> Result<Zeroizing<[u8; OUTPUT_LEN]>, HashError> {
        let mut output = Zeroizing::new([0; OUTPUT_LEN]);
        let how = (Algorithm::Argon2id, Version::V0x13, &self.params);
        compute(memory, how, password, salt, output.as_mut_slice())?;
        Ok(output)
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (m, t, p) = (self.params.m_cost(), self.params.t_cost(), self.params.p_cost());
        write!(f, "Recipe(argon2id, m={m}, t={t}, p={p})")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::span;

    use super::*;
    use crate::base::SeededRandom;

    const PASSWORD: &str = "correct horse battery staple";
    const TAIL: &str = "$AAECAwQFBgcICQoLDA0ODw$ktxdZwGWI4aL3geSdeUi9LfoIT00FO2Fy8KsikERcog";

    fn recipe(config: &HashConfig) -> Recipe {
        Recipe::new(config, Arc::new(SeededRandom::predictable(1))).unwrap()
    }

    fn fast() -> Recipe {
        recipe(&HashConfig::insecure_fast_for_tests())
    }

    /// The verdict, and how many blocks were in use: 64 is this recipe's own hash or decoy.
    fn verify(recipe: &Recipe, password: &str, stored: Option<&str>) -> (Verdict, usize) {
        let mut memory = Memory::new(0);
        let stored = stored.map(|text| PasswordHash::from_stored(text.to_owned()));
        let verdict = recipe.verify(&mut memory, &Password::new(password), stored.as_ref()).unwrap();
        (verdict, memory.allocated_blocks().0)
    }

    #[test]
    fn hashes_are_current_argon2id_strings_of_97_characters_by_default() {
        let recipe = recipe(&HashConfig::default());
        let mut memory = Memory::new(recipe.block_count());
        let stored = recipe.hash(&mut memory, &Password::new(PASSWORD)).unwrap();
        assert!(stored.as_stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(stored.as_stored().len(), 97);
        let verdict = recipe.verify(&mut memory, &Password::new(PASSWORD), Some(&stored));
        assert_eq!(verdict, Ok(Verdict::Correct { outdated: false }));
    }

    #[test]
    fn other_parameters_and_other_formats_are_outdated() {
        let stored = format!("$argon2id$v=19$m=64,t=1,p=1{TAIL}");
        assert_eq!(verify(&fast(), PASSWORD, Some(&stored)).0, Verdict::Correct { outdated: false });
        let dearer = recipe(&HashConfig::insecure_fast_for_tests().iterations(2));
        assert_eq!(verify(&dearer, PASSWORD, Some(&stored)).0, Verdict::Correct { outdated: true });
        let larger = recipe(&HashConfig::insecure_fast_for_tests().memory_kib(72));
        assert_eq!(verify(&larger, PASSWORD, Some(&stored)).0, Verdict::Correct { outdated: true });

        let imported = [
            "$argon2i$v=19$m=256,t=3,p=2$AAECAwQFBgcICQoLDA0ODw$0aDgzEMZiRVi1u+x+Y6w2tkwUn+VWMMuiKet5NmyEUU",
            "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$11kKyiyYAc8G7rp3KmncMc44YlkdllIqxOa7pq0fMaU",
            "000102030405060708090a0b0c0d0e0f:7034425e783148ac6ce2c4521177f6fc8ba611950b64145053bf3c4fbf26457865bbf1ea8164754187636d431114bca7374e96cf91409d23fbc0b086580d2442",
            "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
            "$pbkdf2-sha256$i=10000,l=32$AAECAwQFBgcICQoLDA0ODw$2flfZcLfnShdJogjAMpb4p4+1QBVZmODXExi4nBRUCI",
        ];
        for stored in imported {
            assert_eq!(verify(&fast(), PASSWORD, Some(stored)).0, Verdict::Correct { outdated: true }, "{stored}");
            assert_eq!(verify(&fast(), "correct horse", Some(stored)).0, Verdict::Wrong, "{stored}");
        }
    }

    #[test]
    fn whatever_is_missing_or_unfit_costs_one_decoy() {
        let stored = format!("$argon2id$v=19$m=64,t=1,p=1{TAIL}");
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
        let long = "x".repeat(513);
        let hostile = format!("$argon2id$v=19$m=4294967295,t=4294967295,p=1{TAIL}");
        let cases = [
            (PASSWORD, None),
            (PASSWORD, Some("")),
            (PASSWORD, Some("not a hash")),
            (PASSWORD, Some(hostile.as_str())),
            ("", Some(stored.as_str())),
            (long.as_str(), Some(stored.as_str())),
            (long.as_str(), None),
            (&long[..73], Some(bcrypt)),
            ("a\0a", Some(bcrypt)),
        ];
        for (password, stored) in cases {
            assert_eq!(verify(&fast(), password, stored), (Verdict::Wrong, 64), "{stored:?}");
        }
    }

    #[test]
    fn a_stored_hash_of_the_empty_password_opens_nothing() {
        let mut memory = Memory::new(64);
        let empty = fast().hash(&mut memory, &Password::new("")).unwrap();
        assert_eq!(verify(&fast(), "", Some(empty.as_stored())).0, Verdict::Wrong);
    }

    #[test]
    fn an_unreadable_row_is_logged_once_and_without_its_content() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let stored = format!("$argon2id$v=19$m=4294967295,t=1,p=1{TAIL}");
        let (verdict, _) =
            tracing::subscriber::with_default(Log(Arc::clone(&log)), || verify(&fast(), PASSWORD, Some(&stored)));
        assert_eq!(verdict, Verdict::Wrong);
        let expected = "ERROR message=a stored password hash cannot be verified: it asks for more than the limits \
                        allow; format=\"argon2id\"; ";
        assert_eq!(*log.lock().unwrap(), [expected]);
    }

    /// Writes down every event of this thread.
    struct Log(Arc<Mutex<Vec<String>>>);

    impl tracing::Subscriber for Log {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = Line(format!("{} ", event.metadata().level()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0 += &format!("{field}={value:?}; ");
        }
    }
}
