//! The connection is cut around a COMMIT: before the server hears of it, before the client hears of it, and after.

use auth_tests::{PASSWORD, Reply};

use crate::invariants::invariants;
use crate::proxy::{Order, Proxy, Statement};
use crate::world::World;
use crate::{Place, on_each_place};

on_each_place!(
    a_sign_up_is_whole_or_absent,
    a_sign_in_is_whole_or_absent,
    a_change_of_password_is_whole_or_absent,
    a_sign_out_is_whole_or_absent,
    a_revocation_is_whole_or_absent,
);

const NEW: &str = "Marble-Falcon-Quiet-77";

/// Where the line is cut, and what that means for a change.
const CUTS: [(Order, Outcome); 3] = [
    (Order::CutBefore, Outcome { acknowledged: false, durable: false }),
    // Nobody can tell the client: it must not be told that nothing happened, nor that all is well.
    (Order::CutUnanswered, Outcome { acknowledged: false, durable: true }),
    (Order::CutAfter, Outcome { acknowledged: true, durable: true }),
];

#[derive(Clone, Copy, Debug)]
struct Outcome {
    acknowledged: bool,
    durable: bool,
}

impl Outcome {
    /// Checks what the client was told.
    fn is_told_by(self, reply: &Reply) {
        assert_eq!(reply.status, if self.acknowledged { 200 } else { 503 }, "{self:?}: {}", reply.text());
    }

    /// Checks what became of it: `rows` are those that it writes.
    async fn is_seen(self, world: &World, rows: &str) {
        assert_eq!(world.database.number(rows).await, i64::from(self.durable), "{self:?}: {rows}");
    }
}

async fn a_sign_up_is_whole_or_absent(place: Place) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    for (cut, outcome) in CUTS {
        let email = format!("{cut:?}@example.com").to_lowercase();
        proxy.order(Statement::Commit, cut);
        outcome.is_told_by(&world.sign_up(&email).await);
        outcome.is_seen(&world, &format!("SELECT count(*) FROM auth_user WHERE email = '{email}'")).await;
        // Trying again is honest: it succeeds, or says that the account is there, and then the password opens it.
        let again = world.sign_up(&email).await;
        assert_eq!(again.status, if outcome.durable { 422 } else { 200 }, "{cut:?}: {}", again.text());
        assert_eq!(world.sign_in(&email, PASSWORD).await.status, 200);
    }
    invariants(&world).await;
}

async fn a_sign_in_is_whole_or_absent(place: Place) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    for (cut, outcome) in CUTS {
        let email = format!("{cut:?}@example.com").to_lowercase();
        world.signed_up(&email).await;
        proxy.order(Statement::Commit, cut);
        outcome.is_told_by(&world.sign_in(&email, PASSWORD).await);
        let sessions = "FROM auth_session s JOIN auth_user u ON u.id = s.user_id";
        outcome.is_seen(&world, &format!("SELECT count(*) - 1 {sessions} WHERE u.email = '{email}'")).await;
        assert_eq!(world.sign_in(&email, PASSWORD).await.status, 200);
    }
    invariants(&world).await;
}

async fn a_change_of_password_is_whole_or_absent(place: Place) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    for (cut, outcome) in CUTS {
        let email = format!("{cut:?}@example.com").to_lowercase();
        let token = world.signed_up(&email).await;
        world.gate.close(crate::gate::Turn::PasswordChange);
        let (reply, ()) = tokio::join!(world.change_password(&email, &token, NEW), async {
            // The proof of the old password has a transaction of its own; it is over here.
            world.gate.arrived().await;
            proxy.order(Statement::Commit, cut);
            world.gate.open();
        });
        outcome.is_told_by(&reply);
        let changed = format!("SELECT credential_version FROM auth_user WHERE email = '{email}'");
        outcome.is_seen(&world, &changed).await;
        let [holds, is_wrong] = if outcome.durable { [NEW, PASSWORD] } else { [PASSWORD, NEW] };
        assert_eq!(world.sign_in(&email, is_wrong).await.status, 401);
        assert_eq!(world.sign_in(&email, holds).await.status, 200);
        // The change ended the session; without it, the session goes on.
        assert_eq!(world.me(&token).await.status, if outcome.durable { 401 } else { 200 });
    }
    invariants(&world).await;
}

async fn a_sign_out_is_whole_or_absent(place: Place) {
    ends_a_session(place, async |world: &World, _: &str, token: &str| world.sign_out(token).await).await;
}

async fn a_revocation_is_whole_or_absent(place: Place) {
    ends_a_session(place, async |world: &World, email: &str, token: &str| world.revoke_all(email, token).await).await;
}

async fn ends_a_session(place: Place, end: impl AsyncFn(&World, &str, &str) -> Reply) {
    let Some((world, proxy)) = Proxy::world(place).await else { return };
    for (cut, outcome) in CUTS {
        let email = format!("{cut:?}@example.com").to_lowercase();
        let token = world.signed_up(&email).await;
        proxy.order(Statement::Commit, cut);
        outcome.is_told_by(&end(&world, &email, &token).await);
        assert_eq!(world.me(&token).await.status, if outcome.durable { 401 } else { 200 });
        let again = end(&world, &email, &token).await;
        assert!([200, 401].contains(&again.status.as_u16()), "{cut:?}: {}", again.text());
        assert_eq!(world.me(&token).await.status, 401);
    }
    invariants(&world).await;
}
