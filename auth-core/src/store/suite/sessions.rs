//! What a store promises about sessions that are written, found and used; how they end is in `sessions_ended`.

use std::net::IpAddr;

use super::actors::{Actors, DAY, MICROSECOND, MINUTE, NOW, Opened, assert_conflict};
use super::facts::{held_everywhere, held_facts, session_facts, user_facts};
use crate::base::{SessionId, Timestamp, TokenHash};
use crate::role::Permission;
use crate::session::{Assurance, Persistence, SessionWithUser, StoredSession};
use crate::user::User;

async fn found(it: &Actors, opened: &Opened) -> SessionWithUser {
    it.conn().session_by_token(&opened.hash).await.unwrap().unwrap()
}

/// Writes a session that is like any other but for `change`, and reads it back.
async fn assert_survives(it: &Actors, user: &User, change: impl FnOnce(&mut StoredSession)) {
    let mut opened = it.session(user);
    change(&mut opened.row);
    it.write(&opened).await;
    assert_eq!(session_facts(&found(it, &opened).await.session), session_facts(&opened.row));
}

async fn listed(it: &Actors, user: &User, now: Timestamp) -> Vec<SessionId> {
    it.conn().sessions_of_user(user.id, now).await.unwrap().iter().map(|session| session.id).collect()
}

pub(super) async fn a_session_is_found_by_its_token_with_user_and_roles(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let admin = it.defined("ADMIN", "admin", &["users:read", "users:write"]).await;
    it.granted(&ada, &admin).await;
    let (of_ada, of_grace) = (it.signed_in(&ada).await, it.signed_in(&grace).await);
    let with_user = found(&it, &of_ada).await;
    assert_eq!(session_facts(&with_user.session), session_facts(&of_ada.row));
    assert_eq!(user_facts(&with_user.user), user_facts(&ada));
    assert_eq!(with_user.roles.iter().map(held_facts).collect::<Vec<_>>(), [held_facts(&held_everywhere(&admin))]);
    let with_user = found(&it, &of_grace).await;
    assert_eq!((with_user.session.id, with_user.user.id), (of_grace.row.id, grace.id));
    assert!(with_user.roles.is_empty(), "roles came along that the user does not hold");
}

pub(super) async fn every_field_of_a_session_survives(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert_survives(&it, &ada, |row| {
        row.updated_at = NOW.plus(MICROSECOND);
        row.authenticated_at = NOW.minus(MINUTE);
        row.expires_at = NOW.plus(DAY - MICROSECOND);
        row.absolute_expires_at = NOW.plus(30 * DAY + MICROSECOND);
        row.persistence = Persistence::Browser;
        row.assurance = Assurance::Aal2;
    })
    .await;
    assert_survives(&it, &ada, |row| (row.persistence, row.assurance) = (Persistence::Persistent, Assurance::Aal1))
        .await;
}

pub(super) async fn a_session_survives_with_nothing_optional(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert_survives(&it, &ada, |row| (row.ip_address, row.user_agent) = (None, None)).await;
}

pub(super) async fn addresses_of_both_families_survive(it: Actors) {
    let ada = it.signed_up("ada").await;
    // An IPv4 address written as IPv6 is another address than the plain one.
    for address in ["0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::7", "::ffff:203.0.113.7", "fe80::ffff:1"] {
        let address: IpAddr = address.parse().unwrap();
        assert_survives(&it, &ada, |row| row.ip_address = Some(address)).await;
    }
    assert_survives(&it, &ada, |row| row.ip_address = Some(IpAddr::from([0xff; 16]))).await;
}

pub(super) async fn a_long_unicode_user_agent_survives(it: Actors) {
    let ada = it.signed_up("ada").await;
    for user_agent in
        [String::new(), "\u{1f980}".repeat(512), "Mozilla/5.0 (X11; Linux) é e\u{301} '\"\\%_ ".to_owned()]
    {
        assert_survives(&it, &ada, |row| row.user_agent = Some(user_agent)).await;
    }
}

pub(super) async fn instants_from_1970_to_9999_survive_to_the_microsecond(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (start, end) = (Timestamp::from_micros(0), Timestamp::from_micros(i64::MAX));
    assert_survives(&it, &ada, |row| (row.created_at, row.absolute_expires_at) = (start, end)).await;
    assert_survives(&it, &ada, |row| {
        (row.created_at, row.absolute_expires_at) = (start.plus(MICROSECOND), end.minus(MICROSECOND));
    })
    .await;
}

