//! What a store promises about refresh families: of each token one successor, and none without its session.

use futures_util::future::join_all;

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, Opened, RACERS, assert_conflict, race, winners};
use super::facts::{family_facts, held_everywhere, held_facts, session_facts, user_facts};
use crate::base::{TenantId, Timestamp, TokenHash, TokenKind};
use crate::session::SessionWithUser;
use crate::token::{FamilyWithSession, RefreshFamily, Rotation};
use crate::user::User;

async fn found(it: &Actors, family: &RefreshFamily) -> Option<FamilyWithSession> {
    it.conn().family_by_hash(&family.family_hash).await.unwrap()
}

async fn is_there(it: &Actors, family: &RefreshFamily) -> bool {
    found(it, family).await.is_some()
}

async fn assert_unchanged(it: &Actors, family: &RefreshFamily) {
    assert_eq!(family_facts(&found(it, family).await.unwrap().family), family_facts(family));
}

/// Somebody who is signed in, and the family of their session.
async fn refreshing(it: &Actors, name: &str) -> (User, Opened, RefreshFamily) {
    let user = it.signed_up(name).await;
    let session = it.signed_in(&user).await;
    let family = it.refreshing(&session).await;
    (user, session, family)
}

/// What follows a token that is presented then.
fn next(it: &Actors, at: Timestamp) -> Rotation {
    let sealed_child = Some(it.hash(TokenKind::Session).as_bytes().to_vec());
    Rotation { token_hash: it.hash(TokenKind::Refresh), sealed_child, rotated_at: at, expires_at: at.plus(30 * DAY) }
}

async fn rotate(it: &Actors, family: &RefreshFamily, presented: &TokenHash, next: &Rotation) -> bool {
    it.conn().rotate_family(family.session_id, presented, next).await.unwrap()
}

pub(super) async fn a_family_is_found_with_session_user_and_roles(it: Actors) {
    let (ada, session, family) = refreshing(&it, "ada").await;
    let (grace, of_grace, other) = refreshing(&it, "grace").await;
    let admin = it.defined("ADMIN", "admin", &["users:read", "users:write"]).await;
    it.granted(&ada, &admin).await;
    let FamilyWithSession { family: row, found: with_user } = found(&it, &family).await.unwrap();
    assert_eq!(family_facts(&row), family_facts(&family));
    assert_eq!(session_facts(&with_user.session), session_facts(&session.row));
    assert_eq!(user_facts(&with_user.user), user_facts(&ada));
    assert_eq!(with_user.roles.iter().map(held_facts).collect::<Vec<_>>(), [held_facts(&held_everywhere(&admin))]);
    let FamilyWithSession { family: row, found: with_user } = found(&it, &other).await.unwrap();
    assert_eq!((row.session_id, with_user.session.id, with_user.user.id), (of_grace.row.id, of_grace.row.id, grace.id));
    assert!(with_user.roles.is_empty(), "roles came along that the user does not hold");
}

pub(super) async fn every_field_of_a_family_survives(it: Actors) {
    let (_, session, _) = refreshing(&it, "ada").await;
    let family = RefreshFamily {
        tenant: Some(TenantId::parse("org_2aB").unwrap()),
        previous_hash: Some(it.hash(TokenKind::Refresh)),
        sealed_child: Some((0..=u8::MAX).collect()),
        generation: 1 << 40,
        created_at: Timestamp::from_micros(1),
        rotated_at: NOW.plus(MICROSECOND),
        expires_at: NOW.plus(DAY - MICROSECOND),
        ..it.family(&session)
    };
    assert!(it.conn().put_family(&family).await.unwrap(), "a family was refused");
    assert_unchanged(&it, &family).await;
    let family = RefreshFamily { tenant: None, sealed_child: Some(Vec::new()), ..family };
    assert!(it.conn().put_family(&family).await.unwrap(), "a family was refused");
    assert_unchanged(&it, &family).await;
}

pub(super) async fn an_unknown_family_is_not_found(it: Actors) {
    let (_, _, family) = refreshing(&it, "ada").await;
    for hash in [it.hash(TokenKind::Refresh), family.token_hash] {
        assert!(it.conn().family_by_hash(&hash).await.unwrap().is_none(), "an unknown name found a family");
    }
}

