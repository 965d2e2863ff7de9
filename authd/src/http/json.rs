//! JSON read strictly: no name twice in one object at any depth, no unknown names, no NUL, nothing
//! behind the document, objects only where objects are meant. Depth and numbers are bounded by
//! `serde_json` itself.

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Number, Value};

use super::fault::{Fault, shown};

/// Reads one document.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let document: Unambiguous = serde_json::from_slice(bytes).map_err(|error| {
        // The texts of serde_json name what was expected; ours name a key. Neither holds a value.
        Fault::unfit(error.to_string())
    })?;
    T::deserialize(Node(document.0))
}

/// A document in which each name stands once an object.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Self)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        if value.contains('\0') {
            return Err(E::custom("a string must not hold NUL"));
        }
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let name = shown(&name);
                return Err(de::Error::custom(format!("\"{name}\" stands there twice")));
            }
            let Unambiguous(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// A value that tells where it did not fit.
struct Node(Value);

impl<'de> Deserializer<'de> for Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => visit_number(&number, visitor),
            Value::String(value) => visitor.visit_string(value),
            Value::Array(items) => visitor.visit_seq(Items {
                items: items.into_iter(),
                index: 0,
            }),
            Value::Object(members) => visitor.visit_map(Members::of(members, None)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::of(members, Some(fields))),
            _ => Err(Fault::unfit("expected an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let choice = match self.0 {
            Value::String(variant) => Some((variant, None)),
            Value::Object(members) if members.len() == 1 => members
                .into_iter()
                .next()
                .map(|(variant, content)| (variant, Some(Self(content)))),
            _ => None,
        };
        let Some((variant, content)) = choice else {
            let variants = variants.join(", ");
            return Err(Fault::unfit(format!("expected one of: {variants}")));
        };
        visitor.visit_enum(Choice { variant, content })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Fault> {
    if let Some(value) = number.as_u64() {
        return visitor.visit_u64(value);
    }
    if let Some(value) = number.as_i64() {
        return visitor.visit_i64(value);
    }
    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
}

struct Items {
    items: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index = index.saturating_add(1);
        seed.deserialize(Node(item))
            .map(Some)
            .map_err(|fault| fault.within(index.to_string()))
    }
}

struct Members {
    rest: serde_json::map::IntoIter,
    known: Option<&'static [&'static str]>,
    next: Option<(String, Value)>,
}

impl Members {
    fn of(members: Map<String, Value>, known: Option<&'static [&'static str]>) -> Self {
        Self {
            rest: members.into_iter(),
            known,
            next: None,
        }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        if let Some(known) = self.known
            && !known.contains(&name.as_str())
        {
            return Err(Fault::unknown(&name, known));
        }
        self.next = Some((name.clone(), value));
        let key: StringDeserializer<Fault> = name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let (name, value) = self.next.take().unwrap_or_default();
        seed.deserialize(Node(value))
            .map_err(|fault| fault.within(name))
    }
}

struct Choice {
    variant: String,
    content: Option<Node>,
}

impl<'de> EnumAccess<'de> for Choice {
    type Error = Fault;
    type Variant = Content;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content), Fault> {
        let name: StringDeserializer<Fault> = self.variant.clone().into_deserializer();
        let content = Content {
            variant: self.variant,
            content: self.content,
        };
        Ok((seed.deserialize(name)?, content))
    }
}

struct Content {
    variant: String,
    content: Option<Node>,
}

impl Content {
    fn of_kind(self, expected: &str) -> Result<(String, Node), Fault> {
        let fault = || Fault::unfit(format!("expected {expected} in this choice"));
        let node = self.content.ok_or_else(fault)?;
        Ok((self.variant, node))
    }
}

