//! From bytes to a request value: one object out of path and body, or path and query, then one parse.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::field::{Field, Fields, StandIn};
use crate::cx::Cx;
use crate::error::{Code, Error, Result};

/// The media types that an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/json` or `application/x-www-form-urlencoded`, for endpoints that a plain HTML form may use.
    JsonOrForm,
}

/// What the client sent, unread.
#[derive(Debug)]
pub(super) struct RawInput {
    pub(super) query: Option<String>,
    pub(super) path_params: Vec<(String, String)>,
    pub(super) body: Result<Bytes>,
}

/// Fields that hold an address to send somebody to, and the refusal when it is not trusted.
const TARGETS: [(&str, Code); 4] = [
    ("callbackURL", Code::InvalidCallbackUrl),
    ("redirectTo", Code::InvalidRedirectUrl),
    ("errorCallbackURL", Code::InvalidErrorCallbackUrl),
    ("newUserCallbackURL", Code::InvalidNewUserCallbackUrl),
];

/// Reads a request value: GET from the query, other methods from the body. A field of the path wins over both; one
/// that is named twice is refused, because two readers could each see another one.
pub(super) fn decode<E: DeserializeOwned>(raw: RawInput, media: Media, cx: &Cx) -> Result<E> {
    let request = cx.request();
    // What changes something is told in the body: addresses, and passwords in them, end up in logs.
    let RawInput { query, path_params, body } = raw;
    let (place, bytes) = match request.method {
        Method::GET => ("query", Bytes::from(query.unwrap_or_default())),
        _ => ("body", body?),
    };
    let fields = || -> Result<Fields> {
        let mut fields = match request.method {
            Method::GET => pairs("query", &bytes)?,
            _ => self::body(&bytes, media, &request.headers)?,
        };
        path_params.iter().for_each(|(name, value)| fields.put(name.clone(), Field::Text(value.clone())));
        Ok(fields)
    };
    let first = fields()?;
    check_targets(place, &first, cx)?;
    read(place, first, bytes.len(), fields)
}

/// Reads a JSON object that a client has sent to a route of the application, as the endpoints read theirs: an empty
/// body is an empty object, and a field that is named twice is refused. A refusal names the fields that are missing or
/// wrong, up to twenty: of an object or a list the first thing that is wrong in it, and behind a type of your own that
/// takes one kind of text only perhaps not all that are missing. Of a body of more than 64 KiB, where a
/// [`body_limit`](crate::AuthBuilder::body_limit) allows one, it names the first. What the adapters' `JsonBody` does.
///
/// # Errors
/// 415 when it is declared as something else; 400 for no object ([`Code::BadRequest`],
/// [`Code::BodyMustBeAnObject`]) and for fields that do not fit ([`Code::ValidationError`]).
pub fn read_json<T: DeserializeOwned>(cx: &Cx, bytes: &Bytes) -> Result<T> {
    let fields = || body(bytes, Media::Json, &cx.request().headers);
    read("body", fields()?, bytes.len(), fields)
}

/// So many wrong fields are told of, and so often is looked for another one.
const MOST_TOLD: usize = 20;
const MOST_LOOKS: usize = 32;
/// Of what is longer the first is told: each look costs as much as the whole is long.
const MOST_LOOKED_THROUGH: usize = 64 * 1024;

/// Reads a value, or says what is wrong with its fields. A parser stops at the first; so one that is wrong, or missing,
/// is replaced by a value that would do, if one is known, and the rest is read. `again` gives the fields once more.
fn read<T: DeserializeOwned>(
    place: &str,
    first: Fields,
    length: usize,
    again: impl Fn() -> Result<Fields>,
) -> Result<T> {
    match serde_path_to_error::deserialize(first.into_deserializer()) {
        Ok(value) => Ok(value),
        Err(error) if length > MOST_LOOKED_THROUGH => Err(told(place, vec![Problem::of(&error)])),
        Err(error) => Err(told(place, all_problems::<T>(Problem::of(&error), again()?))),
    }
}

fn all_problems<T: DeserializeOwned>(first: Problem, mut fields: Fields) -> Vec<Problem> {
    let (mut problem, mut wrong, mut stand_in) = (first, Vec::<Problem>::new(), None);
    for _ in 0..MOST_LOOKS {
        let name = problem.name().to_owned();
        if wrong.iter().all(|known| known.name() != name) {
            wrong.push(problem);
            stand_in = Some(StandIn::FIRST);
        }
        if name.is_empty() || wrong.len() == MOST_TOLD {
            break;
        }
        match stand_in {
            Some(value) => {
                fields.put(name, Field::StandIn(value));
                stand_in = value.next();
            }
            // Nothing is known that would do. Left out, it hides nothing that was sent.
            None if fields.remove(&name) => {}
            None => break,
        }
        problem = match serde_path_to_error::deserialize::<_, T>(fields.clone().into_deserializer()) {
            Ok(_) => break,
            Err(error) => Problem::of(&error),
        };
    }
    wrong
}

