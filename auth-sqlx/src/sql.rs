//! One text for each statement, checked while compiling.
//!
//! A statement is written once, with `$1 … $n`: PostgreSQL and SQLite read it as it is, and the form for
//! MySQL, which knows only `?`, is made from it by a `const fn`. A `?` has no number, so the two forms mean
//! the same only when the parameters stand in order, each exactly once; anything else does not compile.
//! A value that is needed twice is passed twice.

/// One statement in the forms that the engines read.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
    /// For MySQL and MariaDB.
    pub(crate) mysql: &'static str,
}

/// Makes a [`Sql`] from pieces of text that are joined as they stand: literals and constants.
///
/// Where the engines truly differ, the form for one of them is given beside it: `sql!("… $1", mysql: "… ?")`,
/// `sql!("… $1", postgres: "… $1")`.
macro_rules! sql {
    ($text:literal, mysql: $mysql:literal $(,)?) => {{
        const _: () = $crate::sql::expect_as_many($text, $mysql);
        $crate::sql::Sql { sqlite: $text, postgres: $text, mysql: $mysql }
    }};
    ($text:literal, postgres: $postgres:literal $(,)?) => {{
        const COMMON: $crate::sql::Sql = $crate::sql::sql!($text);
        const _: () = $crate::sql::expect_as_many($postgres, COMMON.mysql);
        $crate::sql::Sql { postgres: $postgres, ..COMMON }
    }};
    ($($piece:expr),+ $(,)?) => {{
        const PIECES: &[&str] = &[$($piece),+];
        const TEXT_BYTES: [u8; $crate::sql::joined_length(PIECES)] = $crate::sql::joined(PIECES);
        const TEXT: &str = $crate::sql::as_text(&TEXT_BYTES);
        const MYSQL_BYTES: [u8; $crate::sql::mysql_length(TEXT)] = $crate::sql::mysql_form(TEXT);
        const MYSQL: &str = $crate::sql::as_text(&MYSQL_BYTES);
        $crate::sql::Sql { sqlite: TEXT, postgres: TEXT, mysql: MYSQL }
    }};
}
pub(crate) use sql;

/// Why a statement is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A parameter is skipped, repeated or out of order.
    Misordered,
    /// A `$` without a number, or in a text for MySQL.
    Dollar,
    /// A `?` in a text that is numbered.
    QuestionMark,
    /// A comment: what is in it would have to be told apart for each engine.
    Comment,
    /// A backslash in quotes: MySQL takes it for an escape, the others do not.
    Backslash,
    /// A quote that is never closed.
    OpenQuote,
}

/// What stands at a place of a statement.
#[derive(Clone, Copy)]
enum Token {
    /// Text to be taken as it is; quoted text is one token.
    Text,
    /// `$n`.
    Numbered(usize),
    /// `?`.
    Mark,
    Fault(Fault),
}

/// The token at `at`, and where the next one begins.
const fn token(text: &[u8], at: usize) -> (Token, usize) {
    let next = at + 1;
    let following = if next < text.len() { text[next] } else { b' ' };
    match (text[at], following) {
        (quote @ (b'\'' | b'"' | b'`'), _) => quoted(text, next, quote),
        (b'$', _) => numbered(text, next),
        (b'?', _) => (Token::Mark, next),
        (b'-', b'-') | (b'/', b'*') | (b'#', _) => (Token::Fault(Fault::Comment), next),
        _ => (Token::Text, next),
    }
}

/// A doubled quote ends one token and begins the next, which comes to the same.
const fn quoted(text: &[u8], from: usize, quote: u8) -> (Token, usize) {
    let mut at = from;
    while at < text.len() {
        if text[at] == b'\\' {
            return (Token::Fault(Fault::Backslash), at);
        }
        if text[at] == quote {
            return (Token::Text, at + 1);
        }
        at += 1;
    }
    (Token::Fault(Fault::OpenQuote), at)
}

const fn numbered(text: &[u8], from: usize) -> (Token, usize) {
    let (mut at, mut number) = (from, 0);
    while at < text.len() && text[at].is_ascii_digit() {
        number = number * 10 + (text[at] - b'0') as usize;
        at += 1;
    }
    if at == from { (Token::Fault(Fault::Dollar), at) } else { (Token::Numbered(number), at) }
}

/// How many parameters a numbered text takes; they must be `$1`, `$2`, … in this order.
pub(crate) const fn numbered_parameters(text: &str) -> Result<usize, Fault> {
    let (mut at, mut count) = (0, 0);
    while at < text.len() {
        let (token, next) = token(text.as_bytes(), at);
        match token {
            Token::Text => {}
            Token::Numbered(number) if number == count + 1 => count = number,
            Token::Numbered(_) => return Err(Fault::Misordered),
            Token::Mark => return Err(Fault::QuestionMark),
            Token::Fault(fault) => return Err(fault),
        }
        at = next;
    }
    Ok(count)
}

/// How many parameters a text for MySQL takes.
pub(crate) const fn marked_parameters(text: &str) -> Result<usize, Fault> {
    let (mut at, mut count) = (0, 0);
    while at < text.len() {
        let (token, next) = token(text.as_bytes(), at);
        match token {
            Token::Text => {}
            Token::Mark => count += 1,
            Token::Numbered(_) => return Err(Fault::Dollar),
            Token::Fault(fault) => return Err(fault),
        }
        at = next;
    }
    Ok(count)
}

