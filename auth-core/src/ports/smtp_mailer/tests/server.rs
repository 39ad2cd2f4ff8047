//! An SMTP server for one conversation, as well behaved as the test wants it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// What the server does instead of its duty, at a command or at `GREETING`, `CONTENT` (the mail itself).
#[derive(Clone, Copy)]
pub(super) enum Turn {
    Says(&'static str),
    Hangs,
    Closes,
}

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) certificate: Vec<u8>,
    heard: Arc<Mutex<Vec<String>>>,
    ended: JoinHandle<()>,
}

/// What is offered after EHLO, and where the server misbehaves.
#[derive(Clone)]
pub(super) struct Manners {
    pub(super) offers: &'static [&'static str],
    pub(super) turn: Option<(&'static str, Turn)>,
    pub(super) tls_at_once: bool,
}

impl Manners {
    pub(super) fn offering(offers: &'static [&'static str]) -> Self {
        Self { offers, turn: None, tls_at_once: false }
    }

    pub(super) fn but(offers: &'static [&'static str], command: &'static str, turn: Turn) -> Self {
        Self { turn: Some((command, turn)), ..Self::offering(offers) }
    }

    /// The answer to a command; `None` when there will never be one.
    fn answer(&self, command: &str) -> Option<String> {
        match self.turn {
            Some((at, Turn::Says(answer))) if at == command => return Some(answer.to_owned()),
            Some((at, Turn::Hangs | Turn::Closes)) if at == command => return None,
            _ => {}
        }
        Some(match command {
            "GREETING" => "220 mail.test\r\n".to_owned(),
            "EHLO" => {
                let offers: String = self.offers.iter().map(|offer| format!("250-{offer}\r\n")).collect();
                format!("250-mail.test\r\n{offers}250 SIZE 1000000\r\n")
            }
            "STARTTLS" => "220 go on\r\n".to_owned(),
            "AUTH" => "235 welcome\r\n".to_owned(),
            "DATA" => "354 go on\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        })
    }

    fn hangs_at(&self, command: &str) -> bool {
        matches!(self.turn, Some((at, Turn::Hangs)) if at == command)
    }
}

impl Server {
    pub(super) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = own.cert.der().to_vec();
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![own.cert.der().clone()],
                PrivatePkcs8KeyDer::from(own.key_pair.serialize_der()).into(),
            )
            .unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let conversation = Conversation { manners, heard: heard.clone(), tls: Arc::new(tls).into() };
        let ended = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            conversation.hold(stream).await;
        });
        Self { port, certificate, heard, ended }
    }

    /// Every line the server was sent, and the mail as one of them, once the client has gone.
    pub(super) async fn heard(self) -> Vec<String> {
        self.ended.await.unwrap();
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Conversation {
    manners: Manners,
    heard: Arc<Mutex<Vec<String>>>,
    tls: TlsAcceptor,
}

impl Conversation {
    async fn hold(self, stream: TcpStream) {
        if self.manners.tls_at_once {
            if let Ok(stream) = self.tls.accept(stream).await {
                self.talk(stream, Some("GREETING")).await;
            }
        } else if let Some(stream) = self.talk(stream, Some("GREETING")).await
            && let Ok(stream) = self.tls.accept(stream).await
        {
            self.talk(stream, None).await;
        }
    }

    /// Answers until the client has gone, or wants TLS on this connection.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, first: Option<&str>) -> Option<S> {
        let mut stream = BufStream::new(stream);
        if let Some(first) = first {
            self.answer(&mut stream, first).await?;
        }
        loop {
            let line = read_line(&mut stream).await?;
            let command = line.split(' ').next().unwrap_or_default().to_uppercase();
            self.hear(line);
            self.answer(&mut stream, &command).await?;
            match &*command {
                "STARTTLS" if self.manners.answer("STARTTLS")?.starts_with("220") => return Some(stream.into_inner()),
                "DATA" if self.manners.answer("DATA")?.starts_with("354") => {
                    let mut mail = String::new();
                    // RFC 5321 §4.5.2: a line that is a dot ends it, and a dot before anything else is not part of it.
                    loop {
                        let line = read_line(&mut stream).await?;
                        if line == "." {
                            break;
                        }
                        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.push_str("\r\n");
                    }
                    self.hear(mail);
                    self.answer(&mut stream, "CONTENT").await?;
                }
                _ => {}
            }
        }
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufStream<S>, command: &str) -> Option<()> {
        let Some(answer) = self.manners.answer(command) else {
            if self.manners.hangs_at(command) {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
            return None;
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()
    }

    fn hear(&self, line: String) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Without its line break, which has to be the one of SMTP.
async fn read_line<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.strip_suffix("\r\n").map(ToOwned::to_owned)
}