fn told(place: &str, wrong: Vec<Problem>) -> Error {
    let text: Vec<String> = wrong.iter().map(|it| format!("[{place}.{}] {}", it.field, it.text)).collect();
    let error = Error::from(Code::ValidationError).saying(text.join("; "));
    wrong.into_iter().fold(error, |error, Problem { field, text }| error.field(field, text))
}

/// A field that does not fit, by its whole path, and why.
struct Problem {
    field: String,
    text: String,
}

impl Problem {
    /// The parser's message may quote what it met, which may be a secret: only what it *expected* is passed on.
    fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        let path = if path == "." { "" } else { &*path };
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        match (missing, message.split_once(", expected ")) {
            (Some(field), _) if path.is_empty() => Self { field: field.to_owned(), text: "required".to_owned() },
            (Some(field), _) => Self { field: format!("{path}.{field}"), text: "required".to_owned() },
            (None, Some((_, expected))) => Self { field: path.to_owned(), text: format!("expected {expected}") },
            (None, None) => Self { field: path.to_owned(), text: message },
        }
    }

    /// The field of the request that it is in.
    fn name(&self) -> &str {
        self.field.split(['.', '[']).next().unwrap_or_default()
    }
}

fn body(bytes: &Bytes, media: Media, headers: &HeaderMap) -> Result<Fields> {
    if bytes.is_empty() {
        return Ok(Fields::default());
    }
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => json_object(bytes),
        "application/x-www-form-urlencoded" if media == Media::JsonOrForm => pairs("body", bytes),
        _ => Err(Code::UnsupportedMediaType.into()),
    }
}

fn json_object(bytes: &[u8]) -> Result<Fields> {
    match serde_json::from_slice::<Unique>(bytes) {
        Ok(Unique(Value::Object(object))) => {
            let mut fields = Fields::default();
            object.into_iter().for_each(|(name, value)| fields.put(name, Field::Json(value)));
            Ok(fields)
        }
        Ok(Unique(_)) => Err(Code::BodyMustBeAnObject.into()),
        Err(error) if error.is_data() => Err(Error::from(Code::BadRequest).saying("The body names a field twice.")),
        Err(_) => Err(Error::from(Code::BadRequest).saying("The body is not valid JSON.")),
    }
}

/// `name=value&…` of a query or a form.
fn pairs(place: &str, bytes: &[u8]) -> Result<Fields> {
    let mut fields = Fields::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        if !fields.add(name.clone().into_owned(), Field::Text(value.into_owned())) {
            return Err(Error::invalid(place, name, "given twice"));
        }
    }
    Ok(fields)
}

fn check_targets(place: &str, fields: &Fields, cx: &Cx) -> Result<()> {
    for (name, refusal) in TARGETS {
        match fields.get(name) {
            None | Some(Field::Json(Value::Null)) => {}
            Some(Field::Text(target) | Field::Json(Value::String(target))) => {
                if !cx.auth().config().trusted_origins.trusts_target(target) {
                    return Err(refusal.into());
                }
            }
            Some(Field::Json(_) | Field::StandIn(_)) => return Err(Error::invalid(place, name, "expected a string")),
        }
    }
    Ok(())
}

/// A flag that a form can only spell out as text, for request types with flattened fields, which lose what they are
/// for.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(flag)),
        Value::String(text) if text == "true" => Ok(Some(true)),
        Value::String(text) if text == "false" => Ok(Some(false)),
        _ => Err(de::Error::custom("expected true or false")),
    }
}

/// A JSON value in which no object names a field twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((name, Unique(value))) = entries.next_entry::<String, Unique>()? {
            if fields.insert(name, value).is_some() {
                return Err(de::Error::custom("a field is named twice"));
            }
        }
        Ok(Value::Object(fields))
    }
}