#[expect(clippy::panic, reason = "runs while compiling: the panic is the compiler's error message")]
pub(crate) const fn expect_as_many(numbered: &str, marked: &str) {
    match (numbered_parameters(numbered), marked_parameters(marked)) {
        (Ok(left), Ok(right)) if left == right => {}
        (Ok(_), Ok(_)) => panic!("the two forms of this statement take different numbers of parameters"),
        (Err(_), _) | (_, Err(_)) => refuse(),
    }
}

#[expect(clippy::panic, reason = "runs while compiling: the panic is the compiler's error message")]
const fn refuse() -> ! {
    panic!(
        "write the parameters as $1, $2, … in order, each exactly once (pass a value twice if it is needed twice); \
         no `?`, no comments, no backslashes in quotes"
    )
}

pub(crate) const fn joined_length(pieces: &[&str]) -> usize {
    let (mut piece, mut length) = (0, 0);
    while piece < pieces.len() {
        length += pieces[piece].len();
        piece += 1;
    }
    length
}

pub(crate) const fn joined<const LENGTH: usize>(pieces: &[&str]) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let (mut piece, mut end) = (0, 0);
    while piece < pieces.len() {
        let source = pieces[piece].as_bytes();
        let mut at = 0;
        while at < source.len() {
            bytes[end] = source[at];
            at += 1;
            end += 1;
        }
        piece += 1;
    }
    bytes
}

pub(crate) const fn mysql_length(text: &str) -> usize {
    if numbered_parameters(text).is_err() {
        refuse();
    }
    let (mut at, mut length) = (0, 0);
    while at < text.len() {
        let (token, next) = token(text.as_bytes(), at);
        length += if let Token::Numbered(_) = token { 1 } else { next - at };
        at = next;
    }
    length
}

pub(crate) const fn mysql_form<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [b'?'; LENGTH];
    let (mut at, mut end) = (0, 0);
    while at < text.len() {
        let (token, next) = token(text.as_bytes(), at);
        if let Token::Numbered(_) = token {
            end += 1;
        } else {
            while at < next {
                bytes[end] = text.as_bytes()[at];
                at += 1;
                end += 1;
            }
        }
        at = next;
    }
    bytes
}

#[expect(clippy::panic, reason = "runs while compiling: the panic is the compiler's error message")]
pub(crate) const fn as_text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a statement is UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_for_mysql_is_made_from_the_numbered_one() {
        const COLUMNS: &str = "a, \"b?\"";
        const STATEMENT: Sql =
            sql!("SELECT ", COLUMNS, " FROM t WHERE c = $1 AND d <> '$9 it''s $2?' AND e IN ($2,$3)");
        assert_eq!(STATEMENT.sqlite, "SELECT a, \"b?\" FROM t WHERE c = $1 AND d <> '$9 it''s $2?' AND e IN ($2,$3)");
        assert_eq!(STATEMENT.mysql, "SELECT a, \"b?\" FROM t WHERE c = ? AND d <> '$9 it''s $2?' AND e IN (?,?)");
    }

    #[test]
    fn an_engine_that_differs_has_a_form_of_its_own() {
        const STATEMENT: Sql = sql!("UPDATE t SET a = $1", postgres: "UPDATE t SET a = $1 RETURNING a");
        assert_eq!(STATEMENT.sqlite, "UPDATE t SET a = $1");
        assert_eq!(STATEMENT.postgres, "UPDATE t SET a = $1 RETURNING a");
        assert_eq!(STATEMENT.mysql, "UPDATE t SET a = ?");
    }

    #[test]
    fn more_than_nine_parameters_are_counted() {
        const STATEMENT: Sql = sql!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
        assert_eq!(STATEMENT.mysql, "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        assert_eq!(numbered_parameters(STATEMENT.sqlite), Ok(11));
        assert_eq!(marked_parameters(STATEMENT.mysql), Ok(11));
    }

    #[test]
    fn repeated_skipped_and_misordered_parameters_are_refused() {
        for text in ["a = $1 AND b = $1", "a = $1 AND b = $3", "a = $2 AND b = $1", "a = $2", "a = $0", "a = $01 OR $1"]
        {
            assert_eq!(numbered_parameters(text), Err(Fault::Misordered), "{text}");
        }
    }

    #[test]
    fn what_engines_read_differently_is_refused() {
        for (text, fault) in [
            ("a = ?", Fault::QuestionMark),
            ("a = $", Fault::Dollar),
            ("a = $name", Fault::Dollar),
            ("a = 'it\\'s'", Fault::Backslash),
            ("a = 'open", Fault::OpenQuote),
            ("a = 1 -- $1", Fault::Comment),
            ("a = 1 /* $1 */", Fault::Comment),
            ("a = 1 # $1", Fault::Comment),
        ] {
            assert_eq!(numbered_parameters(text), Err(fault), "{text}");
        }
        assert_eq!(marked_parameters("a = $1"), Err(Fault::Dollar));
    }
}
