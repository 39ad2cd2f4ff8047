//! What a store promises about accounts.

use super::actors::{Actors, DAY, NOW};
use super::facts::account_facts;
use crate::account::{Account, CREDENTIAL};

pub(super) async fn a_password_is_listed_as_a_credential_account(it: Actors) {
    let (ada, now, id) = (it.signed_up("ada").await, NOW.plus(DAY), it.account_id());
    it.conn().insert_password(id, ada.id, &it.password_hash(), now).await.unwrap();
    let account = Account {
        id,
        provider_id: CREDENTIAL.to_owned(),
        account_id: ada.id.to_string(),
        user_id: ada.id,
        created_at: now,
        updated_at: now,
    };
    let accounts = it.conn().accounts_of_user(ada.id).await.unwrap();
    assert_eq!(accounts.iter().map(account_facts).collect::<Vec<_>>(), [account_facts(&account)]);
}

pub(super) async fn accounts_of_others_are_not_listed(it: Actors) {
    it.with_password("ada").await;
    let grace = it.signed_up("grace").await;
    for user in [grace.id, it.user("nobody").id] {
        assert!(it.conn().accounts_of_user(user).await.unwrap().is_empty(), "another's account is listed");
    }
}
