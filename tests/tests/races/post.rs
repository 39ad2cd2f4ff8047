//! What is sent to people, and the races for the codes in it.

use auth_core::account::Lockout;
use auth_core::base::Email;
use auth_core::user::{Pool, User};
use auth_core::{AuthBuilder, email_otp, magic_link, phone};
use auth_tests::{Actor, Mailbox, PASSWORD, Reply, TestApp, TransportKind};
use serde_json::{Value, json};

use crate::RACERS;
use crate::stage::{NOW, Stage, address, together};

/// How often each code is raced for through requests over each store: such a round costs as much as a hundred questions
/// to the store.
const MAILED_ROUNDS: usize = 10;

/// The stage with everything switched on that is sent, and where it arrives.
pub(crate) struct Post {
    pub(crate) stage: Stage,
    pub(crate) mail: Mailbox,
}

impl Post {
    pub(crate) async fn of(stage: &Stage) -> Self {
        Self::with(stage, |builder| builder).await
    }

    /// The same with settings of its own.
    pub(crate) async fn with(stage: &Stage, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Self {
        let mail = Mailbox::default();
        let settings = |builder: AuthBuilder| {
            let builder = mail.connect(builder).lockout(Lockout::disabled_insecurely());
            let builder = builder.magic_links(magic_link::Config::default()).email_otps(email_otp::Config::default());
            change(builder.phone_numbers(phone::Config::default()))
        };
        let app = stage.app.restarted_with(TransportKind::Core, settings).await;
        Self { stage: Stage { app, ..stage.clone() }, mail }
    }

    pub(crate) fn app(&self) -> &TestApp {
        &self.stage.app
    }

    /// Somebody of this number who has signed up: their address, and their browser.
    pub(crate) async fn signed_up(&self, n: usize) -> (String, Actor) {
        let email = address(n);
        let actor = self.app().signed_up(&email).await;
        (email, actor)
    }

    /// The same, whose mailbox is proved.
    pub(crate) async fn proved(&self, n: usize) -> (String, Actor) {
        let (email, actor) = self.signed_up(n).await;
        let (user, proved) = (self.app().user_id(&email).await, Email::parse(&email).unwrap());
        assert!(self.stage.conn().verify_email(user, &proved, NOW).await.unwrap());
        (email, actor)
    }

    /// Somebody who has signed up, and what they send to prove a telephone number.
    pub(crate) async fn with_a_number(&self, n: usize) -> (String, Actor, Value) {
        let (email, actor) = self.signed_up(n).await;
        actor.auth_post("/phone-number/send-otp", json!({"phoneNumber": number(n)})).await.ok();
        let code = self.texted_code(n).await;
        (email, actor, json!({"phoneNumber": number(n), "code": code, "updatePhoneNumber": true}))
    }

    /// The address of somebody whose telephone number is proved.
    pub(crate) async fn reached_by_phone(&self, n: usize) -> String {
        let (email, actor, proof) = self.with_a_number(n).await;
        actor.auth_post("/phone-number/verify", proof).await.ok();
        email
    }

    /// A stranger asks for something.
    pub(crate) async fn ask(&self, endpoint: &str, body: Value) {
        self.app().anon().auth_post(endpoint, body).await.ok();
    }

    /// The path of the link that has arrived.
    pub(crate) async fn path(&self, kind: &str, to: &str) -> String {
        self.mail.path(self.app(), kind, to).await
    }

    pub(crate) async fn mailed_code(&self, email: &str, kind: &str) -> String {
        self.ask("/email-otp/send-verification-otp", json!({"email": email, "type": kind})).await;
        self.mail.otp(self.app(), email).await
    }

    /// The code that has arrived at the telephone of this number.
    pub(crate) async fn texted_code(&self, n: usize) -> String {
        self.mail.one(self.app(), "sms-otp", &number(n)).await["otp"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn account(&self, email: &str) -> Option<User> {
        let email = Email::parse(email).unwrap();
        self.stage.conn().user_by_email(&Pool::User.into(), &email).await.unwrap()
    }

    /// Runs the races for one kind of code. Each has one winner; in each, every event of `told` is told once, and
    /// `settled` looks at what the winner has left.
    pub(crate) async fn once(
        self,
        told: &[&'static str],
        prepare: impl AsyncFn(&Self, usize) -> Case,
        settled: impl AsyncFn(&Self, &Case, usize),
    ) {
        for round in 0..MAILED_ROUNDS {
            let case = prepare(&self, round).await;
            self.app().events().take();
            let replies = together(case.racers.iter().cloned().map(Racer::run)).await;
            for reply in &replies {
                let is_answered = reply.status == 200 || reply.status.is_client_error();
                assert!(is_answered, "{} {}", reply.status, reply.text());
            }
            let winners: Vec<usize> = (0..RACERS).filter(|racer| replies[*racer].status == 200).collect();
            let [winner] = winners[..] else { panic!("{winners:?} have won round {round} over {:?}", self.stage.kind) };
            let events = self.app().events().take();
            for event in told {
                let times = events.iter().filter(|it| *it == event).count();
                assert_eq!(times, 1, "{event} in round {round} over {:?}: {events:?}", self.stage.kind);
            }
            settled(&self, &case, winner).await;
        }
    }

    /// The winner alone has a session, one of so many that the account has now.
    pub(crate) async fn lets_in(&self, case: &Case, winner: usize, sessions: usize) {
        let inside: Vec<usize> = (0..RACERS).filter(|racer| case.racers[*racer].actor.cookie().is_some()).collect();
        assert_eq!(inside, [winner]);
        assert!(case.racers[winner].actor.is_signed_in().await);
        assert_eq!(self.app().sessions(&case.email).await.len(), sessions);
    }

    /// The winner's password holds and no other, and everybody is signed out.
    pub(crate) async fn has_the_password_of(&self, case: &Case, winner: usize) {
        assert_eq!(self.app().sessions(&case.email).await.len(), 0);
        let loser = (winner + 1) % RACERS;
        for (password, status) in [(wanted(winner), 200), (wanted(loser), 401), (PASSWORD.to_owned(), 401)] {
            assert_eq!(self.app().anon().sign_in(&case.email, &password).await.status, status);
        }
    }

    /// The account has the new address and not the old one.
    pub(crate) async fn has_moved(&self, case: &Case) {
        assert!(self.account(&case.email).await.is_none());
        assert!(self.account(&new_address(&case.email)).await.unwrap().email_verified);
    }
}

/// A code, whose account it is about, and those who race for it.
pub(crate) struct Case {
    pub(crate) email: String,
    pub(crate) racers: Vec<Racer>,
}

impl Case {
    /// All of them follow this link.
    pub(crate) fn link(email: String, path: &str, browser: impl Fn() -> Actor) -> Self {
        Self::of(email, browser, |_| Request::Link(path.to_owned()))
    }

    /// All of them send this to the endpoint, each in their own words.
    pub(crate) fn body(
        email: String,
        endpoint: &'static str,
        browser: impl Fn() -> Actor,
        body: impl Fn(usize) -> Value,
    ) -> Self {
        Self::of(email, browser, |racer| Request::Body(endpoint, body(racer)))
    }

    fn of(email: String, browser: impl Fn() -> Actor, request: impl Fn(usize) -> Request) -> Self {
        let racers = (0..RACERS).map(|racer| Racer { actor: browser(), request: request(racer) }).collect();
        Self { email, racers }
    }
}

/// Somebody with a code, and how they show it. Clones share their cookies.
#[derive(Clone)]
pub(crate) struct Racer {
    pub(crate) actor: Actor,
    request: Request,
}

#[derive(Clone)]
enum Request {
    Link(String),
    Body(&'static str, Value),
}

impl Racer {
    async fn run(self) -> Reply {
        match self.request {
            Request::Link(path) => self.actor.get(&path).await,
            Request::Body(endpoint, body) => self.actor.auth_post(endpoint, body).await,
        }
    }
}

/// The password that a racer of this number wants.
pub(crate) fn wanted(racer: usize) -> String {
    format!("Marble-Falcon-Quiet-{racer}")
}

/// Where the account of this address moves.
pub(crate) fn new_address(email: &str) -> String {
    format!("new.{email}")
}

/// A telephone number of this number.
pub(crate) fn number(n: usize) -> String {
    format!("+4930{n:07}")
}
