//! Names: actors, classes, and the references of invocations.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id, in bytes.
const MAX_BYTES: usize = 255;

/// A text that is no name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No actor's id.
    #[error("the id {id:?} {reason}")]
    Id {
        /// The text.
        id: String,
        /// The rule that it breaks: a predicate.
        reason: &'static str,
    },
    /// No class's name.
    #[error("the class name {name:?} {reason}")]
    Class {
        /// The text.
        name: String,
        /// The rule that it breaks: a predicate.
        reason: &'static str,
    },
    /// No reference of an invocation.
    #[error("{reference:?} is no reference; one is an id, `#` and a number, such as `my_counter#3`")]
    Reference {
        /// The text.
        reference: String,
    },
}

/// An actor's id, unique in its store: 1 to 255 bytes of ASCII letters, digits and `._~:@/+-`, in
/// parts separated by `/`, none of them empty or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ActorId(Box<str>);

/// A class's name: 1 to 255 bytes of ASCII letters, digits and `_.-`, beginning with a letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ClassName(Box<str>);

/// The name under which references are counted: an actor's id, or `CLASS/TASK` for a task.
///
/// An id and a task of the same spelling share one series of numbers, so a reference names one
/// invocation of the store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(Box<str>);

/// The reference of an invocation, in any process: `my_counter#3`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Reference {
    /// The actor, or `CLASS/TASK`.
    pub name: Name,
    /// The number among the invocations of the name, from 1 on.
    pub number: u64,
}

macro_rules! text {
    ($($type:ident)*) => {$(
        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text!(ActorId ClassName Name);

/// A stored name is checked as a typed one is.
macro_rules! from_stored_text {
    ($($type:ident)*) => {$(
        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<$type, InvalidName> {
                $type::new(&text)
            }
        }
    )*};
}

from_stored_text!(ActorId ClassName Name);

impl ActorId {
    /// Checks the rules of ids. [`InvalidName::Id`] if the text breaks one.
    pub fn new(text: &str) -> Result<ActorId, InvalidName> {
        let refuse = |reason: &'static str| Err(InvalidName::Id { id: text.to_owned(), reason });
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~:@/+-".contains(&b);
        match text {
            "" => refuse("is empty"),
            _ if text.len() > MAX_BYTES => refuse("is longer than 255 bytes"),
            _ if !text.bytes().all(allowed) => refuse("has a character other than letters, digits and `._~:@/+-`"),
            _ if text.split('/').any(str::is_empty) => refuse("has an empty part"),
            _ if text.split('/').any(|part| part == "..") => refuse("has a part `..`"),
            _ => Ok(ActorId(text.into())),
        }
    }
}

impl ActorId {
    /// Refuses an id that a command line would read as a flag. A new actor gets no such id; an
    /// actor that has one already stays usable.
    pub fn expect_no_flag(&self) -> Result<(), InvalidName> {
        match self.0.starts_with('-') {
            true => Err(InvalidName::Id { id: self.to_string(), reason: "begins with `-`, as a flag does" }),
            false => Ok(()),
        }
    }
}

impl ClassName {
    /// Checks the rules of class names. [`InvalidName::Class`] if the text breaks one.
    pub fn new(text: &str) -> Result<ClassName, InvalidName> {
        let refuse = |reason: &'static str| Err(InvalidName::Class { name: text.to_owned(), reason });
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        match text.as_bytes() {
            [] => refuse("is empty"),
            _ if text.len() > MAX_BYTES => refuse("is longer than 255 bytes"),
            [first, ..] if !first.is_ascii_alphabetic() => refuse("does not begin with a letter"),
            bytes if !bytes.iter().all(|b| allowed(*b)) => {
                refuse("has a character other than letters, digits and `_.-`")
            }
            _ => Ok(ClassName(text.into())),
        }
    }
}

impl FromStr for ActorId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ActorId, InvalidName> {
        ActorId::new(text)
    }
}

impl FromStr for ClassName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ClassName, InvalidName> {
        ClassName::new(text)
    }
}

impl Name {
    /// Checks that a text is an actor's id or `CLASS/TASK`. [`InvalidName::Id`] if it is neither.
    pub fn new(text: &str) -> Result<Name, InvalidName> {
        let is_task = |(class, task): (&str, &str)| ClassName::new(class).is_ok() && is_identifier(task);
        match ActorId::new(text) {
            Ok(id) => Ok(Name(id.0)),
            Err(_) if text.split_once('/').is_some_and(is_task) => Ok(Name(text.into())),
            Err(error) => Err(error),
        }
    }