/// `Debug` of requests that shows nothing of what a person typed: passwords and codes are among it, and a form may send
/// them in fields of another name, too.
macro_rules! shows_nothing {
    ($($request:ident),+ $(,)?) => {$(
        impl ::std::fmt::Debug for $request {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($request)).finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use shows_nothing;

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(outcome: Result<T>) -> String {
        outcome.err().map(|error| error.code().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_field_named_twice_is_refused_at_any_depth() {
        for bad in [r#"{"a":1,"a":2}"#, r#"{"a":{"b":1,"b":1}}"#, r#"{"a":[{"b":1,"b":1}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(code(json_object(bad.as_bytes())), "BAD_REQUEST", "{bad}");
        }
        assert_eq!(code(pairs("query", b"a=1&b=2&a=3")), "VALIDATION_ERROR");
        assert!(json_object(br#"{"a":{"b":1},"c":{"b":1}}"#).is_ok());
    }

    #[test]
    fn what_is_no_object_or_no_json_is_told_apart() {
        for (body, expected) in [
            ("[]", "BODY_MUST_BE_AN_OBJECT"),
            ("1", "BODY_MUST_BE_AN_OBJECT"),
            ("{", "BAD_REQUEST"),
            ("{}x", "BAD_REQUEST"),
            ("\0", "BAD_REQUEST"),
        ] {
            assert_eq!(code(json_object(body.as_bytes())), expected, "{body}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(code(json_object(deep.as_bytes())), "BAD_REQUEST");
    }

    #[test]
    fn every_field_that_is_wrong_is_named_and_no_value_quoted() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Registration {
            _email: crate::base::Email,
            _password: crate::crypto::password_hash::Password,
            _user_id: Option<crate::base::UserId>,
            _age: Option<u8>,
            _tags: Vec<String>,
            _terms: bool,
            _home: Address,
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Address {
            _city: String,
        }
        let body = br#"{"password":4711,"userId":"4711","age":"4711","tags":[4711],"home":{"city":"Ghent"}}"#;
        let fields = || json_object(body);
        let error = read::<Registration>("body", fields().unwrap(), 0, fields).unwrap_err();
        assert_eq!(
            error.message(),
            "[body.age] expected u8; [body.password] expected a string; [body.tags[0]] expected a string; \
             [body.userId] not an identifier: 32 lower-case hexadecimal digits are expected; [body.email] required; \
             [body.terms] required"
        );
        assert!(!format!("{error:?}").contains("4711"), "{error:?}");
    }

    #[test]
    fn what_nothing_stands_in_for_hides_nothing_that_was_sent() {
        #[derive(Debug, Deserialize)]
        struct Login {
            #[serde(rename = "credentials")]
            _credentials: Credentials,
            #[serde(rename = "colour")]
            _colour: Colour,
            #[serde(rename = "provider")]
            _provider: String,
        }
        #[derive(Debug, Deserialize)]
        struct Credentials {
            #[serde(rename = "email")]
            _email: crate::base::Email,
            #[serde(rename = "attempt")]
            _attempt: u8,
        }
        #[derive(Debug, Deserialize)]
        #[serde(try_from = "String")]
        struct Colour;
        impl TryFrom<String> for Colour {
            type Error = &'static str;
            fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
                if text == "red" { Ok(Self) } else { Err("no colour") }
            }
        }
        let told = |body: &'static str| {
            let fields = || json_object(body.as_bytes());
            read::<Login>("body", fields().unwrap(), 0, fields).unwrap_err().message().to_owned()
        };
        let colour = "[body.colour] no colour";
        assert_eq!(
            told(r#"{"colour":"x","credentials":{},"provider":1}"#),
            format!("{colour}; [body.credentials.email] required; [body.provider] expected a string")
        );
        assert_eq!(told(r#"{"colour":"red"}"#), "[body.credentials] required; [body.provider] required");
        // What comes behind it and is missing, too, is told the next time.
        assert_eq!(told("{}"), "[body.credentials] required; [body.colour] required");
    }

    #[test]
    fn an_unknown_field_hides_nothing() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {
            #[serde(rename = "name")]
            _name: String,
        }
        let fields = || json_object(br#"{"age":1,"name":1}"#);
        let error = read::<Strict>("body", fields().unwrap(), 0, fields).unwrap_err();
        let names: Vec<&str> = error.fields().iter().map(|field| &*field.field).collect();
        assert_eq!(names, ["age", "name"]);
    }

    #[test]
    fn no_flood_of_fields_is_looked_at_to_its_end() {
        let body: Vec<String> = (0..8_000).map(|name| format!("\"{name}\":\"\"")).collect();
        let body = format!("{{{}}}", body.join(","));
        let fields = || json_object(body.as_bytes());
        let told = |length| {
            let counts = read::<std::collections::BTreeMap<String, u8>>("body", fields().unwrap(), length, fields);
            counts.unwrap_err().fields().len()
        };
        assert_eq!(told(MOST_LOOKED_THROUGH), MOST_TOLD);
        assert_eq!(told(MOST_LOOKED_THROUGH + 1), 1);
    }

    #[test]
    fn the_media_type_must_be_declared() {
        let headers = |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        let bytes = Bytes::from_static(b"{}");
        assert!(body(&bytes, Media::Json, &headers("Application/JSON; charset=utf-8")).is_ok());
        for bad in [
            HeaderMap::new(),
            headers("text/plain"),
            headers("application/x-www-form-urlencoded"),
            headers("application/jsonx"),
        ] {
            assert_eq!(code(body(&bytes, Media::Json, &bad)), "UNSUPPORTED_MEDIA_TYPE");
        }
        assert!(
            body(&Bytes::from_static(b"a=b"), Media::JsonOrForm, &headers("application/x-www-form-urlencoded")).is_ok()
        );
    }
}
