//! A program that is killed between the commit of a change and the message that tells of it. Every message whose change
//! was acknowledged is sent, by a later process perhaps, and twice at most those that were under way.
//!
//! This program serves itself: started again with `DATABASE_URL` and `LIFE`, its one ignored test is the application.
//! It tells on a pipe what it has acknowledged and what it has sent. What is in a pipe stays there when its writer
//! dies, as what a mail server has taken over does.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_core::base::{Email, ManualClock, OsRandom, Timestamp};
use auth_core::crypto::password_hash::Password;
use auth_core::outbox::Backlog;
use auth_core::password::{RequestPasswordReset, SignUpEmail};
use auth_core::ports::{Mailer, Message, PortError};
use auth_core::store::Store;
use auth_core::user::Pool;
use auth_core::{Auth, email, outbox};
use auth_sqlx::SqlStore;
use auth_tests::PASSWORD;
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// When each process but the last one is killed: at so many words of this kind.
const KILLS: [(Word, usize); 10] = [
    (Word::Acknowledged, 1),
    (Word::Sent, 1),
    (Word::Acknowledged, 6),
    (Word::Sent, 9),
    (Word::Acknowledged, 17),
    (Word::Sent, 24),
    (Word::Acknowledged, 40),
    (Word::Sent, 56),
    (Word::Acknowledged, 75),
    (Word::Sent, 100),
];

/// How many messages a process has under way at most, as the guide says.
const AT_ONCE: usize = 8;

/// Who signs up at the same time.
const CLIENTS: usize = 4;

/// How long a mail server takes to say yes to what it has taken over.
const HANDOVER: Duration = Duration::from_millis(30);

/// Between the beginnings of two processes, by their clocks, which stand still: longer than the longest pause before a
/// message is tried again. All of them together take less time than a link is good for.
const BETWEEN: Duration = Duration::from_hours(2);
const WEEK: Duration = Duration::from_hours(7 * 24);

const START: Timestamp = Timestamp::from_micros(1_780_000_000_123_456);

#[derive(Clone, Copy, Debug)]
enum Word {
    Acknowledged,
    Sent,
}

/// What a process has said, and what it has left.
#[derive(Debug, Default)]
struct Life {
    /// The messages of the changes that were acknowledged: what they are about, and to whom.
    acknowledged: Vec<String>,
    /// In the same words.
    sent: Vec<String>,
    /// How many it had taken out of the outbox to send them, and not removed, when it died.
    under_way: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_sent_and_little_of_it_twice_when_the_program_is_killed() {
    let directory = TempDir::new().unwrap();
    let database = format!("sqlite://{}?mode=rwc", directory.path().join("auth.db").display());
    let mut lives = Vec::new();
    for (number, moment) in KILLS.into_iter().enumerate() {
        let program = Program::start(&database, number);
        let life = spawn_blocking(move || program.killed_at(moment)).await.unwrap();
        lives.push(Life { under_way: under_way(&database, number).await, ..life });
    }
    let program = Program::start(&database, KILLS.len());
    lives.push(spawn_blocking(move || program.finished()).await.unwrap());

    let sent = sent(&lives);
    for message in lives.iter().flat_map(|life| &life.acknowledged) {
        assert!(sent.contains_key(&**message), "{message} was acknowledged and never sent");
    }
    expect_few_doubles(&lives, &sent);
    let is_left = |life: &Life| life.acknowledged.iter().any(|message| !life.sent.contains(message));
    assert!(lives.iter().any(is_left), "no axe fell between a commit and its message");

    let store = SqlStore::connect(&database).await.unwrap();
    assert_eq!(store.conn().backlog().await.unwrap(), Backlog::default());
    let addresses: BTreeSet<&str> = sent.keys().map(|message| message.split_once(' ').unwrap().1).collect();
    for address in addresses {
        let account = store.conn().user_by_email(&Pool::User.into(), &Email::parse(address).unwrap()).await.unwrap();
        assert!(account.is_some(), "{address} was written to about what has not happened");
    }
}

/// Each message, with the numbers of the processes that have sent it.
fn sent(lives: &[Life]) -> BTreeMap<&str, Vec<usize>> {
    let mut sent: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, life) in lives.iter().enumerate() {
        for message in &life.sent {
            sent.entry(message).or_default().push(number);
        }
    }
    sent
}

