//! A browser: keeps cookies, and names the page that sends.

use std::cell::RefCell;
use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, PASSWORD, Program, login};

/// Somebody in front of a page.
pub(crate) struct Browser<'p> {
    program: &'p Program,
    page: &'p str,
    jar: RefCell<BTreeMap<String, String>>,
}

impl<'p> Browser<'p> {
    /// With no cookie yet, at a page of this origin.
    pub(crate) fn at(program: &'p Program, page: &'p str) -> Self {
        Self { program, page, jar: RefCell::default() }
    }

    /// Whoever has signed in there by cookies.
    #[track_caller]
    pub(crate) fn signed_in(program: &'p Program, page: &'p str, email: &str) -> Self {
        let browser = Self::at(program, page);
        browser.log_in(email).is(200);
        browser
    }

    pub(crate) fn log_in(&self, email: &str) -> Answer {
        self.send(Method::POST, "/auth/login", &[("x-access-token-type", "cookie")], &login(email, PASSWORD, json!({})))
    }

    /// A copy of its cookies in front of another page.
    pub(crate) fn copied(&self, page: &'p str) -> Self {
        Self { program: self.program, page, jar: self.jar.clone() }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.jar.borrow().get(name).cloned()
    }

    pub(crate) fn set(&self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.jar.borrow_mut().insert(name.to_owned(), value.to_owned()),
            None => self.jar.borrow_mut().remove(name),
        };
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null)
    }

    /// An unsafe request that shows the CSRF token of its cookie, as a page of ours does.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let token = self.cookie("csrf_token").unwrap_or_default();
        self.send(Method::POST, path, &[("x-csrf-token", &token)], body)
    }

    pub(crate) fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let pairs: Vec<String> = self.jar.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let line = pairs.join("; ");
        let mut all = headers.to_vec();
        if !self.page.is_empty() {
            all.push(("origin", self.page));
        }
        if !line.is_empty() {
            all.push(("cookie", &line));
        }
        let answer = self.program.send(method, path, &all, body);
        for line in answer.set_cookies() {
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let is_taken = attributes.split("; ").any(|attribute| attribute == "Max-Age=0");
            self.set(name, (!is_taken).then_some(value));
        }
        answer
    }
}

impl Answer {
    pub(crate) fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    /// Name and attributes, in order, of every cookie that is set, or taken back.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let mut shown: Vec<String> = self
            .set_cookies()
            .iter()
            .map(|line| {
                let (pair, attributes) = line.split_once("; ").unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                let mut attributes: Vec<String> = attributes.split("; ").map(without_the_tick).collect();
                attributes.sort_unstable();
                format!("{name}={} {}", if value.is_empty() { "" } else { "…" }, attributes.join(" "))
            })
            .collect();
        shown.sort_unstable();
        shown
    }
}

/// An odd `Max-Age` as the even number above it. A token ends with a whole second, so what is left of an even lifetime
/// is odd where the clock went on to the next second between signing it and sending it.
fn without_the_tick(attribute: &str) -> String {
    match attribute.strip_prefix("Max-Age=") {
        Some(seconds) => format!("Max-Age={}", seconds.parse::<u64>().unwrap().next_multiple_of(2)),
        None => attribute.to_owned(),
    }
}
