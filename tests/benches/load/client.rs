//! A plain HTTP/1.1 client that keeps its connections, as cheap as it can be: the load shares the processor with
//! the server.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::app::SIGN_IN;
use crate::seed::{PASSWORD, Seed};

/// Runs a future on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What the measurements need to know of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) says_when_to_retry: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::with_capacity(4096) }
    }

    /// Sends one request and reads the whole response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.unwrap();
        self.received.clear();
        loop {
            let count = self.stream.read_buf(&mut self.received).await.unwrap();
            assert!(count > 0, "the server closed the connection");
            if let Some(answer) = complete(&self.received) {
                return answer;
            }
        }
    }
}

/// The answer, once head and body are complete.
fn complete(received: &[u8]) -> Option<Answer> {
    let head_length = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..head_length]).unwrap();
    let mut answer = Answer { status: head[9..12].parse().unwrap(), says_when_to_retry: false };
    let mut body_length = 0;
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body_length = value.trim().parse().unwrap();
        }
        answer.says_when_to_retry |= name.eq_ignore_ascii_case("retry-after");
    }
    (received.len() >= head_length + 4 + body_length).then_some(answer)
}

/// A request with the headers that browsers send, and a session's token.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:3000\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) \
         Gecko/20100101 Firefox/140.0\r\naccept: application/json\r\naccept-language: en-US,en;q=0.5\r\n\
         accept-encoding: gzip, deflate, br\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// A sign-in of some user with the right password.
pub(crate) fn sign_in() -> Vec<u8> {
    let body = json!({ "email": Seed::any_email(), "password": PASSWORD }).to_string();
    let length = body.len();
    format!(
        "POST {SIGN_IN} HTTP/1.1\r\nhost: 127.0.0.1:3000\r\norigin: http://127.0.0.1:3000\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Requests a second, over `connections` that each send the next request as soon as the last one is answered.
/// Every answer must be 200.
pub(crate) async fn saturate(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    request: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
) -> Throughput {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let request = Arc::clone(&request);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut answered = 0;
            while begun.elapsed() < time {
                let answer = connection.exchange(&request()).await;
                assert_eq!(answer.status, 200);
                answered += 1;
            }
            answered
        });
    }
    let answered = clients.join_all().await.into_iter().sum();
    Throughput { answered, time: begun.elapsed() }
}

/// How much was answered, in how long.
pub(crate) struct Throughput {
    pub(crate) answered: u32,
    pub(crate) time: Duration,
}

impl Throughput {
    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.answered) / self.time.as_secs_f64()
    }
}
