//! The orders in which two transactions can meet on a code or on a refresh family, and on the session that both go
//! with.

use auth_core::code::{CodePurpose, StoredCode};
use auth_core::store::{StoreError, Tx};
use auth_core::token::RefreshFamily;

use crate::on_each_database;
use crate::stage::{NOW, Opened, Stage, new_code, new_family, new_key, next, unused};
use crate::steps::{End, First};

on_each_database![
    the_second_redemption_of_a_code_loses,
    the_second_rotation_of_a_token_loses,
    the_second_end_of_a_family_loses,
    the_second_key_of_a_generation_loses,
    an_older_code_is_not_redeemed_once_a_newer_one_is_there,
    a_code_that_is_being_redeemed_is_replaced,
    a_code_waits_for_the_end_of_its_session,
    the_end_of_a_session_waits_for_a_code_and_takes_it_along,
    a_code_waits_for_the_deletion_of_its_user,
    the_deletion_of_a_user_waits_for_a_code_and_takes_it_along,
    a_family_whose_session_ends_is_not_rotated,
    the_end_of_a_session_waits_for_a_rotation_and_takes_the_family_along,
    a_family_waits_for_the_end_of_its_session,
    the_end_of_a_session_waits_for_a_family_and_takes_it_along,
    an_ended_family_is_not_rotated_back,
];

/// A number that neither end of a first transaction has.
const OTHERS: usize = 1_000_000;

async fn the_second_redemption_of_a_code_loses(stage: Stage) {
    let code = async |stage: &Stage, n| stage.with_code(n).await.1;
    stage.twice(code, |tx, code| Box::pin(async move { redeem(tx, &code).await })).await;
}

async fn the_second_rotation_of_a_token_loses(stage: Stage) {
    let family = async |stage: &Stage, n| stage.with_family(n).await.1;
    stage.twice(family, |tx, family| Box::pin(async move { rotate(tx, &family).await })).await;
}

async fn the_second_end_of_a_family_loses(stage: Stage) {
    let family = async |stage: &Stage, n| stage.with_family(n).await.1;
    stage.twice(family, |tx, family| Box::pin(async move { tx.end_family(family.session_id).await })).await;
}

async fn the_second_key_of_a_generation_loses(stage: Stage) {
    let generation = async |_: &Stage, n| n;
    stage
        .twice(generation, |tx, generation| {
            Box::pin(async move { tx.insert_signing_key(&new_key(unused(), generation)).await })
        })
        .await;
}

async fn an_older_code_is_not_redeemed_once_a_newer_one_is_there(stage: Stage) {
    for end in End::BOTH {
        let (it, older) = stage.with_code(end.number()).await;
        let newer = new_code(OTHERS + end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| tx.put_code(&newer).await).await;
        let redeemed = stage.then(first, end, |stage| async move { stage.was_good(&older).await }).await;
        assert_eq!((redeemed, stage.was_good(&newer).await), (end == End::TakenBack, end == End::Committed));
    }
}

async fn a_code_that_is_being_redeemed_is_replaced(stage: Stage) {
    for end in End::BOTH {
        let (it, older) = stage.with_code(end.number()).await;
        let newer = new_code(OTHERS + end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| redeem(tx, &older).await).await;
        let issued = newer.clone();
        assert!(stage.then(first, end, |stage| async move { stage.conn().put_code(&issued).await }).await.unwrap());
        assert!(!stage.was_good(&older).await && stage.was_good(&newer).await);
    }
}

async fn a_code_waits_for_the_end_of_its_session(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let code = new_code(end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| end_session(tx, &it).await).await;
        let issued = stage.then(first, end, |stage| async move { stage.conn().put_code(&code).await }).await;
        assert_eq!(issued.unwrap(), end == End::TakenBack);
    }
}

async fn the_end_of_a_session_waits_for_a_code_and_takes_it_along(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let code = new_code(end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| tx.put_code(&code).await).await;
        assert!(stage.then(first, end, |stage| async move { ended(&stage, &it).await }).await);
        assert!(!stage.was_good(&code).await);
    }
}

