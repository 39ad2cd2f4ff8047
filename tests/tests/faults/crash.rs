//! The application is killed in the middle of its work: what it had acknowledged holds after the restart.
//!
//! This program serves itself, with the settings and the ledger of the other faults: started again with `ADAPTER` and
//! `DATABASE_URL`, its one ignored test is the application.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::{env, thread};

use auth_core::base::OsRandom;
use auth_sqlx::SqlStore;
use auth_tests::{Database, PASSWORD, Reply, StoreKind, TestApp, TransportKind, actix_routes, axum_routes};
use serde_json::{Value, json};
use ureq::Agent;

use crate::invariants::invariants;
use crate::ledger::{Ledger, Told};
use crate::world::World;
use crate::{Place, on_each_place};

on_each_place!(nothing_that_was_acknowledged_is_lost_when_the_application_is_killed);

const ROUNDS: usize = 3;
const CLIENTS: usize = 3;
/// Answers of one round, before the axe falls.
const ANSWERS: usize = 25;

async fn nothing_that_was_acknowledged_is_lost_when_the_application_is_killed(place: Place) {
    let Some(world) = World::at(place).await else { return };
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    for round in 0..ROUNDS {
        let (application, ledger) =
            (Application::start(place.transport, world.database.on_server().url()), Arc::clone(&ledger));
        tokio::task::spawn_blocking(move || work_until_the_axe_falls(application, round, &ledger)).await.unwrap();
    }
    let told = ledger.lock().unwrap().clone();
    assert!(told.sessions.iter().any(|session| session.alive == Told::No), "nobody has ended a session");
    assert!(told.accounts.values().any(|account| !account.dead.is_empty()), "nobody has changed a password");
    *world.ledger.lock().unwrap() = told;
    invariants(&world).await;
}

/// Clients work until the application is killed under their hands.
fn work_until_the_axe_falls(mut application: Application, round: usize, ledger: &Arc<Mutex<Ledger>>) {
    let (answer, answers) = mpsc::channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (base, ledger, answer) = (application.address.clone(), Arc::clone(ledger), answer.clone());
            thread::spawn(move || Client { agent: agent(), base, ledger, answer }.work(&format!("r{round}c{number}")))
        })
        .collect();
    for _ in 0..ANSWERS {
        answers.recv().unwrap();
    }
    application.kill();
    for client in clients {
        client.join().unwrap();
    }
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(20))).build().into()
}

struct Client {
    agent: Agent,
    base: String,
    ledger: Arc<Mutex<Ledger>>,
    answer: mpsc::Sender<()>,
}

impl Client {
    /// Signs up, changes the password, signs out or ends all sessions, again and again, until there is no answer.
    fn work(self, name: &str) {
        for n in 0.. {
            if self.live(&format!("{name}n{n}@example.com"), n).is_none() {
                return;
            }
        }
    }

    /// `None` when there is no answer any more.
    fn live(&self, email: &str, n: usize) -> Option<()> {
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD});
        let reply = self.post("sign-up/email", None, &body);
        self.ledger.lock().unwrap().signed_up(email, reply.as_ref());
        let mut token = reply?.token();
        if n.is_multiple_of(2) {
            let new = "Marble-Falcon-Quiet-77";
            let body = json!({"currentPassword": PASSWORD, "newPassword": new});
            let reply = self.post("change-password", Some(&token), &body);
            self.ledger.lock().unwrap().changed_password(email, new, reply.as_ref());
            token = reply?.token();
        }
        match n % 3 {
            0 => {
                let reply = self.post("sign-out", Some(&token), &json!({}));
                self.ledger.lock().unwrap().signed_out(&token, reply.as_ref());
                reply.map(drop)
            }
            1 => {
                let reply = self.post("revoke-sessions", Some(&token), &json!({}));
                self.ledger.lock().unwrap().revoked(email, reply.as_ref());
                reply.map(drop)
            }
            _ => Some(()),
        }
    }

    /// The answer; `None` when there was no whole one.
    fn post(&self, endpoint: &str, token: Option<&str>, body: &Value) -> Option<Reply> {
        let mut request = self.agent.post(format!("{}/api/auth/{endpoint}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (parts, mut body) = request.send_json(body).ok()?.into_parts();
        let reply = Reply { status: parts.status, headers: parts.headers, body: body.read_to_vec().ok()?.into() };
        // Nobody listens any more once the axe has fallen.
        let _heard = self.answer.send(());
        Some(reply)
    }
}

/// The application as a process of its own; killed when this is dropped.
struct Application {
    process: Child,
    address: String,
}

impl Application {
    fn start(transport: TransportKind, database: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "crash::the_application", "--nocapture"]);
        command.env("ADAPTER", format!("{transport:?}")).env("DATABASE_URL", database);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut lines = output.lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("listening on ").map(|(_, address)| address.to_owned()));
        Self { address: address.expect("the application listens"), process }
    }

    /// SIGKILL: at once, and without a word to anybody.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the application that other tests start and kill"]
async fn the_application() {
    let database = env::var("DATABASE_URL").expect("the address of a database with our tables");
    let store = SqlStore::connect(&database).await.unwrap();
    // Ids and tokens of an earlier life must not come again.
    let change = |builder: auth_core::AuthBuilder| builder.store(store).random(Arc::new(OsRandom));
    let app = TestApp::start(TransportKind::Core, Database::new(StoreKind::Memory).await, change).await;
    let auth = app.auth().clone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    match env::var("ADAPTER").as_deref() {
        Ok("Axum") => {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let app = axum_routes(auth).unwrap().into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, app).await.unwrap();
        }
        Ok("Actix") => {
            let served = thread::spawn(move || {
                let app = move || actix_web::App::new().service(actix_routes(auth.clone()).unwrap());
                let server = actix_web::HttpServer::new(app).workers(2).listen(listener).unwrap();
                actix_web::rt::System::new().block_on(server.run())
            });
            tokio::task::spawn_blocking(|| served.join().unwrap()).await.unwrap().unwrap();
        }
        other => panic!("{other:?} is no adapter"),
    }
}
