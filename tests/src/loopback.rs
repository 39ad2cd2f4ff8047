//! A server on loopback that answers as it is told, rightly or wrongly: HTTP/1.1, one request a connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is answered at a path.
#[derive(Clone, Debug)]
pub enum Answer {
    /// All of it.
    Document {
        /// The status.
        status: u16,
        /// Each line with its end.
        headers: String,
        /// The body.
        body: Bytes,
    },
    /// A body that says how long it is.
    Announced(usize),
    /// A body in chunks that does not end.
    Endless,
    /// A body that comes byte by byte.
    Trickle,
    /// Nothing.
    Never,
}

impl Answer {
    /// 200 with this document.
    pub fn json(document: &Value) -> Self {
        let headers = "content-type: application/json\r\n".to_owned();
        Self::Document { status: 200, headers, body: Bytes::from(document.to_string()) }
    }

    /// A redirect.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::Document { status, headers: format!("location: {to}\r\n"), body: Bytes::new() }
    }
}

/// A server that listens until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    running: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    heads: Mutex<Vec<String>>,
}

impl Server {
    /// Listens on a free port, and answers 404 to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let running = Some(tokio::spawn(serve(listener, shared.clone())));
        Self { address, shared, running }
    }

    /// From now on connections are refused.
    pub async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.abort();
        // The listener is gone with its task.
        assert!(running.await.unwrap_err().is_cancelled());
    }

    /// Stands at the same address again.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.running = Some(tokio::spawn(serve(listener, self.shared.clone())));
    }

    /// Where it stands, such as `http://127.0.0.1:49152`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is answered at `path` from now on.
    pub fn answers(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// The head of each request, in order; names of headers as they were sent.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    /// The path of each request.
    pub fn asked(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        // Whoever asked may go away before the end, which is what some tests are about.
        tokio::spawn(async move { answer(connection, &shared).await.ok() });
    }
}

async fn answer(mut connection: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split([' ', '?']).nth(1).unwrap().to_owned();
    shared.heads.lock().unwrap().push(head);
    let answer = shared.answers.lock().unwrap().get(&path).cloned();
    let missing = Answer::Document { status: 404, headers: String::new(), body: Bytes::new() };
    let ok = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    match answer.unwrap_or(missing) {
        Answer::Document { status, headers, body } => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
            connection.write_all(&[head.as_bytes(), &body].concat()).await?;
        }
        Answer::Announced(length) => {
            connection.write_all(format!("{ok}content-length: {length}\r\n\r\n").as_bytes()).await?;
            connection.write_all(&vec![b' '; length]).await?;
        }
        Answer::Endless => {
            connection.write_all(format!("{ok}transfer-encoding: chunked\r\n\r\n").as_bytes()).await?;
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
            loop {
                connection.write_all(&chunk).await?;
            }
        }
        Answer::Trickle => {
            connection.write_all(format!("{ok}content-length: 100000\r\n\r\n").as_bytes()).await?;
            loop {
                connection.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Answer::Never => std::future::pending().await,
    }
    connection.shutdown().await
}
