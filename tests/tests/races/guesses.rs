//! Guessing at codes that are sent: three tries at a code count, and ten at an account in a quarter of an hour,
//! whichever way they come, one after another or at once, from however many addresses, however often another code is
//! asked for and the process ends in between. Whatever comes beyond that shows the right code here, and is refused all
//! the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use auth_core::{AuthBuilder, email_otp, phone};
use auth_tests::{Actor, Mailbox, Reply, TestApp, TransportKind};
use serde_json::{Value, json};

use crate::on_each_store;
use crate::stage::{Stage, together};

on_each_store![
    guesses_at_mailed_codes_run_out,
    guesses_at_mailed_codes_run_out_when_they_are_made_at_once,
    guesses_at_texted_codes_run_out,
    guesses_at_texted_codes_run_out_when_they_are_made_at_once,
];

const ADA: &str = "ada@example.com";
const NUMBER: &str = "+4930901820";
const NEW: &str = "Marble-Falcon-Quiet-77";

/// How many guesses are made, while the clock stands still.
const GUESSES: usize = 1_000;

/// How many of them are made until other codes are asked for, or at once.
const BATCH: usize = 10;

/// How many of them a process lives to see.
const LIFE: usize = 250;

/// How many tries a code bears (`OtpForm::attempts`).
const PER_CODE: usize = 3;

/// How many tries an account bears in a window (`Lockout::per_account`).
const PER_ACCOUNT: usize = 10;

const WINDOW: Duration = Duration::from_mins(15);

/// What a code is for: there is one of each at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    SignIn,
    Mailbox,
    Reset,
    Phone,
    PhoneReset,
}

impl Kind {
    /// How one is asked for.
    fn wish(self) -> (&'static str, Value) {
        let mailed = |kind: &str| ("/email-otp/send-verification-otp", json!({"email": ADA, "type": kind}));
        match self {
            Self::SignIn => mailed("sign-in"),
            Self::Mailbox => mailed("email-verification"),
            Self::Reset => mailed("forget-password"),
            Self::Phone => ("/phone-number/send-otp", json!({"phoneNumber": NUMBER})),
            Self::PhoneReset => ("/phone-number/request-password-reset", json!({"phoneNumber": NUMBER})),
        }
    }
}

/// Where a code is shown.
#[derive(Clone, Copy, Debug)]
enum Way {
    SignIn,
    Check,
    VerifyEmail,
    Reset,
    Phone,
    PhoneReset,
}

/// The first of them signs in.
const BY_MAIL: &[Way] = &[Way::SignIn, Way::Check, Way::VerifyEmail, Way::Reset];
const BY_TEXT: &[Way] = &[Way::Phone, Way::PhoneReset];

impl Way {
    const fn kind(self) -> Kind {
        match self {
            Self::SignIn | Self::Check => Kind::SignIn,
            Self::VerifyEmail => Kind::Mailbox,
            Self::Reset => Kind::Reset,
            Self::Phone => Kind::Phone,
            Self::PhoneReset => Kind::PhoneReset,
        }
    }

    fn showing(self, code: &str) -> (&'static str, Value) {
        let mailed = json!({"email": ADA, "otp": code});
        match self {
            Self::SignIn => ("/sign-in/email-otp", mailed),
            Self::Check => ("/email-otp/check-verification-otp", json!({"email": ADA, "type": "sign-in", "otp": code})),
            Self::VerifyEmail => ("/email-otp/verify-email", mailed),
            Self::Reset => ("/email-otp/reset-password", json!({"email": ADA, "otp": code, "password": NEW})),
            Self::Phone => ("/phone-number/verify", json!({"phoneNumber": NUMBER, "code": code})),
            Self::PhoneReset => {
                let body = json!({"phoneNumber": NUMBER, "otp": code, "newPassword": NEW});
                ("/phone-number/reset-password", body)
            }
        }
    }
}

async fn guesses_at_mailed_codes_run_out(stage: Stage) {
    one_after_another(&stage, BY_MAIL).await;
}

async fn guesses_at_mailed_codes_run_out_when_they_are_made_at_once(stage: Stage) {
    at_once(&stage, BY_MAIL).await;
}

async fn guesses_at_texted_codes_run_out(stage: Stage) {
    one_after_another(&stage, BY_TEXT).await;
}

async fn guesses_at_texted_codes_run_out_when_they_are_made_at_once(stage: Stage) {
    at_once(&stage, BY_TEXT).await;
}

async fn one_after_another(stage: &Stage, ways: &'static [Way]) {
    let mut attacker = Attacker::at(stage, ways).await;
    for n in 0..GUESSES {
        if n.is_multiple_of(LIFE) {
            attacker.restart().await;
        }
        if n.is_multiple_of(BATCH) {
            attacker.ask().await;
        }
        let way = ways[n % ways.len()];
        if attacker.has_tries_left(way) {
            attacker.guess(way, Code::Wrong).sent().await.1.refused(400, "INVALID_OTP");
        } else {
            is_refused(&attacker.guess(way, Code::Right).sent().await.1);
        }
    }
    attacker.comes_in_once_the_window_is_over().await;
}

