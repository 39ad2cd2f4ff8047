//! What becomes of transactions that the database takes back.

use auth_core::account::{Attempt, AttemptKey};
use auth_core::base::{Email, Timestamp};
use auth_core::store::{Store, StoreError, Tx};
use auth_core::user::Pool;
use auth_sqlx::{Connection, connection};
use auth_tests::servers::Server;
use sqlx::Connection as _;

use crate::{NOW, PATIENCE, close, on_each_server, user};

on_each_server!(
    a_statement_taken_back_to_end_a_deadlock_is_sent_again,
    a_later_statement_taken_back_ends_its_transaction,
    what_was_taken_back_is_not_called_committed,
);

/// An application's transaction that locks the two counters crosswise. Whichever of the two the database takes back,
/// the store's statement arrives: alone, or as the first of a transaction.
async fn a_statement_taken_back_to_end_a_deadlock_is_sent_again(server: Server) {
    for in_a_transaction in [false, true] {
        let Some(database) = server.database().await else { return };
        let store = database.store().await;
        let keys = [1, 2].map(|byte| AttemptKey::from_bytes([byte; 32]));
        let attempts = keys.map(|key| Attempt { key, window_ends_at: NOW });
        let before = Timestamp::from_micros(0);
        store.conn().raise_attempts(&attempts, before).await.unwrap();

        let mut tx = store.begin().await.unwrap();
        // Rows of its own make it the dearer one: MySQL takes back whoever wrote less.
        for seed in 10..20 {
            tx.insert_user(&user(seed, &format!("user{seed}@example.com"))).await.unwrap();
        }
        count_attempt(&mut *tx, 2).await.unwrap();
        let raise = tokio::spawn({
            let store = store.clone();
            async move {
                if !in_a_transaction {
                    return store.conn().raise_attempts(&attempts, before).await;
                }
                let mut tx = store.begin().await?;
                tx.raise_attempts(&attempts, before).await?;
                tx.insert_user(&user(30, "ada@example.com")).await?;
                tx.commit().await
            }
        });
        // It holds the first and waits for the second, so that one of the two cannot go on.
        tokio::time::timeout(PATIENCE, database.somebody_waits()).await.expect("nothing waits");
        let crosswise = count_attempt(&mut *tx, 1).await;
        match &crosswise {
            Ok(()) => tx.commit().await.unwrap(),
            Err(_) => drop(tx),
        }
        raise.await.unwrap().unwrap();
        let counted = store.conn().attempts(&keys, before).await.unwrap();
        let expected = if crosswise.is_ok() { 3 } else { 2 };
        assert_eq!(counted.iter().map(|counter| counter.attempts).collect::<Vec<_>>(), [expected; 2]);
        let email = Email::parse("ada@example.com").unwrap();
        let ada = store.conn().user_by_email(&Pool::User.into(), &email).await.unwrap();
        assert_eq!(ada.is_some(), in_a_transaction, "what followed the statement");
        close(&store).await;
        database.remove().await;
    }
}

/// Later in a transaction what came before is gone, so the error stays one and nothing of it comes about.
async fn a_later_statement_taken_back_ends_its_transaction(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    let keys = [1, 2].map(|byte| AttemptKey::from_bytes([byte; 32]));
    let attempts = keys.map(|key| Attempt { key, window_ends_at: NOW });
    let before = Timestamp::from_micros(0);
    store.conn().raise_attempts(&attempts, before).await.unwrap();
    let (mut one, mut other) = (store.begin().await.unwrap(), store.begin().await.unwrap());
    for (tx, seed) in [(&mut one, 1), (&mut other, 2)] {
        tx.insert_user(&user(seed, &format!("user{seed}@example.com"))).await.unwrap();
    }
    count_attempt(&mut *one, 1).await.unwrap();
    count_attempt(&mut *other, 2).await.unwrap();
    let finish = async |mut tx: Box<dyn Tx>, cleared: AttemptKey, refunded: Attempt| {
        tx.settle_attempts(cleared, refunded).await?;
        tx.commit().await
    };
    let (first, second) = tokio::join!(finish(one, keys[1], attempts[0]), finish(other, keys[0], attempts[1]));
    assert!(first.is_ok() != second.is_ok(), "{first:?}, {second:?}");
    for (seed, outcome) in [(1, &first), (2, &second)] {
        let found = store.conn().user_by_id(user(seed, "x@example.com").id).await.unwrap();
        assert_eq!(found.is_some(), outcome.is_ok(), "a transaction is whole or absent");
    }
    close(&store).await;
    database.remove().await;
}

/// An application's statement fails, and it goes on as if nothing had been. PostgreSQL takes the transaction back at
/// its COMMIT and calls that a success; MySQL has taken it back at once when it was a deadlock.
async fn what_was_taken_back_is_not_called_committed(server: Server) {
    let Some(database) = server.database().await else { return };
    let store = database.store().await;
    let (ada, grace) = (user(1, "ada@example.com"), user(2, "grace@example.com"));
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&ada).await.unwrap();
    match connection(&mut *tx).unwrap() {
        Connection::Postgres(postgres) => drop(sqlx::query("SELECT 1 / 0").execute(postgres).await.unwrap_err()),
        Connection::Mysql(mysql) => drop(sqlx::raw_sql("ROLLBACK").execute(mysql).await.unwrap()),
        other => panic!("{other:?}"),
    }
    assert!(matches!(tx.commit().await, Err(StoreError::Backend(_))), "nothing of it was kept");
    assert!(store.conn().user_by_id(ada.id).await.unwrap().is_none());

    // One of the application's own transactions is never ended: what came with it would not be committed either.
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&grace).await.unwrap();
    match connection(&mut *tx).unwrap() {
        Connection::Postgres(postgres) => std::mem::forget(postgres.begin().await.unwrap()),
        Connection::Mysql(mysql) => std::mem::forget(mysql.begin().await.unwrap()),
        other => panic!("{other:?}"),
    }
    assert!(matches!(tx.commit().await, Err(StoreError::Backend(_))), "it was not ended");
    assert!(store.conn().user_by_id(grace.id).await.unwrap().is_none());

    // One that is ended takes back its own part alone.
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&grace).await.unwrap();
    match connection(&mut *tx).unwrap() {
        Connection::Postgres(postgres) => postgres.begin().await.unwrap().rollback().await.unwrap(),
        Connection::Mysql(mysql) => mysql.begin().await.unwrap().rollback().await.unwrap(),
        other => panic!("{other:?}"),
    }
    tx.commit().await.unwrap();
    assert!(store.conn().user_by_id(grace.id).await.unwrap().is_some());
    close(&store).await;
    database.remove().await;
}

/// Counts an attempt by hand, in the transaction.
async fn count_attempt(tx: &mut dyn Tx, key: u8) -> sqlx::Result<()> {
    let key = vec![key; 32];
    match connection(tx).unwrap() {
        Connection::Postgres(postgres) => {
            let update = "UPDATE auth_attempt SET attempts = attempts + 1 WHERE attempt_key = $1";
            sqlx::query(update).bind(key).execute(postgres).await.map(drop)
        }
        Connection::Mysql(mysql) => {
            let update = "UPDATE auth_attempt SET attempts = attempts + 1 WHERE attempt_key = ?";
            sqlx::query(update).bind(key).execute(mysql).await.map(drop)
        }
        other => panic!("{other:?}"),
    }
}
