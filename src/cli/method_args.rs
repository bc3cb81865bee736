//! The arguments of a method, from the words of the command line.

mod json_types;

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};
use vactor::{Error, Limit, Method, Parameter, read_value, shortened};

use crate::cli::complete;
use crate::cli::encoding::{self, after, rest};
use crate::cli::output::Problem;
use json_types::{JsonType, JsonTypes};

/// The id of the argument that takes the parameters.
pub const WORDS: &str = "words";

// No doc comment: clap would take it for the command's description.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct MethodArgs {
    /// The method's arguments: in their order, then NAME=VALUE
    ///
    /// A string needs no quotes; anything else is JSON. `-` takes the value from stdin, `@FILE` from a file, both
    /// without a line end that closes a text. `NAME:=TEXT` gives a parameter the text as it stands. After `--` nothing is
    /// a flag. What is left out has its default.
    #[arg(value_name = "ARG", add = complete::arguments())]
    words: Vec<OsString>,
    /// All arguments at once, a JSON object by name; `-` takes it from stdin, `@FILE` from a file
    #[arg(long = "args", value_name = "JSON", conflicts_with = "words")]
    all: Option<OsString>,
}

/// Where arguments that are not typed come from.
pub struct ValueSources<'a> {
    pub stdin: &'a mut dyn Read,
    /// What took stdin already.
    pub taken_by: Option<String>,
    /// More bytes than that are not read.
    pub limit: u64,
    /// What was taken for a string though it may have been meant as something else.
    pub notes: Vec<String>,
}

impl<'a> ValueSources<'a> {
    pub fn new(stdin: &'a mut dyn Read, limit: u64) -> ValueSources<'a> {
        ValueSources { stdin, taken_by: None, limit, notes: Vec::new() }
    }
}

impl MethodArgs {
    /// The arguments by name, without defaults and unchecked beyond what reading them needs. The method is asked for
    /// only where it is needed.
    pub fn read(
        &self,
        method: impl FnOnce() -> Result<Method, Problem>,
        sources: &mut ValueSources,
    ) -> Result<Value, Problem> {
        match &self.all {
            Some(all) => read_all(all, sources),
            None if self.words.is_empty() => Ok(Value::Object(Map::new())),
            None => ArgumentReader { method: &method()?, sources, given: Map::new(), positions: 0 }.read(&self.words),
        }
    }
}

fn read_all(word: &OsStr, sources: &mut ValueSources) -> Result<Value, Problem> {
    let text = ValueOrigin::of(word).read("--args", sources)?;
    match read_value(without_mark(&text)) {
        Ok(arguments @ Value::Object(_)) => Ok(arguments),
        Ok(_) => Err(Problem::input("`--args` is not a JSON object")
            .hint("it has the parameters' names as its keys, such as `--args '{\"val\": 1}'`")),
        Err(error) => Err(Problem::input(error.of("`--args`")).hint("such as `--args '{\"val\": 1}'`")),
    }
}

/// A value that no schema speaks for: JSON, else the text itself, with a note. What begins as an array, an object or a
/// string in quotes is meant to be one.
pub fn read_untyped(word: &OsStr, name: &str, sources: &mut ValueSources) -> Result<Value, Problem> {
    let text = ValueOrigin::of(word).read(name, sources)?;
    let json = without_mark(&text);
    match read_value(json) {
        Ok(value) => Ok(value),
        Err(error) if begins_as(json, "[{\"") => {
            let hint = match error.is_syntax() {
                true => "a string that begins like this is written in JSON's quotes, such as `'\"{draft}\"'`",
                false => "give each key of an object once; what is nested deeper can be sent as a string, in quotes",
            };
            Err(Problem::input(error.of(name)).hint(hint))
        }
        Err(_) => {
            let text = without_line_end(&text);
            sources.notes.push(format!("{name} is not JSON: it is sent as the string {}", quoted(text)));
            Ok(Value::from(text))
        }
    }
}

fn begins_as(json: &str, characters: &str) -> bool {
    json.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(|first| characters.contains(first))
}

/// The beginning of a text as a JSON string.
fn quoted(text: &str) -> String {
    Value::from(shortened(text, 40)).to_string()
}

/// A typed text may have been read from a file that begins with a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A file or a program closes its text with a line end that is not meant.
fn without_line_end(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

struct ArgumentReader<'a, 's> {
    method: &'a Method,
    sources: &'a mut ValueSources<'s>,
    given: Map<String, Value>,
    /// How many arguments had no name.
    positions: usize,
}

/// A word that says which parameter it is for.
struct NamedWord<'w> {
    name: &'w str,
    text: &'w OsStr,
    /// `name:=text`
    literal: bool,
}

impl ArgumentReader<'_, '_> {
    fn read(mut self, words: &[OsString]) -> Result<Value, Problem> {
        for word in words {
            self.word(word)?;
        }
        Ok(Value::Object(self.given))
    }

