//! The network: answers that are laid out beforehand, and what was asked.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::ports::{HttpClient, PortError};

#[derive(Default)]
pub(super) struct Net {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
    /// Nobody is answered while it is `true`.
    is_held: watch::Sender<bool>,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Net {
    /// From now on this document is at the address.
    pub(super) fn answers(&self, url: &str, body: impl Into<Bytes>) {
        self.answers_with(url, 200, &[], body);
    }

    pub(super) fn answers_with(
        &self,
        url: &str,
        status: u16,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.answers.lock().unwrap().insert(url.to_owned(), Answer { status, headers, body: body.into() });
    }

    /// From now on nobody is there.
    pub(super) fn is_down(&self) {
        self.answers.lock().unwrap().clear();
    }

    pub(super) fn hold(&self) {
        self.is_held.send_replace(true);
    }

    pub(super) fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// What was asked, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Waits until so many requests were made, for tests in which others make them.
    pub(super) async fn has_been_asked(&self, times: usize) {
        while self.count() < times {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl HttpClient for Net {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, PortError> {
        let url = request.uri().to_string();
        self.asked.lock().unwrap().push(url.clone());
        let mut is_held = self.is_held.subscribe();
        is_held.wait_for(|is_held| !is_held).await.unwrap();
        let answer = self.answers.lock().unwrap().get(&url).cloned();
        let answer = answer.ok_or_else(|| PortError::new("HTTP client", "connection refused"))?;
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        Ok(response.body(answer.body).unwrap())
    }
}