pub(super) async fn an_unknown_token_finds_nothing(it: Actors) {
    let ada = it.signed_up("ada").await;
    it.signed_in(&ada).await;
    let unknown = it.session(&ada);
    assert!(it.conn().session_by_token(&unknown.hash).await.unwrap().is_none(), "an unknown token found a session");
}

/// A hash in a text column would be folded, padded or cut.
pub(super) async fn token_hashes_are_compared_byte_by_byte(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (mut padded, mut cut) = ([b'a'; 32], [b'a'; 32]);
    (padded[31], cut[31]) = (b' ', 0);
    let hashes = [[b'a'; 32], [b'A'; 32], padded, cut, [0; 32], [0xff; 32], [b'\''; 32]];
    let mut opened = Vec::new();
    for hash in hashes {
        let session = Opened { hash: TokenHash::from_stored(&hash).unwrap(), ..it.session(&ada) };
        assert!(it.conn().session_by_token(&session.hash).await.unwrap().is_none(), "{hash:?} found another session");
        it.write(&session).await;
        opened.push(session);
    }
    for session in &opened {
        assert_eq!(found(&it, session).await.session.id, session.row.id);
    }
}

/// Whether the session could be opened; one that could not be has left nothing.
async fn opens(it: &Actors, opened: &Opened) -> bool {
    let verdict = opened.write_to(&mut *it.conn()).await.unwrap();
    let found = it.conn().session_by_token(&opened.hash).await.unwrap().is_some();
    assert_eq!(found, verdict, "the verdict on a session and its row differ");
    verdict
}

pub(super) async fn a_session_of_nobody_is_refused(it: Actors) {
    assert!(!opens(&it, &it.session(&it.user("nobody"))).await, "nobody has a session");
    let ada = it.signed_up("ada").await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    assert!(!opens(&it, &it.session(&ada)).await, "a deleted user has a session");
}

pub(super) async fn a_session_is_opened_at_the_present_version_only(it: Actors) {
    let ada = User { credential_version: 7, ..it.user("ada") };
    it.conn().insert_user(&ada).await.unwrap();
    for (credential_version, verdict) in [(7, true), (7, true), (6, false), (8, false), (0, false)] {
        let session = Opened { credential_version, ..it.session(&ada) };
        assert_eq!(opens(&it, &session).await, verdict, "a session of version {credential_version} of 7");
    }
}

pub(super) async fn a_session_of_a_disabled_user_is_refused(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert!(it.conn().set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "the user was not found");
    assert!(!opens(&it, &it.session(&ada)).await, "a disabled user has a session");
    assert!(it.conn().set_disabled(ada.id, None, NOW).await.unwrap(), "the user was not found");
    assert!(opens(&it, &it.session(&ada)).await, "an enabled user was refused");
}

pub(super) async fn a_session_id_is_taken_only_once(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (first, second) = (it.signed_in(&ada).await, it.session(&ada));
    let twin = Opened { row: StoredSession { id: first.row.id, ..second.row.clone() }, ..second };
    assert_conflict(twin.write_to(&mut *it.conn()).await, "a taken session id");
    assert!(it.conn().session_by_token(&twin.hash).await.unwrap().is_none(), "a refused session was written");
}

pub(super) async fn a_token_is_taken_only_once(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let first = it.signed_in(&ada).await;
    let twin = Opened { hash: first.hash, ..it.session(&grace) };
    assert_conflict(twin.write_to(&mut *it.conn()).await, "a taken token");
    assert_eq!(session_facts(&found(&it, &first).await.session), session_facts(&first.row));
}

pub(super) async fn an_expired_session_is_returned_for_the_caller_to_judge(it: Actors) {
    let ada = it.signed_up("ada").await;
    assert_survives(&it, &ada, |row| {
        (row.expires_at, row.absolute_expires_at) = (Timestamp::from_micros(1), Timestamp::from_micros(2));
    })
    .await;
}

pub(super) async fn a_disabled_user_is_returned_for_the_caller_to_judge(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    assert!(it.conn().set_disabled(ada.id, Some(NOW), NOW).await.unwrap(), "the user was not found");
    assert_eq!(found(&it, &session).await.user.disabled_at, Some(NOW));
}

