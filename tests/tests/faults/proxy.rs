//! A line to the database that can be cut at a chosen statement, held there, or go dead.

use std::sync::{Arc, Mutex};

use auth_sqlx::SqlStore;
use auth_tests::servers::ServerDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::Place;
use crate::world::World;

/// The statements that are looked for, as both protocols send them: in a packet of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    Begin,
    Commit,
}

impl Statement {
    fn is_in(self, packets: &[u8]) -> bool {
        let needles: &[&[u8]] = match self {
            Self::Begin => &[b"BEGIN ISOLATION", b"COMMITTED; BEGIN"],
            Self::Commit => &[b"Q\0\0\0\x0bCOMMIT\0", b"\x07\0\0\0\x03COMMIT"],
        };
        needles.iter().any(|needle| packets.windows(needle.len()).any(|window| window == *needle))
    }
}

/// What happens to a connection at that statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// It ends before the server hears of the statement.
    CutBefore,
    /// The server has carried the statement out, and the connection ends before the client hears of it.
    CutUnanswered,
    /// It ends once the client has the answer.
    CutAfter,
    /// The server hears nothing until [`Proxy::release`].
    Hold,
}

/// Passes everything on between a store and its server, but for what it was ordered.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// The address of the database on this way.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    orders: Mutex<Vec<(Statement, Order)>>,
    held: Notify,
    released: Notify,
    /// Tells the connections that there are to carry nothing any more.
    dead_lines: watch::Sender<()>,
}

impl Proxy {
    pub(crate) async fn to(database: &ServerDatabase) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, upstream) = by_way_of(database.url(), listener.local_addr().unwrap().port());
        let shared = Arc::new(Shared {
            orders: Mutex::default(),
            held: Notify::new(),
            released: Notify::new(),
            dead_lines: watch::Sender::new(()),
        });
        tokio::spawn(serve(listener, upstream, Arc::clone(&shared)));
        Self { url, shared }
    }

    /// A world whose store is behind a proxy.
    pub(crate) async fn world(place: Place) -> Option<(World, Self)> {
        let database = place.server.database().await?;
        let proxy = Self::to(&database).await;
        let store = SqlStore::connect(&proxy.url).await.unwrap();
        Some((World::over(place.transport, database, store).await, proxy))
    }

    /// Does this at the next such statement.
    pub(crate) fn order(&self, statement: Statement, order: Order) {
        self.shared.orders.lock().unwrap().push((statement, order));
    }

    /// Waits until a statement is held.
    pub(crate) async fn held(&self) {
        self.shared.held.notified().await;
    }

    /// Passes the statement on that is held.
    pub(crate) fn release(&self) {
        self.shared.released.notify_one();
    }

    /// Nothing passes any more on the connections that there are, and neither side is told: the server's machine has
    /// lost its power. New connections reach its successor.
    pub(crate) fn lose_connections(&self) {
        self.shared.dead_lines.send_replace(());
    }
}

async fn serve(listener: TcpListener, upstream: String, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (upstream, shared) = (upstream.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let mut dead = shared.dead_lines.subscribe();
            let server = TcpStream::connect(upstream).await.unwrap();
            // Either side may close its end: then so does this one.
            let _ended = line(client, server, &shared, &mut dead).await;
        });
    }
}

async fn line(
    mut client: TcpStream,
    mut server: TcpStream,
    shared: &Shared,
    dead: &mut watch::Receiver<()>,
) -> std::io::Result<()> {
    let (mut question, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            length = client.read(&mut question) => {
                let packets = &question[..length?];
                if packets.is_empty() {
                    return Ok(());
                }
                let order = shared.order_for(packets);
                if order == Some(Order::CutBefore) {
                    return Ok(());
                }
                if order == Some(Order::Hold) {
                    shared.held.notify_one();
                    shared.released.notified().await;
                }
                server.write_all(packets).await?;
                if let Some(Order::CutUnanswered | Order::CutAfter) = order {
                    let length = server.read(&mut answer).await?;
                    if order == Some(Order::CutAfter) {
                        client.write_all(&answer[..length]).await?;
                    }
                    return Ok(());
                }
            }
            length = server.read(&mut answer) => {
                let packets = &answer[..length?];
                if packets.is_empty() {
                    return Ok(());
                }
                client.write_all(packets).await?;
            }
            _ = dead.changed() => std::future::pending().await,
        }
    }
}

impl Shared {
    /// Takes the order that these packets fulfil, if there is one.
    fn order_for(&self, packets: &[u8]) -> Option<Order> {
        let mut orders = self.orders.lock().unwrap();
        let place = orders.iter().position(|(statement, _)| statement.is_in(packets))?;
        Some(orders.remove(place).1)
    }
}

/// The same address by way of a local port, without encryption, and where the server itself is.
fn by_way_of(url: &str, port: u16) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (credentials, rest) = rest.split_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let (plain, usual_port) =
        if scheme.starts_with("postgres") { ("sslmode=disable", 5432) } else { ("ssl-mode=DISABLED", 3306) };
    let separator = if database.contains('?') { '&' } else { '?' };
    let upstream = if server.contains(':') { server.to_owned() } else { format!("{server}:{usual_port}") };
    (format!("{scheme}://{credentials}@127.0.0.1:{port}/{database}{separator}{plain}"), upstream)
}