pub(super) async fn family_hashes_are_compared_byte_by_byte(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (mut padded, mut cut) = ([b'a'; 32], [b'a'; 32]);
    (padded[31], cut[31]) = (b' ', 0);
    let hashes = [[b'a'; 32], [b'A'; 32], padded, cut, [0; 32], [0xff; 32], [b'\''; 32]];
    let mut families = Vec::new();
    for bytes in hashes {
        let session = it.signed_in(&ada).await;
        let hash = TokenHash::from_stored(&bytes).unwrap();
        let family = RefreshFamily { family_hash: hash, token_hash: hash, ..it.family(&session) };
        assert!(!is_there(&it, &family).await, "{bytes:?} found another family");
        assert!(it.conn().put_family(&family).await.unwrap(), "a family was refused");
        for near in hashes.iter().filter(|near| **near != bytes) {
            let near = TokenHash::from_stored(near).unwrap();
            assert!(!rotate(&it, &family, &near, &next(&it, NOW)).await, "another hash was taken for {bytes:?}");
        }
        families.push(family);
    }
    for family in &families {
        assert_unchanged(&it, family).await;
    }
}

pub(super) async fn a_family_takes_the_place_of_an_earlier_one(it: Actors) {
    let (_, session, earlier) = refreshing(&it, "ada").await;
    let (_, _, other) = refreshing(&it, "grace").await;
    assert!(rotate(&it, &earlier, &earlier.token_hash, &next(&it, NOW)).await, "a good token was refused");
    let later = it.refreshing(&session).await;
    assert!(!is_there(&it, &earlier).await, "a session has two families");
    assert_unchanged(&it, &later).await;
    assert_unchanged(&it, &other).await;
}

pub(super) async fn a_family_of_an_ended_session_is_refused(it: Actors) {
    let (ada, session, family) = refreshing(&it, "ada").await;
    assert!(it.conn().end_session(ada.id, session.row.id).await.unwrap(), "the session was not found");
    for family in [family, it.family(&session), it.family(&it.session(&ada))] {
        assert!(!it.conn().put_family(&family).await.unwrap(), "a session that is not open has a family");
        assert!(!is_there(&it, &family).await, "a refused family was written");
    }
}

pub(super) async fn a_family_hash_is_taken_only_once(it: Actors) {
    let (_, _, first) = refreshing(&it, "ada").await;
    let (_, session, second) = refreshing(&it, "grace").await;
    let without = it.signed_in(&it.signed_up("eve").await).await;
    for session in [&session, &without] {
        let twin = RefreshFamily { family_hash: first.family_hash, ..it.family(session) };
        assert_conflict(it.conn().put_family(&twin).await, "a taken name");
    }
    assert_unchanged(&it, &first).await;
    assert_unchanged(&it, &second).await;
}

pub(super) async fn rotating_spends_the_token_and_keeps_the_rest(it: Actors) {
    let (_, _, family) = refreshing(&it, "ada").await;
    let (_, _, other) = refreshing(&it, "grace").await;
    let mut expected = family.clone();
    for (turn, offers_it_again) in [(1, true), (2, false), (3, true)] {
        let mut next = next(&it, NOW.plus(turn * MINUTE));
        next.sealed_child = next.sealed_child.filter(|_| offers_it_again);
        let presented = expected.token_hash;
        assert!(rotate(&it, &family, &presented, &next).await, "a good token was refused");
        expected = RefreshFamily {
            token_hash: next.token_hash,
            previous_hash: Some(presented),
            sealed_child: next.sealed_child,
            generation: i64::from(turn),
            rotated_at: next.rotated_at,
            expires_at: next.expires_at,
            ..family.clone()
        };
        assert_unchanged(&it, &expected).await;
    }
    assert_unchanged(&it, &other).await;
}

pub(super) async fn a_token_that_is_not_the_good_one_rotates_nothing(it: Actors) {
    let (_, session, family) = refreshing(&it, "ada").await;
    let (_, _, other) = refreshing(&it, "grace").await;
    let first = next(&it, NOW);
    assert!(rotate(&it, &family, &family.token_hash, &first).await, "a good token was refused");
    let rotated = found(&it, &family).await.unwrap().family;
    for presented in [family.token_hash, family.family_hash, other.token_hash, it.hash(TokenKind::Refresh)] {
        assert!(!rotate(&it, &family, &presented, &next(&it, NOW)).await, "a token was good that is not");
    }
    assert!(!rotate(&it, &other, &first.token_hash, &next(&it, NOW)).await, "a token rotated another family");
    let nobodys = RefreshFamily { session_id: it.session(&it.user("nobody")).row.id, ..family };
    assert!(!rotate(&it, &nobodys, &first.token_hash, &next(&it, NOW)).await, "a session without a family has rotated");
    assert_unchanged(&it, &rotated).await;
    assert_unchanged(&it, &other).await;
    assert_eq!(rotated.session_id, session.row.id);
}

