//! What a store promises about codes: good once, for what they are bound to, until they expire.

use futures_util::future::join_all;

use super::actors::{Actors, DAY, MICROSECOND, NOW, RACERS, assert_conflict, race, winners};
use super::facts::code_facts;
use crate::base::{Timestamp, TokenHash, TokenKind};
use crate::code::{CodePurpose, CodeSubject, StoredCode};

/// Redeems the code at `now`; what it was, if it was good.
async fn consume(it: &Actors, hash: &TokenHash, now: Timestamp) -> Option<StoredCode> {
    let found = look_at(it, hash, now).await;
    let consumed = it.conn().consume_code(CodePurpose::OneTimeToken, hash, now).await.unwrap();
    assert_eq!(consumed, found.is_some(), "a code was shown and is not good, or the other way round");
    found
}

/// Whether the code was good; it is not any more.
async fn was_good(it: &Actors, code: &StoredCode) -> bool {
    it.conn().consume_code(CodePurpose::OneTimeToken, &code.hash, NOW).await.unwrap()
}

pub(super) async fn a_code_is_good_once(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    for code in [it.issued(&ada, Some(&session)).await, it.issued(&ada, None).await] {
        assert_eq!(code_facts(&consume(&it, &code.hash, NOW).await.unwrap()), code_facts(&code));
        assert!(!was_good(&it, &code).await, "a code was good twice");
    }
}

/// Looks at the code at `now` without redeeming it.
async fn look_at(it: &Actors, hash: &TokenHash, now: Timestamp) -> Option<StoredCode> {
    it.conn().code_by_hash(CodePurpose::OneTimeToken, hash, now).await.unwrap()
}

pub(super) async fn a_code_that_is_looked_at_stays_good(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    for code in [it.issued(&ada, Some(&session)).await, it.issued(&ada, None).await] {
        for _ in 0..2 {
            assert_eq!(code_facts(&look_at(&it, &code.hash, NOW).await.unwrap()), code_facts(&code));
        }
        assert!(look_at(&it, &code.hash, code.expires_at).await.is_none(), "an expired code was shown");
        assert!(was_good(&it, &code).await, "looking at a code has consumed it");
        assert!(look_at(&it, &code.hash, NOW).await.is_none(), "a consumed code was shown");
    }
    assert!(look_at(&it, &it.hash(TokenKind::OneTime), NOW).await.is_none(), "an unknown code was shown");
}

pub(super) async fn all_codes_of_a_user_are_ended_and_no_others(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let session = it.signed_in(&ada).await;
    let ended = [it.issued(&ada, Some(&session)).await, it.issued(&ada, None).await];
    let kept = it.issued(&grace, None).await;
    assert_eq!(it.conn().end_codes_of_user(ada.id).await.unwrap(), 2);
    assert_eq!(it.conn().end_codes_of_user(ada.id).await.unwrap(), 0);
    for code in ended {
        assert!(!was_good(&it, &code).await, "an ended code was good");
    }
    assert!(was_good(&it, &kept).await, "a code of another user was ended");
    assert!(it.conn().session_by_token(&session.hash).await.unwrap().is_some(), "a session went with its code");
}

pub(super) async fn every_field_of_a_code_survives(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    for bound_to in [Some(&session), None] {
        let code = StoredCode {
            binding: Some("{\"to\":\"ada@example.com\", \"name\":\"\u{1f99c} '%_\"}".to_owned()),
            created_at: Timestamp::from_micros(1),
            expires_at: NOW.plus(DAY + MICROSECOND),
            ..it.code(&ada, bound_to)
        };
        assert!(it.conn().put_code(&code).await.unwrap(), "a code was refused");
        assert_eq!(code_facts(&consume(&it, &code.hash, NOW).await.unwrap()), code_facts(&code));
    }
}

pub(super) async fn an_unknown_code_is_not_good(it: Actors) {
    let ada = it.signed_up("ada").await;
    let code = it.issued(&ada, None).await;
    assert!(consume(&it, &it.hash(TokenKind::OneTime), NOW).await.is_none(), "an unknown code was good");
    assert!(was_good(&it, &code).await, "an unknown code has consumed another one");
}

