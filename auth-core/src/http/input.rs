//! From bytes to a request value: one object out of path and body, or path and query, then one parse.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::field::{Field, Fields};
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
    let (place, mut fields) = match request.method {
        Method::GET => ("query", pairs("query", raw.query.as_deref().unwrap_or_default().as_bytes())?),
        _ => ("body", body(&raw.body?, media, &request.headers)?),
    };
    for (name, value) in raw.path_params {
        fields.put(name, Field::Text(value));
    }
    check_targets(place, &fields, cx)?;
    serde_path_to_error::deserialize(fields.into_deserializer()).map_err(|error| {
        let message = error.inner().to_string();
        validation_error(place, &error.path().to_string(), &message)
    })
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
            return Err(validation_error(place, &name, "given twice"));
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
            Some(Field::Json(_)) => return Err(validation_error(place, name, "expected a string")),
        }
    }
    Ok(())
}

/// `message` comes from the parser and may quote what it met, which may be a secret: only what it *expected* is passed
/// on.
fn validation_error(place: &str, path: &str, message: &str) -> Error {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let (field, message) = match (missing, message.split_once(", expected ")) {
        (Some(field), _) => (field.to_owned(), "required".to_owned()),
        (None, Some((_, expected))) => (path.to_owned(), format!("expected {expected}")),
        (None, None) => (path.to_owned(), message.to_owned()),
    };
    Error::invalid(place, field, message)
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
    fn a_validation_error_names_the_field_and_quotes_no_value() {
        let error = validation_error("body", "password", "invalid type: integer `4711`, expected a string");
        assert_eq!(error.message(), "[body.password] expected a string");
        assert_eq!(validation_error("body", ".", "missing field `email`").fields()[0].field, "email");
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
