//! What races are run on: an application over one store, the people in it, and the race itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::AuthBuilder;
use auth_core::account::Lockout;
use auth_core::api_key::Spent;
use auth_core::base::{
    AccountId, Email, RoleId, SeededRandom, SessionId, SigningKeyId, Timestamp, Token, TokenHash, TokenKind, UserId,
};
use auth_core::code::{CodePurpose, CodeSubject, StoredCode};
use auth_core::crypto::password_hash::PasswordHash;
use auth_core::guard::Tenancy;
use auth_core::role::{Permission, Role, RoleScope, StoredGrant};
use auth_core::store::{Conn, Store, StoreError, Tx};
use auth_core::token::{RefreshFamily, Rotation, StoredSigningKey};
use auth_core::user::{Pool, User};
use auth_tests::{Actor, Reply, Stack, StoreKind, TestApp, TransportKind};
use futures_util::future::join_all;
use tokio::sync::Barrier;

use crate::steps::Doorman;
use crate::{RACERS, ROUNDS};

const DAY: Duration = Duration::from_hours(24);
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_123_456);

/// An application over a store of its own. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) kind: StoreKind,
    pub(crate) doorman: Doorman,
}

impl Stage {
    /// `None` where there is no such store. Attempts are not limited: all who race are to come through to the store.
    pub(crate) async fn over(kind: StoreKind) -> Option<Self> {
        if !kind.is_available().await {
            return None;
        }
        let stack = Stack { transport: TransportKind::Core, store: kind };
        let unlimited = Lockout::disabled_insecurely();
        let doorman = Doorman::default();
        let settings =
            |builder: AuthBuilder| builder.lockout(unlimited).hooks(doorman.clone()).tenancy(Tenancy::shared());
        Some(Self { app: stack.app_with(settings).await, kind, doorman })
    }

    pub(crate) fn conn(&self) -> Box<dyn Conn + '_> {
        self.app.store().conn()
    }

    pub(crate) async fn begin(&self) -> Box<dyn Tx> {
        self.app.store().begin().await.unwrap()
    }

    /// A user without a password.
    pub(crate) async fn user(&self, n: usize) -> User {
        let user = new_user(n, &address(n));
        self.conn().insert_user(&user).await.unwrap();
        user
    }

    /// A user with the hash that [`hash`] makes of the same number.
    pub(crate) async fn with_password(&self, n: usize) -> User {
        let user = self.user(n).await;
        self.conn().insert_password(account_id(n), user.id, &hash(n), NOW).await.unwrap();
        user
    }

    /// A role that nobody holds.
    pub(crate) async fn role(&self, n: usize) -> Role {
        let role = new_role(n, &format!("role{n}"));
        self.conn().put_role(&role).await.unwrap();
        role
    }

    /// A user and the role they hold.
    pub(crate) async fn granted(&self, n: usize) -> (User, Role) {
        let (user, role) = (self.user(n).await, self.role(n).await);
        assert!(self.conn().grant_role(&everywhere(user.id, role.id), NOW).await.unwrap());
        (user, role)
    }

    /// Somebody who has signed up through the engine.
    pub(crate) async fn signed_up(&self, n: usize) -> Opened {
        let actor = self.app.signed_up(&address(n)).await;
        let token = Token::parse(TokenKind::Session, &actor.cookie().unwrap()).unwrap().hash();
        let found = self.conn().session_by_token(&token).await.unwrap().unwrap();
        Opened { actor, user: found.user, session: found.session.id }
    }

    /// A session and a code that is bound to it.
    pub(crate) async fn with_code(&self, n: usize) -> (Opened, StoredCode) {
        let it = self.signed_up(n).await;
        let code = new_code(n, &it);
        assert!(self.conn().put_code(&code).await.unwrap());
        (it, code)
    }

    /// Whether the code is good; it is not any more.
    pub(crate) async fn was_good(&self, code: &StoredCode) -> bool {
        self.conn().consume_code(code.purpose, &code.hash, NOW).await.unwrap()
    }

    /// A session and its refresh family, before the first rotation.
    pub(crate) async fn with_family(&self, n: usize) -> (Opened, RefreshFamily) {
        let it = self.signed_up(n).await;
        let family = new_family(n, &it);
        assert!(self.conn().put_family(&family).await.unwrap());
        (it, family)
    }

    /// The family as the store has it now.
    pub(crate) async fn found(&self, family: &RefreshFamily) -> Option<RefreshFamily> {
        self.conn().family_by_hash(&family.family_hash).await.unwrap().map(|found| found.family)
    }

    pub(crate) async fn password_of(&self, user: UserId) -> Option<String> {
        let password = self.conn().password_of_user(user).await.unwrap();
        password.map(|hash| hash.as_stored().to_owned())
    }

    /// Runs [`ROUNDS`] races of [`RACERS`] and asserts that each has one winner. `prepare` arranges a round, `attempt`
    /// is what a racer of this number does, `settled` looks at what the winner has left.
    pub(crate) async fn one_wins<Case, Attempt>(
        self,
        prepare: impl AsyncFn(&Self, usize) -> Case,
        attempt: impl Fn(Self, Case, usize) -> Attempt,
        settled: impl AsyncFn(&Self, Case, usize),
    ) where
        Case: Clone,
        Attempt: Future<Output: Verdict + Send> + Send + 'static,
    {
        for round in 0..ROUNDS {
            let case = prepare(&self, round).await;
            let verdicts = together((0..RACERS).map(|racer| attempt(self.clone(), case.clone(), racer))).await;
            let won: Vec<bool> = verdicts.into_iter().map(Verdict::won).collect();
            let winners: Vec<usize> = (0..RACERS).filter(|racer| won[*racer]).collect();
            let [winner] = winners[..] else { panic!("{winners:?} have won round {round} over {:?}", self.kind) };
            settled(&self, case, winner).await;
        }
    }
}