/// No process sends a message twice; and what one has sent, another one sends again only if it was under way when the
/// first one was killed.
fn expect_few_doubles(lives: &[Life], sent: &BTreeMap<&str, Vec<usize>>) {
    for (message, processes) in sent {
        assert!(processes.is_sorted_by(|a, b| a < b), "one process has sent {message} twice: {processes:?}");
    }
    let mut doubled = 0;
    for (number, life) in lives.iter().enumerate() {
        let is_doubled = |processes: &&Vec<usize>| processes.contains(&number) && processes.last() != Some(&number);
        let again = sent.values().filter(is_doubled).count();
        assert!(life.under_way <= AT_ONCE, "{} were under way in process {number}", life.under_way);
        assert!(again <= life.under_way, "{again} of process {number}, with {} under way", life.under_way);
        doubled += again;
    }
    assert!(doubled > 0, "no axe fell on a message that was under way");
}

/// How many messages the process of this number has left that it had begun to send: it has put them off.
async fn under_way(database: &str, number: usize) -> usize {
    let store = SqlStore::connect(database).await.unwrap();
    let left = store.conn().due_messages(Timestamp::from_micros(i64::MAX), u32::MAX).await.unwrap();
    left.iter().filter(|message| message.due_at > birth(number)).count()
}

/// What the clock of the process of this number shows.
fn birth(number: usize) -> Timestamp {
    START.plus(BETWEEN * u32::try_from(number).unwrap())
}

/// The application as a process of its own; killed when this is dropped.
struct Program(Child);

impl Program {
    fn start(database: &str, number: usize) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "the_program", "--nocapture"]);
        command.env("DATABASE_URL", database).env("LIFE", number.to_string());
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    /// SIGKILL at this moment, without a word to anybody.
    fn killed_at(mut self, (word, times): (Word, usize)) -> Life {
        let mut is_killed = false;
        let life = self.listen(|program, life| {
            let said = match word {
                Word::Acknowledged => life.acknowledged.len(),
                Word::Sent => life.sent.len(),
            };
            if said == times && !is_killed {
                program.kill().unwrap();
                is_killed = true;
            }
        });
        assert!(is_killed, "the program has ended by itself: {life:?}");
        life
    }

    fn finished(mut self) -> Life {
        let life = self.listen(|_, _| {});
        assert!(self.0.wait().unwrap().success());
        life
    }

    /// Hears the process out, and looks up at each word.
    fn listen(&mut self, mut look_up: impl FnMut(&mut Child, &Life)) -> Life {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        let mut life = Life::default();
        for line in output.lines().map_while(Result::ok) {
            if let Some(message) = line.strip_prefix("acknowledged ") {
                life.acknowledged.push(message.to_owned());
            } else if let Some(message) = line.strip_prefix("sent ") {
                life.sent.push(message.to_owned());
            }
            look_up(&mut self.0, &life);
        }
        life
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the application that the other test starts and kills"]
async fn the_program() {
    // The harness has begun a line.
    println!();
    let (database, number): (_, usize) =
        (env::var("DATABASE_URL").unwrap(), env::var("LIFE").unwrap().parse().unwrap());
    let store = SqlStore::connect(&database).await.unwrap();
    auth_sqlx::migrate(&store).await.unwrap();
    let config = outbox::Config::default();
    let is_last = number == KILLS.len();
    let auth = auth_tests::builder()
        .store(store)
        .clock(Arc::new(ManualClock::at(birth(number))))
        // Ids and tokens of an earlier life must not come again.
        .random(Arc::new(OsRandom))
        .email(email::Config::default().verify_at_sign_up().link_ttl(WEEK))
        .mailer(Pipe)
        .outbox(if is_last { config.delivered_by_the_program() } else { config })
        .build()
        .unwrap();
    if is_last {
        outbox::deliver(&auth.background_cx()).await.unwrap();
    } else {
        join_all((0..CLIENTS).map(|client| work(&auth, format!("life{number}client{client}")))).await;
    }
}

/// Signs up and asks for a new password, again and again.
async fn work(auth: &Auth, name: String) {
    for n in 0.. {
        let email = Email::parse(&format!("{name}n{n}@example.com")).unwrap();
        let sign_up = SignUpEmail::new(email.clone(), "Ada", Password::new(PASSWORD));
        auth.call(&auth.background_cx(), sign_up).await.unwrap();
        println!("acknowledged verify-email {email}");
        let reset = RequestPasswordReset { email: email.clone(), redirect_to: None, tenant_id: None };
        auth.call(&auth.background_cx(), reset).await.unwrap();
        println!("acknowledged reset-password {email}");
    }
}

/// Whoever reads what this process says is the mail server.
struct Pipe;

#[async_trait]
impl Mailer for Pipe {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        println!("sent {} {}", message.kind(), message.to());
        // The message has gone out, and nobody here knows it: that is when a kill doubles it.
        tokio::time::sleep(HANDOVER).await;
        Ok(())
    }
}