pub(super) async fn code_hashes_are_compared_byte_by_byte(it: Actors) {
    let (mut padded, mut cut) = ([b'a'; 32], [b'a'; 32]);
    (padded[31], cut[31]) = (b' ', 0);
    let hashes = [[b'a'; 32], [b'A'; 32], padded, cut, [0; 32], [0xff; 32], [b'\''; 32]];
    let mut codes = Vec::new();
    for (number, bytes) in hashes.iter().enumerate() {
        let user = it.signed_up(&format!("user{number}")).await;
        let code = StoredCode { hash: TokenHash::from_stored(bytes).unwrap(), ..it.code(&user, None) };
        assert!(consume(&it, &code.hash, NOW).await.is_none(), "{bytes:?} consumed another code");
        assert!(it.conn().put_code(&code).await.unwrap(), "a code was refused");
        codes.push(code);
    }
    for code in codes {
        assert_eq!(consume(&it, &code.hash, NOW).await.unwrap().user_id, code.user_id);
    }
}

/// What is refused is not consumed: whoever's clock is behind may still redeem it.
pub(super) async fn a_code_whose_expiry_has_come_is_not_good(it: Actors) {
    let ada = it.signed_up("ada").await;
    let code = it.issued(&ada, None).await;
    for late in [code.expires_at, code.expires_at.plus(DAY)] {
        assert!(consume(&it, &code.hash, late).await.is_none(), "an expired code was good");
    }
    assert!(consume(&it, &code.hash, code.expires_at.minus(MICROSECOND)).await.is_some(), "a good code was refused");
}

pub(super) async fn a_new_code_takes_the_place_of_the_older_one(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    for bound_to in [Some(&session), None] {
        let older = it.issued(&ada, bound_to).await;
        let newer = it.issued(&ada, bound_to).await;
        assert!(!was_good(&it, &older).await, "an older code was good");
        assert_eq!(code_facts(&consume(&it, &newer.hash, NOW).await.unwrap()), code_facts(&newer));
    }
}

pub(super) async fn a_new_code_leaves_those_of_others_alone(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let (phone, laptop, of_grace) = (it.signed_in(&ada).await, it.signed_in(&ada).await, it.signed_in(&grace).await);
    let codes = [
        it.issued(&ada, Some(&phone)).await,
        it.issued(&ada, Some(&laptop)).await,
        it.issued(&ada, None).await,
        it.issued(&grace, Some(&of_grace)).await,
        it.issued(&grace, None).await,
    ];
    for code in codes {
        assert!(was_good(&it, &code).await, "a code was taken away by one of another session or user");
    }
}

/// Whether the code could be written; one that could not be has left nothing.
async fn is_issued(it: &Actors, code: &StoredCode) -> bool {
    let verdict = it.conn().put_code(code).await.unwrap();
    assert_eq!(was_good(it, code).await, verdict, "the verdict on a code and its row differ");
    verdict
}

pub(super) async fn a_code_of_nobody_is_refused(it: Actors) {
    let (nobody, ada) = (it.user("nobody"), it.signed_up("ada").await);
    assert!(!is_issued(&it, &it.code(&nobody, None)).await, "nobody has a code");
    let session = it.signed_in(&ada).await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    for bound_to in [Some(&session), None] {
        assert!(!is_issued(&it, &it.code(&ada, bound_to)).await, "a deleted user has a code");
    }
}

pub(super) async fn a_code_needs_a_session_of_its_own_user(it: Actors) {
    let (ada, mallory) = (it.signed_up("ada").await, it.signed_up("mallory").await);
    let (ended, of_mallory) = (it.signed_in(&ada).await, it.signed_in(&mallory).await);
    assert!(it.conn().end_session(ada.id, ended.row.id).await.unwrap(), "the session was not found");
    for session in [&ended, &it.session(&ada), &of_mallory] {
        assert!(!is_issued(&it, &it.code(&ada, Some(session))).await, "a code was issued without its session");
    }
}

pub(super) async fn a_code_hash_is_taken_only_once(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let session = it.signed_in(&grace).await;
    let first = it.issued(&ada, None).await;
    for bound_to in [Some(&session), None] {
        let earlier = it.issued(&grace, bound_to).await;
        let twin = StoredCode { hash: first.hash, ..it.code(&grace, bound_to) };
        assert_conflict(it.conn().put_code(&twin).await, "a taken hash");
        assert!(was_good(&it, &earlier).await, "a refused code has taken the place of an older one");
    }
    assert_eq!(code_facts(&consume(&it, &first.hash, NOW).await.unwrap()), code_facts(&first));
}

