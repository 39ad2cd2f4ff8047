//! A program that is killed in the middle of its work: what it had acknowledged holds after the restart.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use auth_tests::{PASSWORD, RunningExample, built_example};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

const ROUNDS: usize = 5;
const CLIENTS: usize = 4;
/// Acknowledged sign-ups and revocations of one round, before the axe falls.
const ACKNOWLEDGEMENTS: usize = 30;

/// What a client was told about an account.
#[derive(Clone, Debug)]
struct Account {
    email: String,
    token: String,
    session: SessionState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionState {
    /// The sign-up was acknowledged.
    Alive,
    /// Its end was acknowledged.
    Ended,
    /// Its end was asked for, and no answer came.
    Unknown,
}

type Ledger = Arc<Mutex<Vec<Account>>>;

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_program_is_killed() {
    let program = built_example("saas-axum");
    let directory = TempDir::new().unwrap();
    let database = directory.path().join("app.db");
    let ledger = Ledger::default();
    for round in 0..ROUNDS {
        let before = ledger.lock().unwrap().len();
        work_until_the_axe_falls(RunningExample::start(&program, &database), round, &ledger);
        let accounts = ledger.lock().unwrap()[before..].to_vec();
        assert!(accounts.iter().any(|account| account.session == SessionState::Ended));
        let restarted = RunningExample::start(&program, &database);
        everything_holds(&client(), restarted.address(), &accounts);
    }
    // And what earlier rounds acknowledged holds after all the later crashes.
    let restarted = RunningExample::start(&program, &database);
    let accounts = ledger.lock().unwrap().clone();
    assert!(accounts.len() >= ROUNDS * ACKNOWLEDGEMENTS / 2);
    everything_holds(&client(), restarted.address(), &accounts);
}

fn client() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(20))).build().into()
}

/// Clients sign up and end sessions until the program is killed under their hands.
fn work_until_the_axe_falls(mut running: RunningExample, round: usize, ledger: &Ledger) {
    let (acknowledge, acknowledged) = mpsc::channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (base, ledger, acknowledge) = (running.address().to_owned(), Arc::clone(ledger), acknowledge.clone());
            thread::spawn(move || work(&base, &format!("r{round}c{number}"), &ledger, &acknowledge))
        })
        .collect();
    for _ in 0..ACKNOWLEDGEMENTS {
        acknowledged.recv().unwrap();
    }
    running.kill();
    drop(acknowledged);
    for client in clients {
        client.join().unwrap();
    }
}

/// One client: signs up again and again, and ends every second session, until there is no answer.
fn work(base: &str, name: &str, ledger: &Ledger, acknowledge: &mpsc::Sender<()>) {
    let agent = client();
    for n in 0.. {
        let email = format!("{name}n{n}@example.com");
        let Some(token) = sign_up(&agent, base, &email) else { return };
        ledger.lock().unwrap().push(Account {
            email: email.clone(),
            token: token.clone(),
            session: SessionState::Alive,
        });
        // Nobody listens any more once the axe has fallen.
        let _ = acknowledge.send(());
        if n % 2 == 1 {
            continue;
        }
        note(ledger, &email, SessionState::Unknown);
        let endpoint = if n % 4 == 0 { "revoke-sessions" } else { "sign-out" };
        let Some(200) = post(&agent, base, endpoint, Some(&token), &json!({})).map(|(status, _)| status) else {
            return;
        };
        note(ledger, &email, SessionState::Ended);
        let _ = acknowledge.send(());
    }
}

fn note(ledger: &Ledger, email: &str, session: SessionState) {
    let mut accounts = ledger.lock().unwrap();
    accounts.iter_mut().find(|account| account.email == email).unwrap().session = session;
}

fn sign_up(agent: &Agent, base: &str, email: &str) -> Option<String> {
    let body = json!({"name": "Ada", "email": email, "password": PASSWORD});
    let (status, answer) = post(agent, base, "sign-up/email", None, &body)?;
    assert_eq!(status, 200, "{answer}");
    Some(answer["token"].as_str().unwrap().to_owned())
}

/// Status and body; `None` when there was no whole answer.
fn post(agent: &Agent, base: &str, endpoint: &str, token: Option<&str>, body: &Value) -> Option<(u16, Value)> {
    let mut request = agent.post(format!("{base}/api/auth/{endpoint}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = request.send_json(body).ok()?;
    let answer = response.body_mut().read_json().ok()?;
    Some((response.status().as_u16(), answer))
}

/// No acknowledged account is lost, and no session whose end was acknowledged works.
fn everything_holds(agent: &Agent, base: &str, accounts: &[Account]) {
    for Account { email, token, session } in accounts {
        let request = agent.get(format!("{base}/me")).header("authorization", format!("Bearer {token}"));
        let status = request.call().unwrap().status().as_u16();
        match session {
            SessionState::Alive => assert_eq!(status, 200, "{email} had signed up"),
            SessionState::Ended => assert_eq!(status, 401, "{email} had ended the session"),
            SessionState::Unknown => assert!([200, 401].contains(&status), "{email}: {status}"),
        }
    }
    // A sample, for each costs a whole password hash: the account is there and its password is the one that was given.
    for Account { email, .. } in accounts.iter().filter(|account| account.session != SessionState::Alive).take(5) {
        let body = json!({"email": email, "password": PASSWORD});
        assert_eq!(post(agent, base, "sign-in/email", None, &body).unwrap().0, 200, "{email} can sign in");
    }
}