pub(super) async fn a_family_whose_expiry_has_come_is_not_rotated(it: Actors) {
    let (_, _, family) = refreshing(&it, "ada").await;
    for late in [family.expires_at, family.expires_at.plus(DAY)] {
        assert!(!rotate(&it, &family, &family.token_hash, &next(&it, late)).await, "an expired family has rotated");
    }
    assert_unchanged(&it, &family).await;
    let in_time = next(&it, family.expires_at.minus(MICROSECOND));
    assert!(rotate(&it, &family, &family.token_hash, &in_time).await, "a good token was refused");
}

pub(super) async fn what_has_expired_or_is_disabled_is_returned_for_the_caller_to_judge(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut session = it.session(&ada);
    (session.row.expires_at, session.row.absolute_expires_at) = (Timestamp::from_micros(1), Timestamp::from_micros(2));
    it.write(&session).await;
    let family = RefreshFamily { expires_at: Timestamp::from_micros(1), ..it.family(&session) };
    assert!(it.conn().put_family(&family).await.unwrap(), "a family was refused");
    assert!(it.conn().set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "the user was not found");
    let with_session = found(&it, &family).await.unwrap();
    assert_eq!(family_facts(&with_session.family), family_facts(&family));
    let by_id = it.conn().session_by_id(session.row.id).await.unwrap().unwrap();
    for with_user in [with_session.found, by_id] {
        assert_eq!(session_facts(&with_user.session), session_facts(&session.row));
        assert_eq!(with_user.user.disabled_at, Some(NOW));
    }
}

/// Several rows of a join are still one family and one session, and each role comes with its own permissions.
pub(super) async fn several_roles_come_along_once_each(it: Actors) {
    let (ada, session, family) = refreshing(&it, "ada").await;
    let mut expected = Vec::new();
    for (guard, name, permissions) in
        [("ADMIN", "admin", &["a:1", "a:2"][..]), ("ADMIN", "clerk", &[]), ("PORTAL", "admin", &["a:1"])]
    {
        let role = it.defined(guard, name, permissions).await;
        it.granted(&ada, &role).await;
        expected.push(held_facts(&held_everywhere(&role)));
    }
    let by_id = it.conn().session_by_id(session.row.id).await.unwrap().unwrap();
    for SessionWithUser { mut roles, .. } in [found(&it, &family).await.unwrap().found, by_id] {
        roles.sort_by(|a, b| (&a.role.guard, &a.role.name).cmp(&(&b.role.guard, &b.role.name)));
        assert_eq!(roles.iter().map(held_facts).collect::<Vec<_>>(), expected);
    }
}

pub(super) async fn a_session_is_found_by_its_id_with_user_and_roles(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let admin = it.defined("ADMIN", "admin", &["users:read"]).await;
    it.granted(&ada, &admin).await;
    let (of_ada, of_grace) = (it.signed_in(&ada).await, it.signed_in(&grace).await);
    let with_user = it.conn().session_by_id(of_ada.row.id).await.unwrap().unwrap();
    assert_eq!(session_facts(&with_user.session), session_facts(&of_ada.row));
    assert_eq!(user_facts(&with_user.user), user_facts(&ada));
    assert_eq!(with_user.roles.iter().map(held_facts).collect::<Vec<_>>(), [held_facts(&held_everywhere(&admin))]);
    assert!(it.conn().session_by_id(it.session(&ada).row.id).await.unwrap().is_none(), "an unknown id found a session");
    assert!(it.conn().end_session(grace.id, of_grace.row.id).await.unwrap(), "the session was not found");
    assert!(it.conn().session_by_id(of_grace.row.id).await.unwrap().is_none(), "an ended session was found");
}

pub(super) async fn a_family_is_ended_once_and_its_session_goes_on(it: Actors) {
    let (_, session, family) = refreshing(&it, "ada").await;
    let (_, _, other) = refreshing(&it, "grace").await;
    assert!(it.conn().end_family(family.session_id).await.unwrap(), "the family was not found");
    assert!(!it.conn().end_family(family.session_id).await.unwrap(), "a family was ended twice");
    assert!(!is_there(&it, &family).await, "an ended family is found");
    assert!(!rotate(&it, &family, &family.token_hash, &next(&it, NOW)).await, "an ended family has rotated");
    assert!(it.conn().session_by_token(&session.hash).await.unwrap().is_some(), "the session ended too");
    assert_unchanged(&it, &other).await;
    it.refreshing(&session).await;
}

