//! Tokens in bodies: as a client sends them, and as an answer shows them.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::base::Token;

/// The text of a token as a client sent it, unread. `Debug` does not show it: it may be a good one.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct TokenText(String);

impl TokenText {
    /// The text itself. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for TokenText {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText([redacted])")
    }
}

/// A secret on its way into the one answer that shows it.
#[derive(Clone, Debug)]
pub struct ShownToken(Token);

impl ShownToken {
    /// The token, for programs that call the endpoint without HTTP.
    pub const fn token(&self) -> &Token {
        &self.0
    }
}

impl From<Token> for ShownToken {
    fn from(token: Token) -> Self {
        Self(token)
    }
}

impl Serialize for ShownToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_token_is_read_and_not_shown() {
        let text: TokenText = serde_json::from_str(r#""hunter2""#).unwrap();
        assert_eq!((text.expose(), format!("{text:?}")), ("hunter2", "TokenText([redacted])".to_owned()));
    }
}