    fn word(&mut self, word: &OsStr) -> Result<(), Problem> {
        let method = self.method;
        let position = method.parameters.get(self.positions);
        if let Some(NamedWord { name, text, literal }) = NamedWord::of(word) {
            if let Some(parameter) = method.parameters.iter().find(|parameter| parameter.name == name) {
                let value = if literal { self.as_it_stands(parameter, text) } else { self.value(parameter, text) };
                return self.give(name, value?);
            }
            if !position.is_some_and(takes_text) {
                return Err(self.unknown(name));
            }
        }
        let parameter = position.ok_or_else(|| self.too_many(word))?;
        self.positions += 1;
        let value = self.value(parameter, word)?;
        self.give(&parameter.name, value)
    }

    fn give(&mut self, name: &str, value: Value) -> Result<(), Problem> {
        match self.given.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(self.method.refuse(format!("{name} is given twice")).into()),
        }
    }

    fn value(&mut self, parameter: &Parameter, word: &OsStr) -> Result<Value, Problem> {
        let origin = ValueOrigin::of(word);
        if let ValueOrigin::Typed(text) = origin {
            return self.typed(parameter, typed(text, &parameter.name)?);
        }
        let taken = JsonTypes::by(&parameter.schema);
        let read = origin.read(&parameter.name, self.sources).map_err(|problem| match origin {
            ValueOrigin::File(_) if &*problem.kind == "no-file" && taken.has(JsonType::String) => {
                problem.hint(format!("`{}:={}` gives the text as it stands", parameter.name, word.display()))
            }
            _ => problem,
        })?;
        if !taken.has(JsonType::String) {
            return self.json(parameter, &read);
        }
        let text = without_line_end(&read);
        // what a file or a program says is data: that it happens to say `null` makes it no null
        let only_text = taken.without(JsonType::String).without(JsonType::Null).is_empty();
        if only_text { Ok(Value::String(text.to_owned())) } else { self.typed(parameter, text) }
    }

    /// A value by its parameter's schema: a text where only a text can be meant, JSON where none can, and where both
    /// can, JSON of a type that the schema takes before text.
    fn typed(&mut self, parameter: &Parameter, text: &str) -> Result<Value, Problem> {
        let taken = JsonTypes::by(&parameter.schema);
        if !taken.has(JsonType::String) {
            return self.json(parameter, text);
        }
        let others = taken.without(JsonType::String);
        let only_text = others.without(JsonType::Null).is_empty();
        let json = without_mark(text);
        match read_value(json) {
            Ok(value) if others.has_type_of(&value) => Ok(value),
            // a text in quotes, where quotes are needed to tell a text from the other things that may stand here
            Ok(Value::String(quoted)) if !only_text => Ok(Value::String(quoted)),
            Err(_) if !only_text && begins_as(json, &others.first_characters()) => self
                .json(parameter, json)
                .map_err(|problem| problem.hint(format!("`{}:=TEXT` gives a text as it stands", parameter.name))),
            _ => {
                if !only_text {
                    let (name, shown) = (&parameter.name, quoted(text));
                    self.sources.notes.push(format!("{name} is sent as the string {shown}; `{name}:=TEXT` says so"));
                }
                Ok(Value::String(text.to_owned()))
            }
        }
    }

    fn as_it_stands(&self, parameter: &Parameter, text: &OsStr) -> Result<Value, Problem> {
        let text = typed(text, &parameter.name)?;
        if takes_text(parameter) { Ok(Value::String(text.to_owned())) } else { self.json(parameter, text) }
    }