/// In each of the ways in which a session ends.
pub(super) async fn a_family_goes_with_its_session(it: Actors) {
    let ada = it.signed_up("ada").await;
    for way in 0..4 {
        let session = it.signed_in(&ada).await;
        let family = it.refreshing(&session).await;
        let (mut conn, id) = (it.conn(), session.row.id);
        match way {
            0 => drop(conn.end_session(ada.id, id).await.unwrap()),
            1 => drop(conn.end_sessions_of_user(ada.id, None).await.unwrap()),
            2 => drop(conn.evict_sessions(ada.id, it.session(&ada).row.id, 0).await.unwrap()),
            _ => drop(conn.prune_sessions(session.row.expires_at, RACERS as u32).await.unwrap()),
        }
        assert!(!is_there(&it, &family).await, "a family is there without its session ({way})");
        assert!(!it.conn().end_family(id).await.unwrap(), "a family is there without its session ({way})");
    }
}

pub(super) async fn a_family_goes_with_its_user(it: Actors) {
    let (ada, session, family) = refreshing(&it, "ada").await;
    let (_, _, other) = refreshing(&it, "grace").await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    assert!(!is_there(&it, &family).await, "a family is there without its user");
    assert!(!it.conn().end_family(session.row.id).await.unwrap(), "a family is there without its user");
    assert_unchanged(&it, &other).await;
}

pub(super) async fn racing_rotations_have_one_winner(it: Actors) {
    let (_, _, family) = refreshing(&it, "ada").await;
    let (it, family) = (&it, &family);
    let outcomes = race(|_| async move {
        let next = next(it, NOW);
        (rotate(it, family, &family.token_hash, &next).await, next)
    })
    .await;
    let won: Vec<bool> = outcomes.iter().map(|(won, _)| *won).collect();
    assert_eq!(winners(&won), 1, "rotations of the same token");
    let (_, next) = outcomes.into_iter().find(|(won, _)| *won).unwrap();
    let expected = RefreshFamily {
        token_hash: next.token_hash,
        previous_hash: Some(family.token_hash),
        sealed_child: next.sealed_child,
        generation: 1,
        rotated_at: next.rotated_at,
        expires_at: next.expires_at,
        ..family.clone()
    };
    assert_unchanged(it, &expected).await;
}

pub(super) async fn racing_families_of_one_session_leave_one(it: Actors) {
    let session = it.signed_in(&it.signed_up("ada").await).await;
    let families = join_all((0..RACERS).map(|_| it.refreshing(&session))).await;
    let left = join_all(families.iter().map(|family| is_there(&it, family))).await;
    assert_eq!(winners(&left), 1, "families of the same session");
}

pub(super) async fn racing_ends_of_a_family_have_one_winner(it: Actors) {
    let (_, _, family) = refreshing(&it, "ada").await;
    let (it, session) = (&it, family.session_id);
    let verdicts = race(|_| async move { it.conn().end_family(session).await.unwrap() }).await;
    assert_eq!(winners(&verdicts), 1, "ends of the same family");
}

/// An upsert would.
pub(super) async fn rotating_in_a_race_never_brings_a_family_back(it: Actors) {
    for ends_the_session in [true, false] {
        let (ada, _, family) = refreshing(&it, if ends_the_session { "ada" } else { "grace" }).await;
        let (it, family, user) = (&it, &family, ada.id);
        race(|racer| async move {
            if racer != 8 {
                rotate(it, family, &family.token_hash, &next(it, NOW)).await;
            } else if ends_the_session {
                assert!(it.conn().end_session(user, family.session_id).await.unwrap(), "the session was not found");
            } else {
                assert!(it.conn().end_family(family.session_id).await.unwrap(), "the family was not found");
            }
        })
        .await;
        assert!(!is_there(it, family).await, "rotating brought a family back");
    }
}

/// Nor is whoever opens it told anything but yes or no.
pub(super) async fn no_family_outlives_its_session(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let (it, ada, session) = (&it, &ada, &session);
    let families = race(|racer| async move {
        let family = it.family(session);
        if racer == 8 {
            assert!(it.conn().end_session(ada.id, session.row.id).await.unwrap(), "the session was not found");
        } else {
            it.conn().put_family(&family).await.unwrap();
        }
        family
    })
    .await;
    for family in families {
        assert!(!is_there(it, &family).await, "a family is there without its session");
    }
}

pub(super) async fn a_rotation_in_a_dropped_transaction_spends_nothing(it: Actors) {
    let (_, session, family) = refreshing(&it, "ada").await;
    let mut tx = it.begin().await;
    let rotated = tx.rotate_family(session.row.id, &family.token_hash, &next(&it, NOW)).await.unwrap();
    assert!(rotated, "a good token was refused");
    assert!(!tx.rotate_family(session.row.id, &family.token_hash, &next(&it, NOW)).await.unwrap(), "it was good twice");
    drop(tx);
    assert_unchanged(&it, &family).await;
}
