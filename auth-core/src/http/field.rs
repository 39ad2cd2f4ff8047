//! A field of a request: JSON as it is, or text of a path, query or form that stands for whatever is asked of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserializer;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// One value. Text becomes a number or a flag where the request type wants one: text has no types of its own.
#[derive(Clone, Debug)]
pub(super) enum Field {
    /// From a JSON body.
    Json(Value),
    /// From a path, a query or a form.
    Text(String),
    /// In place of one that is known to be wrong, so that the others can be judged: nothing is ever made of it.
    StandIn(StandIn),
}

/// In place of a field that is missing or wrong: the least value of whatever type is asked for. Texts are tried one after
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StandIn(usize);

/// What the types of request fields accept: any text, some text, an address, an id, a telephone number, a password.
const TEXTS: [&str; 6] =
    ["", "a", "somebody@example.com", "00000000000000000000000000000000", "+15555550100", "Zebra-Violet-4217"];

impl StandIn {
    pub(super) const FIRST: Self = Self(0);

    /// The next one to try, if there is one.
    pub(super) fn next(self) -> Option<Self> {
        Some(Self(self.0 + 1)).filter(|next| next.0 < TEXTS.len())
    }

    fn text(self) -> &'static str {
        TEXTS[self.0]
    }
}

/// The fields of a request by name. A tree, so that a body of thousands of names costs no more than reading it.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(BTreeMap<String, Field>);

impl Fields {
    /// Adds a field; `false`, and nothing changes, when the name is there already.
    pub(super) fn add(&mut self, name: String, field: Field) -> bool {
        match self.0.entry(name) {
            Entry::Vacant(place) => {
                place.insert(field);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Puts a field in place of any other of its name.
    pub(super) fn put(&mut self, name: String, field: Field) {
        self.0.insert(name, field);
    }

    /// Takes a field out; `false` when there is none of the name.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.0.get(name)
    }

    /// What a request type is read from.
    pub(super) fn into_deserializer(self) -> impl Deserializer<'static, Error = Error> {
        MapDeserializer::new(self.0.into_iter())
    }
}

impl IntoDeserializer<'_, Error> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Text that does not parse is shown to the visitor as it is, which refuses it and says what it expected.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Self::Json(value) => value.$method(visitor),
                Self::Text(text) => match text.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => visitor.visit_string(text),
                },
                Self::StandIn(_) => visitor.$visit(<$type>::default()),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Field {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Json(value) => value.deserialize_any(visitor),
            Self::Text(text) => visitor.visit_string(text),
            Self::StandIn(StandIn::FIRST) => visitor.visit_unit(),
            Self::StandIn(stand_in) => visitor.visit_str(stand_in.text()),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::StandIn(stand_in) => visitor.visit_str(stand_in.text()),
            Self::Json(_) | Self::Text(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::StandIn(_) => visitor.visit_seq(SeqDeserializer::<_, Error>::new(std::iter::empty::<Self>())),
            Self::Json(_) | Self::Text(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::StandIn(_) => visitor.visit_map(MapDeserializer::new(std::iter::empty::<(String, Self)>())),
            Self::Json(_) | Self::Text(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            // What is tried for one is tried for all.
            Self::StandIn(stand_in) => {
                let fields = fields.iter().map(|field| (*field, Self::StandIn(stand_in)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            Self::Json(_) | Self::Text(_) => self.deserialize_any(visitor),
        }
    }

    parsed! {
        deserialize_bool visit_bool bool;
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Json(value) => value.deserialize_option(visitor),
            Self::Text(_) => visitor.visit_some(self),
            Self::StandIn(_) => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Json(value) => value.deserialize_newtype_struct(name, visitor),
            Self::Text(_) | Self::StandIn(_) => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Json(value) => value.deserialize_enum(name, variants, visitor),
            Self::Text(text) => visitor.visit_enum(IntoDeserializer::<Error>::into_deserializer(text)),
            Self::StandIn(_) => {
                let first = variants.first().copied().unwrap_or_default();
                visitor.visit_enum(IntoDeserializer::<Error>::into_deserializer(first))
            }
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        Latest,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Page {
        limit: u32,
        all: Option<bool>,
        order: Order,
        name: String,
        before: Option<i64>,
    }

    fn page(limit: &str) -> Result<Page, Error> {
        let mut fields = Fields::default();
        for (name, value) in [("limit", limit), ("all", "true"), ("order", "latest"), ("name", "7")] {
            assert!(fields.add(name.to_owned(), Field::Text(value.to_owned())));
        }
        Page::deserialize(fields.into_deserializer())
    }

    #[test]
    fn text_becomes_what_the_request_type_asks_for() {
        let expected = Page { limit: 20, all: Some(true), order: Order::Latest, name: "7".to_owned(), before: None };
        assert_eq!(page("20").unwrap(), expected);
    }

    #[test]
    fn text_that_is_no_number_is_refused_by_what_was_expected() {
        for bad in ["", "-1", "1.5", "4294967296", "x"] {
            assert!(page(bad).unwrap_err().to_string().contains("expected u32"), "{bad}");
        }
    }

    #[test]
    fn json_keeps_its_types() {
        let mut fields = Fields::default();
        fields.put("limit".to_owned(), Field::Json(Value::from("20")));
        assert!(Page::deserialize(fields.into_deserializer()).unwrap_err().to_string().contains("expected u32"));
    }
}