    fn json(&self, parameter: &Parameter, text: &str) -> Result<Value, Problem> {
        read_value(without_mark(text)).map_err(|error| {
            let name = &parameter.name;
            if begins_as(text, &JsonTypes::by(&parameter.schema).first_characters()) {
                return self.method.refuse(error.of(name)).into();
            }
            let wanted = vactor::type_name(&parameter.schema);
            let place = if text.len() > 40 { format!(": {error}") } else { String::new() };
            self.method.refuse(format!("{name}: `{}` is no {wanted} in JSON{place}", shortened(text, 40))).into()
        })
    }

    fn unknown(&self, name: &str) -> Problem {
        let names = self.method.parameters.iter().map(|parameter| parameter.name.as_str());
        let problem = Problem::from(self.method.refuse(format!("there is no parameter {name}")));
        match vactor::similar(name, names) {
            Some(similar) => {
                problem.hint(format!("did you mean `{similar}=`? The method is `{}`", self.method.signature()))
            }
            None => problem,
        }
    }

    fn too_many(&self, word: &OsStr) -> Problem {
        let most = self.method.parameters.len();
        let count = match most {
            0 => "it takes no arguments".to_owned(),
            1 => "it takes one argument".to_owned(),
            _ => format!("it takes {most} arguments"),
        };
        self.method.refuse(format!("`{}` is one too many, {count}", shortened(&word.to_string_lossy(), 40))).into()
    }
}

fn takes_text(parameter: &Parameter) -> bool {
    JsonTypes::by(&parameter.schema).has(JsonType::String)
}

impl NamedWord<'_> {
    fn of(word: &OsStr) -> Option<NamedWord<'_>> {
        let end = word.as_encoded_bytes().iter().position(|byte| *byte == b'=')?;
        let name = std::str::from_utf8(&word.as_encoded_bytes()[..end]).ok()?;
        let (name, literal) = match name.strip_suffix(':') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_name = starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let text = rest(word, end + 1).filter(|_| is_name)?;
        Some(NamedWord { name, text, literal })
    }
}

/// A value that was typed, which is text.
fn typed<'w>(word: &'w OsStr, name: &str) -> Result<&'w str, Problem> {
    word.to_str().ok_or_else(|| {
        let problem = Problem::input(format!("{name}: `{}` is not UTF-8 text", shortened(&word.to_string_lossy(), 40)));
        problem.hint("a value is text, and only a path after `@` may be anything else")
    })
}

/// Where a value is.
#[derive(Clone, Copy)]
enum ValueOrigin<'w> {
    Typed(&'w OsStr),
    Stdin,
    File(&'w Path),
}

impl ValueOrigin<'_> {
    fn of(word: &OsStr) -> ValueOrigin<'_> {
        match after("@", word) {
            Some(path) => ValueOrigin::File(Path::new(path)),
            None if word == "-" => ValueOrigin::Stdin,
            None => ValueOrigin::Typed(word),
        }
    }

    /// The text that is there, for the parameter (or flag) `name`.
    fn read(self, name: &str, sources: &mut ValueSources) -> Result<String, Problem> {
        let (place, bytes) = match self {
            ValueOrigin::Typed(text) => return typed(text, name).map(str::to_owned),
            ValueOrigin::Stdin => {
                if let Some(first) = sources.taken_by.replace(name.to_owned()) {
                    return Err(Problem::input(format!("both {first} and {name} are to come from stdin")));
                }
                ("stdin".to_owned(), read_at_most(&mut *sources.stdin, sources.limit))
            }
            ValueOrigin::File(path) => {
                let file = std::fs::File::open(path);
                (path.display().to_string(), file.and_then(|file| read_at_most(file, sources.limit)))
            }
        };
        let bytes = bytes.map_err(|error| Problem::unread(format!("cannot read {name} from {place}"), &error))?;
        if bytes.len() as u64 > sources.limit {
            return Err(Error::OverLimit { limit: Limit::Arguments, allowed: sources.limit }.into());
        }
        if bytes.is_empty() && matches!(self, ValueOrigin::Stdin) {
            return Err(Problem::input(format!("{name} is to come from stdin, and stdin is empty")));
        }
        encoding::text(&bytes, &format!("{name} from {place}"))
    }
}

/// Reads one byte over the limit, so that it shows.
fn read_at_most(source: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
