//! What clients were told.

use std::collections::BTreeMap;

use auth_tests::{PASSWORD, Reply};

/// Whether something is so, as far as a client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was acknowledged.
    Yes,
    /// The opposite was acknowledged.
    No,
    /// It was asked for, and the answer was 503 or did not come.
    Unknown,
}

/// An account that somebody asked for.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) exists: Told,
    /// Exactly one of them holds: more than one after a change whose outcome is unknown.
    pub(crate) passwords: Vec<String>,
    /// They held once.
    pub(crate) dead: Vec<String>,
}

/// A session whose secret a client got.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) email: String,
    pub(crate) token: String,
    pub(crate) alive: Told,
}

/// How often an action was acknowledged, and how often it may have happened without.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) acknowledged: i64,
    pub(crate) unknown: i64,
}

/// Everything that clients were told. `None` is a connection that ended without an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) sessions: Vec<Session>,
    /// By the names that the audit trail has for them.
    pub(crate) actions: BTreeMap<&'static str, Count>,
}

impl Ledger {
    /// Notes the answer to a sign-up with the usual password.
    pub(crate) fn signed_up(&mut self, email: &str, reply: Option<&Reply>) {
        match verdict(reply) {
            Verdict::Done(reply) => {
                self.count(&["signed_up", "signed_in"], Told::Yes);
                self.account(email).exists = Told::Yes;
                self.session(email, &reply.token());
            }
            Verdict::Unknown => {
                self.count(&["signed_up", "signed_in"], Told::Unknown);
                self.account(email);
            }
            Verdict::Refused(reply) => {
                reply.refused(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
                let account = self.accounts.get_mut(email).expect("an address is only taken by who asked for it");
                account.exists = Told::Yes;
            }
        }
    }

    /// Notes the answer to a sign-in.
    pub(crate) fn signed_in(&mut self, email: &str, password: &str, reply: Option<&Reply>) {
        let account = self.account(email);
        match verdict(reply) {
            Verdict::Done(reply) => {
                assert!(account.passwords.iter().any(|one| one == password), "{email} signs in with a dead password");
                account.exists = Told::Yes;
                // Now it is known which of them holds.
                account.passwords.retain(|one| one == password);
                self.count(&["signed_in"], Told::Yes);
                self.session(email, &reply.token());
            }
            Verdict::Unknown => self.count(&["signed_in"], Told::Unknown),
            Verdict::Refused(reply) => {
                reply.refused(401, "INVALID_EMAIL_OR_PASSWORD");
                let holds = account.exists == Told::Yes && account.passwords == [password];
                assert!(!holds, "{email} cannot sign in with the password that was acknowledged");
                account.passwords.retain(|one| one != password);
            }
        }
    }

    /// Notes the answer to a change of password, which ends every session and opens one.
    pub(crate) fn changed_password(&mut self, email: &str, new: &str, reply: Option<&Reply>) {
        let account = self.account(email);
        match verdict(reply) {
            Verdict::Done(reply) => {
                account.dead.append(&mut account.passwords);
                account.passwords.push(new.to_owned());
                self.sessions_of(email).for_each(|session| session.alive = Told::No);
                self.count(&["password_changed", "signed_in"], Told::Yes);
                self.session(email, &reply.token());
            }
            Verdict::Unknown => {
                account.passwords.push(new.to_owned());
                self.doubt_sessions_of(email);
                self.count(&["password_changed", "signed_in"], Told::Unknown);
            }
            Verdict::Refused(reply) => {
                reply.refused(401, "UNAUTHORIZED");
            }
        }
    }

    /// Notes the answer to a sign-out.
    pub(crate) fn signed_out(&mut self, token: &str, reply: Option<&Reply>) {
        let session = self.sessions.iter_mut().find(|session| session.token == token).expect("a session of ours");
        match verdict(reply) {
            Verdict::Done(_) => {
                let was = session.alive;
                session.alive = Told::No;
                // Signing out of a session that has ended already succeeds, and is news to nobody.
                self.count(&["signed_out"], was);
            }
            Verdict::Unknown => {
                session.alive = doubted(session.alive);
                self.count(&["signed_out"], Told::Unknown);
            }
            Verdict::Refused(reply) => panic!("signing out is {}: {}", reply.status, reply.text()),
        }
    }

    /// Notes the answer to the revocation of all sessions of a user.
    pub(crate) fn revoked(&mut self, email: &str, reply: Option<&Reply>) {
        match verdict(reply) {
            Verdict::Done(_) => {
                self.sessions_of(email).for_each(|session| session.alive = Told::No);
                self.count(&["sessions_ended"], Told::Yes);
            }
            Verdict::Unknown => {
                self.doubt_sessions_of(email);
                self.count(&["sessions_ended"], Told::Unknown);
            }
            Verdict::Refused(reply) => {
                reply.refused(401, "UNAUTHORIZED");
            }
        }
    }

    /// Checks the answer of a guarded route to the holder of this secret.
    pub(crate) fn asked(&self, token: &str, reply: &Reply) {
        let session = self.sessions.iter().find(|session| session.token == token).expect("a session of ours");
        match verdict(Some(reply)) {
            Verdict::Done(_) => assert_ne!(session.alive, Told::No, "a session of {} lives on", session.email),
            Verdict::Unknown => {}
            Verdict::Refused(reply) => {
                reply.refused(401, "UNAUTHORIZED");
                assert_ne!(session.alive, Told::Yes, "a session of {} is lost", session.email);
            }
        }
    }

    fn account(&mut self, email: &str) -> &mut Account {
        self.accounts.entry(email.to_owned()).or_insert_with(|| Account {
            exists: Told::Unknown,
            passwords: vec![PASSWORD.to_owned()],
            dead: Vec::new(),
        })
    }

    fn session(&mut self, email: &str, token: &str) {
        self.sessions.push(Session { email: email.to_owned(), token: token.to_owned(), alive: Told::Yes });
    }

    fn sessions_of(&mut self, email: &str) -> impl Iterator<Item = &mut Session> {
        self.sessions.iter_mut().filter(move |session| session.email == email)
    }

    fn doubt_sessions_of(&mut self, email: &str) {
        self.sessions_of(email).for_each(|session| session.alive = doubted(session.alive));
    }

    fn count(&mut self, actions: &[&'static str], told: Told) {
        for action in actions {
            let count = self.actions.entry(action).or_default();
            match told {
                Told::Yes => count.acknowledged += 1,
                Told::Unknown => count.unknown += 1,
                Told::No => {}
            }
        }
    }
}

/// What ended stays so.
fn doubted(alive: Told) -> Told {
    if alive == Told::No { Told::No } else { Told::Unknown }
}

enum Verdict<'a> {
    Done(&'a Reply),
    Unknown,
    Refused(&'a Reply),
}

fn verdict(reply: Option<&Reply>) -> Verdict<'_> {
    match reply {
        None => Verdict::Unknown,
        Some(reply) if reply.status == 200 => Verdict::Done(reply),
        Some(reply) if reply.status == 503 => {
            reply.refused(503, "SERVICE_UNAVAILABLE");
            assert_eq!(reply.json().as_object().unwrap().len(), 2, "{}", reply.text());
            assert_eq!(reply.set_cookies().len(), 0, "a client keeps what it has for when the database is back");
            Verdict::Unknown
        }
        Some(reply) => Verdict::Refused(reply),
    }
}