async fn at_once(stage: &Stage, ways: &'static [Way]) {
    let mut attacker = Attacker::at(stage, ways).await;
    // As many as the account bears, and more than one of the codes does. Up to there, a code is said to be wrong once
    // it has been looked at.
    let mut compared = BTreeMap::new();
    for (kind, reply) in attacker.batch(Code::Wrong).await {
        is_refused(&reply);
        *compared.entry(kind).or_insert(0) += usize::from(reply.status == 400);
    }
    assert_eq!(compared.values().max(), Some(&PER_CODE), "{compared:?}");
    for _ in 1..GUESSES / BATCH {
        for (_, reply) in attacker.batch(Code::Right).await {
            is_refused(&reply);
        }
    }
    attacker.comes_in_once_the_window_is_over().await;
}

/// At the code, or at the account, which does not tell the right code from a wrong one any more.
#[track_caller]
fn is_refused(reply: &Reply) {
    let (status, code) = (reply.status.as_u16(), reply.code());
    assert!([(400, "INVALID_OTP"), (403, "TOO_MANY_ATTEMPTS")].contains(&(status, &*code)), "{status} {code}");
}

/// Somebody who guesses at Ada's codes. They never send two requests from one address, so that nothing stops them but
/// what is counted for Ada.
struct Attacker {
    app: TestApp,
    /// Ada's, which tells what a guess has to hit or to miss.
    mail: Mailbox,
    ways: &'static [Way],
    sent: BTreeMap<Kind, Sent>,
    /// How often they have tried.
    tries: usize,
    addresses: u32,
}

/// The code of its kind that was sent last.
struct Sent {
    code: String,
    tries: usize,
}

/// What a guess shows.
#[derive(Clone, Copy, Debug)]
enum Code {
    Right,
    Wrong,
}

/// A code on its way.
struct Guess {
    kind: Kind,
    client: Actor,
    endpoint: &'static str,
    body: Value,
}

impl Guess {
    async fn sent(self) -> (Kind, Reply) {
        (self.kind, self.client.auth_post(self.endpoint, self.body).await)
    }
}

impl Attacker {
    async fn at(stage: &Stage, ways: &'static [Way]) -> Self {
        let mail = Mailbox::default();
        let app = process(&stage.app, &mail).await;
        let ada = app.signed_up(ADA).await;
        ada.auth_post("/phone-number/send-otp", json!({"phoneNumber": NUMBER})).await.ok();
        let code = mail.one(&app, "sms-otp", NUMBER).await["otp"].clone();
        let body = json!({"phoneNumber": NUMBER, "code": code, "updatePhoneNumber": true});
        ada.auth_post("/phone-number/verify", body).await.ok();
        Self { app, mail, ways, sent: BTreeMap::new(), tries: 0, addresses: 0 }
    }

    /// Another process takes the place of this one.
    async fn restart(&mut self) {
        self.app = process(&self.app, &self.mail).await;
    }

    fn client(&mut self) -> Actor {
        self.addresses += 1;
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + self.addresses);
        self.app.anon().from_ip(&address.to_string())
    }

    /// Asks for a code of each kind. There is one answer whether one is sent or too many were, and then the last one
    /// stays.
    async fn ask(&mut self) {
        let kinds: BTreeSet<Kind> = self.ways.iter().map(|way| way.kind()).collect();
        for kind in kinds {
            let (endpoint, body) = kind.wish();
            self.client().auth_post(endpoint, body).await.ok();
            for message in self.mail.take(&self.app).await {
                let code = message["otp"].as_str().unwrap().to_owned();
                self.sent.insert(kind, Sent { code, tries: 0 });
            }
        }
    }

    /// Whether a guess made this way may hit.
    fn has_tries_left(&self, way: Way) -> bool {
        self.tries < PER_ACCOUNT && self.sent[&way.kind()].tries < PER_CODE
    }

    fn guess(&mut self, way: Way, code: Code) -> Guess {
        let sent = self.sent.get_mut(&way.kind()).unwrap();
        sent.tries += 1;
        self.tries += 1;
        let (endpoint, body) = match code {
            Code::Right => way.showing(&sent.code),
            Code::Wrong => way.showing(&wrong(&sent.code)),
        };
        Guess { kind: way.kind(), client: self.client(), endpoint, body }
    }

    /// Asks for new codes, and makes guesses at all of them at once.
    async fn batch(&mut self, code: Code) -> Vec<(Kind, Reply)> {
        self.ask().await;
        let guesses: Vec<Guess> = (0..BATCH).map(|n| self.guess(self.ways[n % self.ways.len()], code)).collect();
        together(guesses.into_iter().map(Guess::sent)).await
    }

    /// There is a try for each code again, and the last one is as good as the first.
    async fn comes_in_once_the_window_is_over(mut self) {
        assert_eq!(self.tries, GUESSES);
        self.app.advance(WINDOW);
        self.ask().await;
        let way = self.ways[0];
        for _ in 1..PER_CODE {
            self.guess(way, Code::Wrong).sent().await.1.refused(400, "INVALID_OTP");
        }
        self.guess(way, Code::Right).sent().await.1.token();
    }
}

/// A process over the same database that sends codes, and limits attempts as it does by default.
async fn process(app: &TestApp, mail: &Mailbox) -> TestApp {
    let settings = |builder: AuthBuilder| {
        let builder = mail.connect(builder).email_otps(email_otp::Config::default());
        builder.phone_numbers(phone::Config::default())
    };
    app.restarted_with(TransportKind::Core, settings).await
}

/// Another code of the same form.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}
