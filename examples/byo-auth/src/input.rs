//! Bodies, read field by field, so that a refusal names each field that is wrong.

use auth_core::Error;
use auth_core::error::Code;
use serde_json::{Map, Value};

/// The longest name of anything, in characters.
pub(crate) const LONGEST_NAME: usize = 100;

/// What a client sends. A field that nobody reads does not count; above all, no organisation does.
pub(crate) type Sent = Map<String, Value>;

/// Reads a body, and keeps what is wrong with it.
pub(crate) struct Reader<'s> {
    sent: &'s Sent,
    wrong: Vec<(&'static str, String)>,
}

impl<'s> Reader<'s> {
    pub(crate) fn of(sent: &'s Sent) -> Self {
        Self { sent, wrong: Vec::new() }
    }

    /// A field, `null` if it is missing; `None` after it was noted that it must be what `expected` says.
    pub(crate) fn field<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&'s Value) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(self.sent.get(name).unwrap_or(&Value::Null));
        if parsed.is_none() {
            self.wrong.push((name, format!("must be {expected}")));
        }
        parsed
    }

    /// A text with something in it.
    pub(crate) fn name(&mut self) -> Option<String> {
        let expected = format!("a text of 1 to {LONGEST_NAME} characters");
        let is_name = |name: &&str| {
            (1..=LONGEST_NAME).contains(&name.trim().chars().count())
                && name.chars().count() <= LONGEST_NAME
                && !name.chars().any(char::is_control)
        };
        self.field("name", &expected, |value| value.as_str().filter(is_name).map(str::to_owned))
    }

    /// What is wrong: 400.
    pub(crate) fn refusal(self) -> Error {
        let error = Error::from(Code::ValidationError);
        self.wrong.into_iter().fold(error, |error, (field, problem)| error.field(field, problem))
    }
}
