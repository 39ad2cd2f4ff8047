//! What must hold after every fault, once the database is well again.

use std::time::{Duration, Instant};

use crate::ledger::{Account, Told};
use crate::reached::Reached;
use crate::world::World;

/// How long a server may take to roll back what nobody waits for.
const ROLLBACK: Duration = Duration::from_secs(15);

/// Rows that must not be there. What the trail tells and what is there agree, so a change is whole or absent.
const CONTRADICTIONS: [(&str, &str); 8] = [
    (
        "a user without a password",
        "SELECT count(*) FROM auth_user WHERE id NOT IN \
         (SELECT user_id FROM auth_account WHERE provider_id = 'credential' AND password_hash IS NOT NULL)",
    ),
    ("a password of nobody", "SELECT count(*) FROM auth_account WHERE user_id NOT IN (SELECT id FROM auth_user)"),
    (
        "a session of nobody, or of somebody disabled",
        "SELECT count(*) FROM auth_session WHERE user_id NOT IN (SELECT id FROM auth_user WHERE disabled_at IS NULL)",
    ),
    (
        "a user whom the trail does not know once",
        "SELECT count(*) FROM auth_user u WHERE 1 <> \
         (SELECT count(*) FROM auth_audit a WHERE a.user_id = u.id AND a.action = 'signed_up')",
    ),
    (
        "a sign-up in the trail without its user",
        "SELECT count(*) FROM auth_audit WHERE action = 'signed_up' AND user_id NOT IN (SELECT id FROM auth_user)",
    ),
    (
        "a session that the trail does not know once",
        "SELECT count(*) FROM auth_session s WHERE 1 <> \
         (SELECT count(*) FROM auth_audit a WHERE a.session_id = s.id AND a.action = 'signed_in')",
    ),
    (
        "a session that was signed out of",
        "SELECT count(*) FROM auth_session WHERE id IN (SELECT session_id FROM auth_audit WHERE action = 'signed_out')",
    ),
    (
        "a change of password on one side only",
        "SELECT count(*) FROM auth_user u WHERE credential_version <> \
         (SELECT count(*) FROM auth_audit a WHERE a.user_id = u.id AND a.action = 'password_changed')",
    ),
];

/// Checks that what clients were told is so, and that nothing is half done.
pub(crate) async fn invariants(world: &World) {
    nothing_is_open(&world.database).await;
    for (name, question) in CONTRADICTIONS {
        assert_eq!(world.database.number(question).await, 0, "{name}");
    }
    what_was_told_is_in_the_trail(world).await;
    let ledger = world.ledger.lock().unwrap().clone();
    for session in &ledger.sessions {
        let reply = world.me(&session.token).await;
        assert_ne!(reply.status, 503, "the database is well again");
    }
    for (email, account) in &ledger.accounts {
        one_password_holds(world, email, account).await;
    }
}

/// Every transaction is over: what a client gave up is rolled back, and holds no lock.
async fn nothing_is_open(database: &Reached) {
    let begun = Instant::now();
    while database.open_transactions().await > 0 {
        assert!(begun.elapsed() < ROLLBACK, "a transaction was left open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One row for each change that was acknowledged; none but for those and the ones whose outcome is unknown.
async fn what_was_told_is_in_the_trail(world: &World) {
    let actions = world.ledger.lock().unwrap().actions.clone();
    for (action, count) in actions {
        let question = format!("SELECT count(*) FROM auth_audit WHERE action = '{action}'");
        let rows = world.database.number(&question).await;
        let most = count.acknowledged + count.unknown;
        assert!((count.acknowledged..=most).contains(&rows), "{rows} rows of {action} for {count:?}");
    }
}

/// The account is there if that was acknowledged, and then it has one password: an acknowledged one.
async fn one_password_holds(world: &World, email: &str, account: &Account) {
    for dead in &account.dead {
        world.sign_in(email, dead).await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    let mut holding = 0;
    for password in &account.passwords {
        let reply = world.sign_in(email, password).await;
        assert_ne!(reply.status, 503, "the database is well again");
        holding += usize::from(reply.status == 200);
    }
    let question = format!("SELECT count(*) FROM auth_user WHERE email = '{email}'");
    let there = usize::try_from(world.database.number(&question).await).unwrap();
    assert_eq!(holding, there, "{email} has {holding} passwords");
    assert!(there == 1 || account.exists == Told::Unknown, "{email} is lost");
}
