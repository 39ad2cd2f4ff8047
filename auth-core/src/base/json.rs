//! JSON that can be read in one way only: no object names a member twice, and nesting has an end.
//!
//! RFC 8259 §4 leaves it open which of two members of one name counts. Two readers that choose differently see two
//! documents, and one of them may be the one that decides.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Levels of objects and arrays in a document, the outermost included.
const DEEPEST: usize = 32;

/// Reads a document that must be an object and that names no member twice, at any depth.
///
/// # Errors
/// [`NotUnambiguous`] for anything else, and when `T` does not fit.
pub(crate) fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotUnambiguous> {
    Unambiguous::parse(bytes)?.read()
}

/// A document that is an object and names no member twice, at any depth: it may be read as several things.
#[derive(Clone, Copy)]
pub(crate) struct Unambiguous<'d>(&'d [u8]);

impl<'d> Unambiguous<'d> {
    /// # Errors
    /// [`NotUnambiguous`] for anything else.
    pub(crate) fn parse(bytes: &'d [u8]) -> Result<Self, NotUnambiguous> {
        let mut whole = serde_json::Deserializer::from_slice(bytes);
        whole.deserialize_map(Shape { levels_left: DEEPEST }).map_err(|_| NotUnambiguous)?;
        whole.end().map_err(|_| NotUnambiguous)?;
        Ok(Self(bytes))
    }

    /// # Errors
    /// [`NotUnambiguous`] when `T` does not fit.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, NotUnambiguous> {
        object(&mut serde_json::Deserializer::from_slice(self.0)).map_err(|_| NotUnambiguous)
    }
}

/// Reads a `T` from an object only. A derived `Deserialize` would take the fields of a struct from an array as well.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectOnly(PhantomData))
}

/// For `#[serde(default, deserialize_with = "…")]`: a member may be missing, but `null` is no value of it, unless `T`
/// is itself an option: then it is told from one that is missing.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The document is not JSON, or not of the expected shape, or could be read in two ways. It says no more, so that
/// nothing of the document is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an unambiguous JSON object of the expected shape")]
pub(crate) struct NotUnambiguous;

struct ObjectOnly<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOnly<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// Walks over a value and keeps nothing of it but the names of the objects that are open.
#[derive(Clone, Copy)]
struct Shape {
    levels_left: usize,
}

impl Shape {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let levels_left = self.levels_left.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { levels_left })
    }
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _value: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = self.deeper()?;
        while items.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let member = self.deeper()?;
        let mut names = Names::default();
        while let Some(name) = members.next_key()? {
            if !names.insert(name) {
                return Err(de::Error::custom("a member is named twice"));
            }
            members.next_value_seed(member)?;
        }
        Ok(())
    }
}

/// As it is read, so that `\u0061` is the name `a`; borrowed unless it is written in that way.
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

/// The names of one object. The first ones are compared one by one, which is faster as long as they are few.
#[derive(Default)]
struct Names<'de> {
    first: Vec<Name<'de>>,
    more: HashSet<Name<'de>>,
}

impl<'de> Names<'de> {
    const FIRST: usize = 32;

    /// Whether it is a new one.
    fn insert(&mut self, name: Name<'de>) -> bool {
        if self.first.contains(&name) {
            return false;
        }
        if self.first.len() < Self::FIRST {
            self.first.push(name);
            return true;
        }
        self.more.insert(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn is_read(text: &str) -> bool {
        parse_object::<Value>(text.as_bytes()).is_ok()
    }

    #[test]
    fn a_member_named_twice_is_refused_at_any_depth() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert!(!is_read(bad), "{bad}");
        }
        assert!(is_read(r#"{"a":{"b":1},"c":{"b":1},"A":[null,true,-1,1.5,"x"]}"#));
    }

    #[test]
    fn a_member_named_twice_is_refused_among_however_many() {
        let object = |members: usize, twice: usize| {
            let names = (0..members).chain([twice]).map(|name| format!("\"{name}\":{{}}"));
            format!("{{{}}}", names.collect::<Vec<_>>().join(","))
        };
        for members in [1, 31, 32, 33, 34, 200] {
            assert!(is_read(&object(members, members)), "{members}");
            for twice in [0, members / 2, members - 1] {
                assert!(!is_read(&object(members, twice)), "{twice} of {members}");
            }
        }
    }

    #[test]
    fn only_an_object_is_read_and_only_the_whole_input() {
        for bad in ["", " ", "[]", "1", "null", "\"{}\"", "{", "{}x", "{}{}", "{\"a\":1,}", "\u{feff}{}", "\0{}"] {
            assert!(!is_read(bad), "{bad:?}");
        }
        assert!(is_read(" \r\n\t{ } \n"));
    }

    #[test]
    fn nesting_ends_at_32_levels() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(is_read(&nested(32)));
        assert!(!is_read(&nested(33)));
        assert!(!is_read(&nested(100_000)));
    }

    #[test]
    fn a_struct_is_not_read_from_an_array_and_null_is_no_value() {
        #[derive(serde::Deserialize)]
        struct Named {
            #[serde(default, deserialize_with = "present")]
            name: Option<String>,
        }
        assert!(parse_object::<Named>(br#"["x"]"#).is_err());
        assert!(parse_object::<Named>(br#"{"name":null}"#).is_err());
        assert_eq!(parse_object::<Named>(b"{}").unwrap().name, None);
        assert_eq!(parse_object::<Named>(br#"{"name":"x"}"#).unwrap().name.as_deref(), Some("x"));
    }
}