/// In each of the ways in which a session ends.
pub(super) async fn a_code_goes_with_its_session(it: Actors) {
    let ada = it.signed_up("ada").await;
    let mut ended = Vec::new();
    for way in 0..4 {
        let session = it.signed_in(&ada).await;
        let code = it.issued(&ada, Some(&session)).await;
        let (mut conn, id) = (it.conn(), session.row.id);
        match way {
            0 => drop(conn.end_session(ada.id, id).await.unwrap()),
            1 => drop(conn.end_sessions_of_user(ada.id, None).await.unwrap()),
            2 => drop(conn.evict_sessions(ada.id, it.session(&ada).row.id, 0).await.unwrap()),
            _ => drop(conn.prune_sessions(session.row.expires_at, RACERS as u32).await.unwrap()),
        }
        ended.push((id, code));
    }
    let (kept, alone) = (it.signed_in(&ada).await, it.issued(&ada, None).await);
    let of_kept = it.issued(&ada, Some(&kept)).await;
    for (session, code) in ended {
        assert!(!was_good(&it, &code).await, "a code was good without its session {session}");
    }
    assert!(was_good(&it, &alone).await && was_good(&it, &of_kept).await, "another code went along");
}

pub(super) async fn a_code_goes_with_its_user(it: Actors) {
    let (ada, grace) = (it.signed_up("ada").await, it.signed_up("grace").await);
    let session = it.signed_in(&ada).await;
    let codes = [it.issued(&ada, Some(&session)).await, it.issued(&ada, None).await];
    let of_grace = it.issued(&grace, None).await;
    assert!(it.conn().delete_user(ada.id).await.unwrap(), "the user was not found");
    for code in codes {
        assert!(!was_good(&it, &code).await, "a code was good without its user");
    }
    assert!(was_good(&it, &of_grace).await, "another's code went along");
}

pub(super) async fn racing_redemptions_of_a_code_have_one_winner(it: Actors) {
    let ada = it.signed_up("ada").await;
    let code = it.issued(&ada, None).await;
    let (it, code) = (&it, &code);
    assert_eq!(winners(&race(|_| was_good(it, code)).await), 1, "redemptions of the same code");
}

pub(super) async fn racing_codes_of_one_session_leave_one(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    for bound_to in [Some(&session), None] {
        let codes = join_all((0..RACERS).map(|_| it.issued(&ada, bound_to))).await;
        let good = join_all(codes.iter().map(|code| was_good(&it, code))).await;
        assert_eq!(winners(&good), 1, "codes that are good at the same time");
    }
}

/// Nor is its issuer told anything but yes or no.
pub(super) async fn no_code_outlives_its_session(it: Actors) {
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let (it, ada, session) = (&it, &ada, &session);
    let codes = race(|racer| async move {
        if racer == 8 {
            assert!(it.conn().end_session(ada.id, session.row.id).await.unwrap(), "the session was not found");
            return None;
        }
        let code = it.code(ada, Some(session));
        it.conn().put_code(&code).await.unwrap().then_some(code)
    })
    .await;
    for code in codes.iter().flatten() {
        assert!(!was_good(it, code).await, "a code was good without its session");
    }
    assert!(!is_issued(it, &it.code(ada, Some(session))).await, "an ended session has a code");
}

pub(super) async fn a_code_redeemed_in_a_dropped_transaction_is_good(it: Actors) {
    let ada = it.signed_up("ada").await;
    let code = it.issued(&ada, None).await;
    let mut tx = it.begin().await;
    let consumed = tx.consume_code(CodePurpose::OneTimeToken, &code.hash, NOW).await.unwrap();
    assert!(consumed, "a good code was refused");
    assert!(!tx.consume_code(CodePurpose::OneTimeToken, &code.hash, NOW).await.unwrap(), "it was good twice");
    assert!(tx.put_code(&it.code(&ada, None)).await.unwrap(), "a code was refused");
    drop(tx);
    assert!(was_good(&it, &code).await, "a redemption stayed that was taken back");
}

