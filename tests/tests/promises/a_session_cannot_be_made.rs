//! A session is had by signing in, and not by having its row.

use auth_core::session::{NewSession, Session, StoredSession};

fn forge(row: StoredSession) -> Session {
    Session(row)
}

fn forge_by_function(row: StoredSession) -> Session {
    Session::proven(row)
}

fn forge_a_new_one(session: Session, hash: auth_core::base::TokenHash) -> NewSession {
    NewSession::new(session, hash)
}

fn main() {}