impl<'de> VariantAccess<'de> for Content {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(Fault::unfit("expected the name of this choice alone")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let (variant, node) = self.of_kind("a value")?;
        seed.deserialize(node)
            .map_err(|fault| fault.within(variant))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        let (variant, node) = self.of_kind("an array")?;
        node.deserialize_any(visitor)
            .map_err(|fault| fault.within(variant))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (variant, node) = self.of_kind("an object")?;
        node.deserialize_struct("", fields, visitor)
            .map_err(|fault| fault.within(variant))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use common::error::ErrorCode;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        email: String,
        #[serde(default)]
        device: Option<Device>,
        #[serde(default)]
        references: BTreeMap<String, String>,
        #[serde(default)]
        counts: Vec<u8>,
        #[serde(default)]
        choice: Option<Pick>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Device {
        name: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Pick {
        Plain,
        Given(String),
        Shaped { size: u32 },
    }

    fn refused(text: impl AsRef<[u8]>) -> (ErrorCode, String) {
        let error = read::<Sample>(text.as_ref()).unwrap_err().in_body();
        (error.code, error.developer_message.into_owned())
    }

    #[test]
    fn whole_documents_are_read() {
        let text = r#" {"email":"a","device":{"name":"é\ud83d\ude00"},"references":{"x":"y"},
            "counts":[1,2],"choice":{"shaped":{"size":3}}} "#;
        let sample: Sample = read(text.as_bytes()).unwrap();
        assert_eq!(sample.device.unwrap().name, "é😀");
        assert_eq!(sample.choice, Some(Pick::Shaped { size: 3 }));
        let choice = |text: &str| read::<Pick>(text.as_bytes()).unwrap();
        assert_eq!(choice(r#""plain""#), Pick::Plain);
        assert_eq!(choice(r#"{"given":"x"}"#), Pick::Given("x".to_owned()));
    }

    #[test]
    fn a55_one_name_twice_is_refused_at_every_depth() {
        for text in [
            r#"{"email":"a","email":"b"}"#,
            r#"{"email":"a","\u0065mail":"b"}"#,
            r#"{"email":"a","device":{"name":"x","name":"x"}}"#,
            r#"{"email":"a","references":{"x":"1","x":"2"}}"#,
        ] {
            let (code, message) = refused(text);
            assert_eq!(code, ErrorCode::MalformedRequest);
            assert!(message.contains("twice"), "{message}");
        }
    }

    #[test]
    fn rule_29_unknown_names_are_told_with_the_nearest() {
        let (code, message) = refused(r#"{"emial":"a"}"#);
        assert_eq!(code, ErrorCode::UnknownField);
        assert_eq!(message, r#"unknown field "/emial"; did you mean "email"?"#);
        let (code, message) = refused(r#"{"email":"a","device":{"name":"x","q/\u001b":1}}"#);
        assert_eq!(code, ErrorCode::UnknownField);
        assert!(message.contains(r"/device/q/\u{1b}"), "{message}");
    }

    #[test]
    fn a55_hostile_documents_are_refused_without_their_values() {
        let deep = "[".repeat(100_000);
        let digits = format!(
            "{{\"email\":\"hunter2\",\"counts\":[{}]}}",
            "9".repeat(60_000)
        );
        let corpus: Vec<Vec<u8>> = [
            "",
            "{",
            "nul",
            "[]",
            "\"hunter2\"",
            "42",
            "null",
            "{\"email\":\"hunter2\"} x",
            "{\"email\":\"hunter2\"}{}",
            "\u{feff}{\"email\":\"hunter2\"}",
            "{\"email\":\"hunter2\\ud800\"}",
            "{\"email\":\"hunter2\\u0000\"}",
            "{\"email\":\"hunter2\u{0}\"}",
            "{\"email\":\"hunter2\",\"counts\":[1e400]}",
            "{\"email\":\"hunter2\",\"counts\":[256]}",
            "{\"email\":\"hunter2\",\"counts\":[1.5]}",
            "{\"email\":\"hunter2\",\"counts\":[NaN]}",
            "{\"email\":[\"hunter2\"]}",
            "{\"email\":\"a\",\"counts\":\"hunter2\"}",
            "{\"email\":\"a\",\"device\":\"hunter2\"}",
            "{\"email\":\"a\",\"device\":[\"hunter2\"]}",
            "{\"email\":\"a\",\"choice\":\"hunter2\"}",
            "{\"email\":\"a\",\"choice\":{\"shaped\":\"hunter2\"}}",
            "{\"email\":null}",
            "{'email':'hunter2'}",
            "{\"email\":\"hunter2\",}",
            "// hunter2\n{\"email\":\"a\"}",
            &deep,
            &digits,
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([
            b"{\"email\":\"hunter2\xff\"}".to_vec(),
            b"\xff\xfe{\0}\0".to_vec(),
        ])
        .collect();
        for text in corpus {
            let (code, message) = refused(&text);
            assert_eq!(code, ErrorCode::MalformedRequest);
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn the_place_is_told() {
        let (_, message) = refused("{\"email\":\"a\",\n \"counts\":[1,true]}");
        assert_eq!(message, "/counts/1: expected u8, got a boolean");
        let (_, message) = refused("{\"email\":\"a\",\n oops}");
        assert!(message.contains("line 2 column"), "{message}");
        let (_, message) = refused("{}");
        assert_eq!(message, "body: email is missing");
    }
}