    /// The name of a task.
    pub fn task(class: &ClassName, task: &str) -> Name {
        Name(format!("{class}/{task}").into())
    }

    /// The name as an actor's id. [`InvalidName::Id`] if only a task can have it.
    pub fn actor(&self) -> Result<ActorId, InvalidName> {
        ActorId::new(&self.0)
    }

    /// A name that is known to be valid, or that names a lock of another kind than those of actors
    /// and tasks. Nothing is checked: text that comes from a store goes through [`Name::new`].
    pub fn new_unchecked(text: &str) -> Name {
        Name(text.into())
    }
}

/// Whether a text can name a method or a parameter: letters, digits, `_` and `-`, beginning with a
/// letter or `_`; at most 255 bytes.
pub(crate) fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.len() <= MAX_BYTES && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl From<&ActorId> for Name {
    fn from(id: &ActorId) -> Name {
        Name(id.0.clone())
    }
}

impl Reference {
    /// The reference of a name and a number.
    pub fn new(name: impl Into<Name>, number: u64) -> Reference {
        Reference { name: name.into(), number }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name, self.number)
    }
}

impl FromStr for Reference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Reference, InvalidName> {
        let invalid = || InvalidName::Reference { reference: text.to_owned() };
        let (name, number) = text.rsplit_once('#').ok_or_else(invalid)?;
        // the rules of tasks and of ids differ
        let valid = !name.is_empty() && name.len() <= 2 * MAX_BYTES + 1 && name.bytes().all(|b| b.is_ascii_graphic());
        match number.parse() {
            Ok(number) if number > 0 && valid => Ok(Reference { name: Name(name.into()), number }),
            _ => Err(invalid()),
        }
    }
}

/// The name among `names` that a mistyped one was most likely meant to be.
pub fn similar<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_id_is_refused_with_its_reason() {
        let long = "x".repeat(256);
        for (id, why) in [
            ("", "empty"),
            ("x//y", "empty part"),
            ("/x", "empty part"),
            ("x/", "empty part"),
            ("..", "`..`"),
            ("a/../b", "`..`"),
            ("a\u{7}b", "character"),
            ("a b", "character"),
            ("a#1", "character"),
            ("é", "character"),
            (long.as_str(), "longer"),
        ] {
            let error = ActorId::new(id).unwrap_err().to_string();
            assert!(error.contains(why), "{id:?}: {error}");
        }
    }

    #[test]
    fn valid_id_is_accepted() {
        let longest = "x".repeat(255);
        for id in [
            "a",
            "my_counter",
            "user:1@example.org/orders/~x-1.2",
            "...",
            "1",
            "+43/ada+news@example.org",
            "-x",
            longest.as_str(),
        ] {
            assert_eq!(ActorId::new(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn name_is_an_id_or_a_class_and_a_task() {
        let longest = format!("{}/{}", "c".repeat(255), "t".repeat(255));
        for name in ["a", "user:1/cart", "counter/add_all", "my.class/_task-1", longest.as_str()] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
        for name in ["", "..", "a b", "a#1", "#worker", "1class/a_b\n", "counter/a!b", "a/../b"] {
            assert!(Name::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn stored_name_is_checked_when_it_is_read() {
        assert_eq!(serde_json::from_str::<Name>(r#""counter/add_all""#).unwrap().as_str(), "counter/add_all");
        assert_eq!(serde_json::to_string(&Name::new_unchecked("a")).unwrap(), r#""a""#);
        assert!(serde_json::from_str::<Name>(r#""..""#).is_err());
        assert!(serde_json::from_str::<ActorId>(r#""a b""#).is_err());
        assert!(serde_json::from_str::<ClassName>(r#""1""#).is_err());
    }

    #[test]
    fn reference_is_read_as_it_is_printed() {
        let reference: Reference = "user:1/cart#12".parse().unwrap();
        assert_eq!((reference.name.as_str(), reference.number), ("user:1/cart", 12));
        assert_eq!(reference.to_string(), "user:1/cart#12");
        for bad in ["", "#1", "a", "a#", "a#0", "a#-1", "a#x", "a b#1"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad:?}");
        }
    }
}