/// Several rows of a join are still one session, and each role comes with its own permissions.
pub(super) async fn several_roles_are_returned_once_each(it: Actors) {
    let ada = it.signed_up("ada").await;
    let defined: [(&str, &str, &[&str]); 3] =
        [("ADMIN", "admin", &["a:1", "a:2", "a:3"]), ("ADMIN", "clerk", &[]), ("PORTAL", "admin", &["a:1"])];
    for (guard, name, permissions) in defined {
        it.granted(&ada, &it.defined(guard, name, permissions).await).await;
    }
    let session = it.signed_in(&ada).await;
    let mut roles = found(&it, &session).await.roles;
    roles.sort_by(|a, b| (&a.role.guard, &a.role.name).cmp(&(&b.role.guard, &b.role.name)));
    let names = |permissions: &[Permission]| permissions.iter().map(ToString::to_string).collect::<Vec<_>>();
    let held: Vec<_> =
        roles.iter().map(|it| (it.role.guard.as_str(), it.role.name.as_str(), names(&it.role.permissions))).collect();
    let expected = defined.map(|(guard, name, p)| (guard, name, p.iter().map(ToString::to_string).collect::<Vec<_>>()));
    assert_eq!(held, expected);
}

pub(super) async fn sliding_moves_the_expiry_and_nothing_else(it: Actors) {
    let ada = it.signed_up("ada").await;
    let (slid, other) = (it.signed_in(&ada).await, it.signed_in(&ada).await);
    let (expires_at, now) = (NOW.plus(2 * DAY), NOW.plus(DAY - MICROSECOND));
    // The second time nothing changes, and the session is found all the same.
    for _ in 0..2 {
        assert!(it.conn().slide_session(slid.row.id, expires_at, now).await.unwrap(), "the session was not found");
    }
    let expected = StoredSession { expires_at, updated_at: now, ..slid.row.clone() };
    assert_eq!(session_facts(&found(&it, &slid).await.session), session_facts(&expected));
    assert_eq!(session_facts(&found(&it, &other).await.session), session_facts(&other.row));
}

/// Somebody has read the session before its end was moved further, and writes back what they have read.
pub(super) async fn sliding_shortens_no_session(it: Actors) {
    let session = it.signed_in(&it.signed_up("ada").await).await;
    let (further, now) = (NOW.plus(20 * DAY), NOW.plus(MICROSECOND));
    assert!(it.conn().slide_session(session.row.id, further, NOW).await.unwrap(), "the session was not found");
    assert!(it.conn().slide_session(session.row.id, NOW.plus(DAY), now).await.unwrap(), "the session was not found");
    let expected = StoredSession { expires_at: further, updated_at: now, ..session.row.clone() };
    assert_eq!(session_facts(&found(&it, &session).await.session), session_facts(&expected));
}

pub(super) async fn live_sessions_are_listed_latest_written_first(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let middle = it.signed_in_at(&ada, NOW.plus(2 * MICROSECOND)).await;
    let oldest = it.signed_in_at(&ada, NOW.plus(MICROSECOND)).await;
    let latest = it.signed_in_at(&ada, NOW.plus(3 * MICROSECOND)).await;
    it.signed_in(&grace).await;
    let sessions = it.conn().sessions_of_user(ada.id, NOW).await.unwrap();
    let expected = [&latest, &middle, &oldest].map(|opened| session_facts(&opened.row));
    assert_eq!(sessions.iter().map(session_facts).collect::<Vec<_>>(), expected);
    // What is used moves to the front.
    it.conn().slide_session(oldest.row.id, NOW.plus(DAY), NOW.plus(MINUTE)).await.unwrap();
    assert_eq!(listed(&it, &ada, NOW).await, [oldest.row.id, latest.row.id, middle.row.id]);
}

pub(super) async fn a_session_whose_expiry_has_come_is_not_listed(it: Actors) {
    let ada = it.signed_up("ada").await;
    let idle = it.session(&ada);
    it.write(&idle).await;
    let mut absolute = it.session(&ada);
    (absolute.row.expires_at, absolute.row.absolute_expires_at) = (NOW.plus(3 * DAY), NOW.plus(2 * DAY));
    it.write(&absolute).await;
    assert_eq!(listed(&it, &ada, idle.row.expires_at.minus(MICROSECOND)).await.len(), 2);
    assert_eq!(listed(&it, &ada, idle.row.expires_at).await, [absolute.row.id]);
    let end = absolute.row.absolute_expires_at;
    assert_eq!(listed(&it, &ada, end.minus(MICROSECOND)).await, [absolute.row.id]);
    assert!(listed(&it, &ada, end).await.is_empty(), "a session is listed whose absolute expiry has come");
}