async fn a_code_waits_for_the_deletion_of_its_user(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let code = new_code(end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| tx.delete_user(it.user.id).await).await;
        let issued = stage.then(first, end, |stage| async move { stage.conn().put_code(&code).await }).await;
        assert_eq!(issued.unwrap(), end == End::TakenBack);
    }
}

async fn the_deletion_of_a_user_waits_for_a_code_and_takes_it_along(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let (code, user) = (new_code(end.number(), &it), it.user.id);
        let first = stage.first(async |tx: &mut dyn Tx| tx.put_code(&code).await).await;
        assert!(stage.then(first, end, |stage| async move { stage.conn().delete_user(user).await }).await.unwrap());
        assert!(!stage.was_good(&code).await);
    }
}

async fn a_family_whose_session_ends_is_not_rotated(stage: Stage) {
    for end in End::BOTH {
        let (it, family) = stage.with_family(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| end_session(tx, &it).await).await;
        assert_eq!(rotated_after(&stage, first, end, &family).await, end == End::TakenBack);
        assert_eq!(stage.found(&family).await.is_some(), end == End::TakenBack);
    }
}

async fn the_end_of_a_session_waits_for_a_rotation_and_takes_the_family_along(stage: Stage) {
    for end in End::BOTH {
        let (it, family) = stage.with_family(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| rotate(tx, &family).await).await;
        assert!(stage.then(first, end, |stage| async move { ended(&stage, &it).await }).await);
        assert!(stage.found(&family).await.is_none());
    }
}

async fn a_family_waits_for_the_end_of_its_session(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let family = new_family(end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| end_session(tx, &it).await).await;
        let opened = stage.then(first, end, |stage| async move { stage.conn().put_family(&family).await }).await;
        assert_eq!(opened.unwrap(), end == End::TakenBack);
    }
}

async fn the_end_of_a_session_waits_for_a_family_and_takes_it_along(stage: Stage) {
    for end in End::BOTH {
        let it = stage.signed_up(end.number()).await;
        let family = new_family(end.number(), &it);
        let first = stage.first(async |tx: &mut dyn Tx| tx.put_family(&family).await).await;
        assert!(stage.then(first, end, |stage| async move { ended(&stage, &it).await }).await);
        assert!(stage.found(&family).await.is_none());
    }
}

async fn an_ended_family_is_not_rotated_back(stage: Stage) {
    for end in End::BOTH {
        let (_, family) = stage.with_family(end.number()).await;
        let first = stage.first(async |tx: &mut dyn Tx| tx.end_family(family.session_id).await).await;
        assert_eq!(rotated_after(&stage, first, end, &family).await, end == End::TakenBack);
        assert_eq!(stage.found(&family).await.is_some(), end == End::TakenBack);
    }
}

async fn redeem(tx: &mut dyn Tx, code: &StoredCode) -> Result<bool, StoreError> {
    tx.consume_code(CodePurpose::OneTimeToken, &code.hash, NOW).await
}

async fn rotate(tx: &mut dyn Tx, family: &RefreshFamily) -> Result<bool, StoreError> {
    tx.rotate_family(family.session_id, &family.token_hash, &next(OTHERS)).await
}

/// What a rotation comes to that meets the first transaction.
async fn rotated_after(stage: &Stage, first: First, end: End, family: &RefreshFamily) -> bool {
    let (session, token) = (family.session_id, family.token_hash);
    let rotate = |stage: Stage| async move { stage.conn().rotate_family(session, &token, &next(OTHERS)).await };
    stage.then(first, end, rotate).await.unwrap()
}

async fn end_session(tx: &mut dyn Tx, it: &Opened) -> Result<bool, StoreError> {
    tx.end_session(it.user.id, it.session).await
}

/// Ends the session; whether it was there.
async fn ended(stage: &Stage, it: &Opened) -> bool {
    stage.conn().end_session(it.user.id, it.session).await.unwrap()
}
