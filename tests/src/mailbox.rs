//! Where the mail of an application under test arrives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::ports::{Mailer, Message, PortError, SmsSender, TextMessage};
use auth_core::{AuthBuilder, outbox};
use serde_json::Value;
use tokio::sync::Notify;

use crate::app::TestApp;

/// Everybody's mailbox and telephone. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    arrived: Arc<Mutex<Vec<Value>>>,
    is_down: Arc<AtomicBool>,
    news: Arc<Notify>,
}

impl Mailbox {
    /// Settings with which all messages arrive here, once somebody [looks](Self::take).
    pub fn connect(&self, builder: AuthBuilder) -> AuthBuilder {
        let by_hand = outbox::Config::default().delivered_by_the_program();
        builder.mailer(self.clone()).sms(self.clone()).outbox(by_hand)
    }

    /// Nothing is taken over from now on, or everything again.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Has everything delivered that is due, and takes what has arrived since the last time.
    pub async fn take(&self, app: &TestApp) -> Vec<Value> {
        outbox::deliver(&app.cx()).await.unwrap();
        std::mem::take(&mut self.arrived.lock().unwrap())
    }

    /// Returns once so many messages have arrived by themselves.
    ///
    /// # Panics
    /// When they have not within ten seconds.
    pub async fn arrived(&self, number: usize) {
        let waiting = async {
            while self.arrived.lock().unwrap().len() < number {
                self.news.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the engine to send by itself");
    }

    /// The one message that has arrived.
    pub async fn one(&self, app: &TestApp, kind: &str, to: &str) -> Value {
        let mut arrived = self.take(app).await;
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        let message = arrived.remove(0);
        assert_eq!((&message["kind"], &message["to"]), (&kind.into(), &to.into()), "{message}");
        message
    }

    /// The token of the link that has arrived.
    pub async fn token(&self, app: &TestApp, kind: &str, to: &str) -> String {
        self.one(app, kind, to).await["token"].as_str().unwrap().to_owned()
    }

    /// The path and query of the link that has arrived.
    pub async fn path(&self, app: &TestApp, kind: &str, to: &str) -> String {
        let message = self.one(app, kind, to).await;
        let url = message["url"].as_str().unwrap();
        url.strip_prefix(app.auth().base_url()).expect("a link to the application").to_owned()
    }

    /// The code that has arrived.
    pub async fn otp(&self, app: &TestApp, to: &str) -> String {
        self.one(app, "email-otp", to).await["otp"].as_str().unwrap().to_owned()
    }

    fn take_over(&self, message: serde_json::Result<Value>) -> Result<(), PortError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(PortError::new("mailer", "down for a test"));
        }
        self.arrived.lock().unwrap().push(message.unwrap());
        self.news.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        self.take_over(serde_json::to_value(message))
    }
}

#[async_trait]
impl SmsSender for Mailbox {
    async fn send(&self, message: &TextMessage) -> Result<(), PortError> {
        self.take_over(serde_json::to_value(message))
    }
}