/// A session and who it belongs to.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) actor: Actor,
    pub(crate) user: User,
    pub(crate) session: SessionId,
}

/// How somebody who tried is told whether it was they.
pub(crate) trait Verdict {
    fn won(self) -> bool;
}

impl Verdict for Result<bool, StoreError> {
    fn won(self) -> bool {
        self.unwrap()
    }
}

impl Verdict for Result<(), StoreError> {
    fn won(self) -> bool {
        match self {
            Ok(()) => true,
            Err(StoreError::Conflict) => false,
            Err(error) => panic!("{error:?}"),
        }
    }
}

impl Verdict for Result<Spent, StoreError> {
    fn won(self) -> bool {
        match self.unwrap() {
            Spent::Allowed => true,
            Spent::QuotaExceeded { .. } => false,
            spent => panic!("{spent:?}"),
        }
    }
}

impl<T> Verdict for Result<Option<T>, StoreError> {
    fn won(self) -> bool {
        self.unwrap().is_some()
    }
}

/// Whoever did not win must have been refused, and not have met a failure.
impl Verdict for Reply {
    fn won(self) -> bool {
        assert!([200, 400, 401, 422].contains(&self.status.as_u16()), "{} {}", self.status, self.text());
        self.status == 200
    }
}

/// Runs all of them on several threads, from the same moment on.
pub(crate) async fn together<F>(racing: impl ExactSizeIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let start = Arc::new(Barrier::new(racing.len()));
    let running: Vec<_> = racing
        .map(|racer| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                racer.await
            })
        })
        .collect();
    join_all(running).await.into_iter().map(Result::unwrap).collect()
}

/// A number that nobody has.
pub(crate) fn unused() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An address of this number.
pub(crate) fn address(n: usize) -> String {
    format!("user{n}@example.com")
}

/// A user who is not written yet; each number has an id of its own.
pub(crate) fn new_user(n: usize, email: &str) -> User {
    User {
        id: UserId::new(NOW, &seeded(n)),
        name: "Ada".to_owned(),
        email: Email::parse(email).unwrap(),
        email_verified: false,
        image: None,
        created_at: NOW,
        updated_at: NOW,
        disabled_at: None,
        credential_version: 1,
        pool: Pool::User,
        tenant: None,
        identifiers: auth_core::user::Identifiers::default(),
    }
}

/// That the user holds the role everywhere.
pub(crate) fn everywhere(user: UserId, role: RoleId) -> StoredGrant {
    StoredGrant { user, role, scope: RoleScope::Everywhere }
}

/// A role that is not written yet; each number has an id and a permission of its own.
pub(crate) fn new_role(n: usize, name: &str) -> Role {
    Role {
        id: RoleId::new(NOW, &seeded(n)),
        guard: "ADMIN".to_owned(),
        name: name.to_owned(),
        tenant: None,
        is_system: false,
        manages: false,
        permissions: vec![Permission::parse(format!("reports:{n}")).unwrap()],
        created_at: NOW,
    }
}

/// A code of this session that is not written yet; each number has a hash of its own.
pub(crate) fn new_code(n: usize, it: &Opened) -> StoredCode {
    StoredCode {
        hash: token_hash(TokenKind::OneTime, n),
        purpose: CodePurpose::OneTimeToken,
        subject: CodeSubject::from(it.session),
        user_id: Some(it.user.id),
        session_id: Some(it.session),
        binding: None,
        attempts: 0,
        created_at: NOW,
        expires_at: NOW.plus(DAY),
    }
}

/// A refresh family of this session that is not written yet; each number has hashes of its own.
pub(crate) fn new_family(n: usize, it: &Opened) -> RefreshFamily {
    let hash = token_hash(TokenKind::Refresh, n);
    RefreshFamily {
        session_id: it.session,
        tenant: None,
        family_hash: hash,
        token_hash: hash,
        previous_hash: None,
        sealed_child: None,
        generation: 0,
        created_at: NOW,
        rotated_at: NOW,
        expires_at: NOW.plus(DAY),
    }
}

/// The next token of a family; each number has a hash of its own.
pub(crate) fn next(n: usize) -> Rotation {
    let (token_hash, sealed_child) = (token_hash(TokenKind::Refresh, n), Some(n.to_be_bytes().to_vec()));
    Rotation { token_hash, sealed_child, rotated_at: NOW, expires_at: NOW.plus(DAY) }
}

/// A signing key that is not written yet; each number has an id of its own.
pub(crate) fn new_key(n: usize, generation: usize) -> StoredSigningKey {
    StoredSigningKey {
        id: SigningKeyId::new(NOW, &seeded(n)),
        algorithm: "EdDSA".to_owned(),
        generation: generation as i64,
        public_jwk: "{}".to_owned(),
        sealed_private: n.to_be_bytes().to_vec(),
        created_at: NOW,
        signs_from: NOW,
        signs_until: NOW.plus(DAY),
        verifies_until: NOW.plus(DAY),
    }
}

fn token_hash(kind: TokenKind, n: usize) -> TokenHash {
    Token::random(kind, &seeded(n)).hash()
}

pub(crate) fn account_id(n: usize) -> AccountId {
    AccountId::new(NOW, &seeded(n))
}

/// What looks like a hash; no store looks inside.
pub(crate) fn hash(n: usize) -> PasswordHash {
    PasswordHash::from_stored(format!("$argon2id$v=19$m=19456,t=2,p=1${n}"))
}

pub(crate) fn seeded(n: usize) -> SeededRandom {
    SeededRandom::predictable(1 << 32 | n as u64)
}