/// A code for an address that nobody has.
fn of_nobody(it: &Actors, byte: u8) -> StoredCode {
    let subject = CodeSubject::from_pseudonym([byte; 32]);
    StoredCode { subject, user_id: None, session_id: None, ..it.code(&it.user("nobody"), None) }
}

pub(super) async fn a_code_may_be_for_an_address_that_nobody_has(it: Actors) {
    let (older, newer, other) = (of_nobody(&it, 1), of_nobody(&it, 1), of_nobody(&it, 2));
    for code in [&older, &newer, &other] {
        assert!(it.conn().put_code(code).await.unwrap(), "a code was refused");
    }
    assert!(!was_good(&it, &older).await, "an older code was good");
    for code in [newer, other] {
        assert_eq!(code_facts(&consume(&it, &code.hash, NOW).await.unwrap()), code_facts(&code));
    }
    let ada = it.signed_up("ada").await;
    let session = it.signed_in(&ada).await;
    let odd = StoredCode { session_id: Some(session.row.id), ..of_nobody(&it, 3) };
    assert!(!is_issued(&it, &odd).await, "nobody has a session");
}

/// Of one subject the code counts, whoever it was made for before.
pub(super) async fn a_code_changes_hands_with_its_subject(it: Actors) {
    let (nobody, ada) = (of_nobody(&it, 1), it.signed_up("ada").await);
    let of_ada = StoredCode { subject: nobody.subject.clone(), binding: Some("{}".to_owned()), ..it.code(&ada, None) };
    for (code, user) in [(&nobody, None), (&of_ada, Some(ada.id)), (&nobody, None)] {
        assert!(it.conn().put_code(code).await.unwrap(), "a code was refused");
        let found = look_at(&it, &code.hash, NOW).await.unwrap();
        assert_eq!(code_facts(&found), code_facts(code));
        assert_eq!(found.user_id, user);
    }
    assert_eq!(it.conn().end_codes_of_user(ada.id).await.unwrap(), 0, "a code of nobody is somebody's");
}

/// The tries at this code so far, the present one included.
async fn tried(it: &Actors, code: &StoredCode) -> Option<i64> {
    let found = it.conn().try_code(code.purpose, &code.subject).await.unwrap()?;
    assert_eq!(code_facts(&StoredCode { attempts: 0, ..found.clone() }), code_facts(code));
    Some(found.attempts)
}

pub(super) async fn tries_at_a_code_are_counted_and_a_new_code_starts_anew(it: Actors) {
    let ada = it.signed_up("ada").await;
    for code in [it.code(&ada, None), of_nobody(&it, 1)] {
        assert_eq!(tried(&it, &code).await, None, "a code that is not there was tried");
        assert!(it.conn().put_code(&code).await.unwrap());
        assert_eq!((tried(&it, &code).await, tried(&it, &code).await), (Some(1), Some(2)));
        it.conn().refund_code(code.purpose, &code.hash).await.unwrap();
        assert_eq!(tried(&it, &code).await, Some(2));
        let newer = StoredCode { hash: it.hash(TokenKind::OneTime), ..code.clone() };
        assert!(it.conn().put_code(&newer).await.unwrap());
        // There is nothing to take back from what is gone.
        it.conn().refund_code(code.purpose, &code.hash).await.unwrap();
        it.conn().refund_code(newer.purpose, &newer.hash).await.unwrap();
        assert_eq!(tried(&it, &newer).await, Some(1));
        assert!(was_good(&it, &newer).await);
        assert_eq!(tried(&it, &newer).await, None, "a redeemed code was tried");
    }
}

/// Whoever judges by the count sees one that nobody else sees.
pub(super) async fn racing_tries_at_a_code_are_all_counted(it: Actors) {
    let ada = it.signed_up("ada").await;
    let code = it.issued(&ada, None).await;
    let (it, code) = (&it, &code);
    let mut counts = race(|_| async move {
        let mut tx = it.begin().await;
        let found = tx.try_code(code.purpose, &code.subject).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        found.attempts
    })
    .await;
    counts.sort_unstable();
    assert!(counts.iter().copied().eq(1..=counts.len() as i64), "{counts:?}");
}
