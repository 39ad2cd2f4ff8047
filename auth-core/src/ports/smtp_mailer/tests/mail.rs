//! Reading a mail as a program does that shows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A mail with its two alternatives, decoded.
pub(super) struct Received {
    headers: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) html: String,
}

impl Received {
    pub(super) fn read(mail: &str) -> Self {
        assert!(mail.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "RFC 5322 §2.1.1");
        let (headers, body) = split(mail);
        let kind = only(&headers, "Content-Type");
        let boundary = kind.strip_prefix("multipart/alternative; boundary=").expect(&kind).trim_matches('"').to_owned();
        let body = body.trim_end().strip_suffix(&format!("\r\n--{boundary}--")).expect("the end");
        let parts: Vec<_> = body.split(&format!("--{boundary}\r\n")).skip(1).collect();
        let [text, html] = parts[..] else { panic!("{} parts", parts.len()) };
        Self { text: part(text, "text/plain"), html: part(html, "text/html"), headers }
    }

    /// The value of a header that must be there once.
    pub(super) fn header(&self, name: &str) -> String {
        only(&self.headers, name)
    }

    pub(super) fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn part(part: &str, kind: &str) -> String {
    let (headers, body) = split(part);
    assert_eq!(only(&headers, "Content-Type").to_lowercase(), format!("{kind}; charset=utf-8"));
    let bytes = match &*only(&headers, "Content-Transfer-Encoding") {
        "7bit" => body.as_bytes().to_vec(),
        "quoted-printable" => unquoted(body),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        other => panic!("{other}"),
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// The headers, unfolded and decoded, and what follows them.
fn split(mail: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", "\t");
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").expect("a header");
        (name.to_owned(), decoded(value))
    };
    (unfolded.split("\r\n").map(header).collect(), body)
}

fn only(headers: &[(String, String)], name: &str) -> String {
    let values: Vec<_> = headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect();
    assert_eq!(values.len(), 1, "{name}");
    values.concat()
}

/// RFC 2047 §2. White space between two encoded words is none (§6.2).
fn decoded(value: &str) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for word in value.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        let inner = bare.strip_prefix("=?utf-8?").and_then(|word| word.strip_suffix("?="));
        match inner.and_then(|word| word.split_once('?')) {
            Some((encoding, encoded)) => {
                if after_word {
                    text.truncate(text.trim_end_matches(' ').len());
                }
                let bytes = match encoding {
                    "b" | "B" => STANDARD.decode(encoded).unwrap(),
                    _ => unquoted(&encoded.replace('_', " ")),
                };
                text.push_str(std::str::from_utf8(&bytes).unwrap());
                text.push_str(&word[bare.len()..]);
                after_word = true;
            }
            None => {
                text.push_str(word);
                after_word = false;
            }
        }
    }
    text
}

/// RFC 2045 §6.7.
fn unquoted(body: &str) -> Vec<u8> {
    let joined = body.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}
