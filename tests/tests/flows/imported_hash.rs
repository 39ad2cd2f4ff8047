//! A hash that came along from another system signs in as it is, and is replaced by our own then.

use auth_core::store::Store;
use auth_tests::{PASSWORD, Stack, TestApp, database_flows};

database_flows![an_imported_hash_signs_in_and_is_replaced_at_once];

/// [`PASSWORD`] as Better Auth keeps it: scrypt, N=16384, r=16, p=1; made with another implementation.
const IMPORTED: &str = "0123456789abcdef0123456789abcdef:2cc0db957875b90ec3dd340ffa4026ecdb4bf267abb5c9ee05e39f8a4800828b6226d91a1489bab7922afee2bd68bf4ccaac1a12870e212d7c80e2bc77680918";

async fn stored(app: &TestApp) -> String {
    let ada = app.user_id("ada@example.com").await;
    app.store().conn().password_of_user(ada).await.unwrap().unwrap().as_stored().to_owned()
}

async fn an_imported_hash_signs_in_and_is_replaced_at_once(stack: Stack) {
    let (app, ada) = stack.signed_up("ada@example.com").await;
    app.database().run(&format!("UPDATE auth_account SET password_hash = '{IMPORTED}'")).await;

    app.anon().sign_in("ada@example.com", "wrong").await.refused(401, "INVALID_EMAIL_OR_PASSWORD");
    assert_eq!(stored(&app).await, IMPORTED, "a wrong password replaced the hash");
    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    let replaced = stored(&app).await;
    assert!(replaced.starts_with("$argon2id$"), "{replaced}");

    app.anon().sign_in("ada@example.com", PASSWORD).await.ok();
    assert_eq!(stored(&app).await, replaced, "a present hash was replaced");
    assert!(ada.is_signed_in().await, "an upgrade is no change of credentials");
}
