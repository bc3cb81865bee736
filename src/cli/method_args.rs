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
    /// A string needs no quotes; other values are JSON. `-` reads the value from stdin, `@FILE`
    /// from a file; a line end at the end of a text is dropped. `NAME:=TEXT` gives a parameter this
    /// text literally. After `--` no word is a flag. A parameter without an argument has its
    /// default.
    #[arg(value_name = "ARG", add = complete::arguments())]
    words: Vec<OsString>,
    /// All arguments at once, a JSON object by name; `-` reads it from stdin, `@FILE` from a file
    #[arg(long = "args", value_name = "JSON", conflicts_with = "words")]
    all: Option<OsString>,
}

/// The sources of values that are not on the command line.
pub struct ValueSources<'a> {
    pub stdin: &'a mut dyn Read,
    /// The argument that has read stdin.
    pub taken_by: Option<String>,
    /// The most bytes that are read.
    pub limit: u64,
    /// Notes about values that were taken as strings and may be meant as JSON.
    pub notes: Vec<String>,
}

impl<'a> ValueSources<'a> {
    pub fn new(stdin: &'a mut dyn Read, limit: u64) -> ValueSources<'a> {
        ValueSources { stdin, taken_by: None, limit, notes: Vec::new() }
    }
}

impl MethodArgs {
    /// The arguments by name, without defaults. The engine validates them. `method` is called only
    /// if it is needed.
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

/// A value without a schema: JSON, else the text itself, with a note. A text that begins as an
/// array, an object or a string in quotes must be JSON.
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

/// A shell may read a word from a file that begins with a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A file or the output of a program ends with a line end that is not part of the value.
fn without_line_end(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

struct ArgumentReader<'a, 's> {
    method: &'a Method,
    sources: &'a mut ValueSources<'s>,
    given: Map<String, Value>,
    /// How many arguments without a name were read.
    positions: usize,
}

/// A word that names its parameter.
struct NamedWord<'w> {
    name: &'w str,
    text: &'w OsStr,
    /// Whether it is `name:=text`.
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
                let value = if literal { self.literal(parameter, text) } else { self.value(parameter, text) };
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
        let types = JsonTypes::by(&parameter.schema);
        let read = origin.read(&parameter.name, self.sources).map_err(|problem| match origin {
            ValueOrigin::File(_) if problem.is_no_file() && types.has(JsonType::String) => {
                problem.hint(format!("`{}:={}` gives this text literally", parameter.name, word.display()))
            }
            _ => problem,
        })?;
        if !types.has(JsonType::String) {
            return self.json(parameter, &read);
        }
        let text = without_line_end(&read);
        // the content of a file or a pipe is data: the text `null` is not null
        let only_text = types.without(JsonType::String).without(JsonType::Null).is_empty();
        if only_text { Ok(Value::String(text.to_owned())) } else { self.typed(parameter, text) }
    }

    /// A value by its parameter's schema. If the schema accepts strings only, it is a text; if it
    /// accepts no strings, JSON. If it accepts both, JSON of an accepted type is preferred.
    fn typed(&mut self, parameter: &Parameter, text: &str) -> Result<Value, Problem> {
        let types = JsonTypes::by(&parameter.schema);
        if !types.has(JsonType::String) {
            return self.json(parameter, text);
        }
        let others = types.without(JsonType::String);
        let only_text = others.without(JsonType::Null).is_empty();
        let json = without_mark(text);
        match read_value(json) {
            Ok(value) if others.has_type_of(&value) => Ok(value),
            // quotes tell a string from the other types
            Ok(Value::String(quoted)) if !only_text => Ok(Value::String(quoted)),
            Err(_) if !only_text && begins_as(json, &others.first_characters()) => self
                .json(parameter, json)
                .map_err(|problem| problem.hint(format!("`{}:=TEXT` gives a text literally", parameter.name))),
            _ => {
                if !only_text {
                    let (name, shown) = (&parameter.name, quoted(text));
                    self.sources.notes.push(format!(
                        "{name} is sent as the string {shown}; `{name}:=TEXT` does so without this note"
                    ));
                }
                Ok(Value::String(text.to_owned()))
            }
        }
    }

    fn literal(&self, parameter: &Parameter, text: &OsStr) -> Result<Value, Problem> {
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
            self.method.refuse(format!("{name}: `{}` is not a JSON {wanted}{place}", shortened(text, 40))).into()
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

/// The text of a word of the command line.
fn typed<'w>(word: &'w OsStr, name: &str) -> Result<&'w str, Problem> {
    word.to_str().ok_or_else(|| {
        let problem = Problem::input(format!("{name}: `{}` is not UTF-8 text", shortened(&word.to_string_lossy(), 40)));
        problem.hint("only a path after `@` may be other bytes")
    })
}

/// The source of a value.
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

    /// The text of the value, for the parameter or flag `name`.
    fn read(self, name: &str, sources: &mut ValueSources) -> Result<String, Problem> {
        let (source, bytes) = match self {
            ValueOrigin::Typed(text) => return typed(text, name).map(str::to_owned),
            ValueOrigin::Stdin => {
                if let Some(first) = sources.taken_by.replace(name.to_owned()) {
                    return Err(Problem::input(format!("{first} and {name} cannot both come from stdin")));
                }
                ("stdin".to_owned(), read_at_most(&mut *sources.stdin, sources.limit))
            }
            ValueOrigin::File(path) => {
                let file = std::fs::File::open(path);
                (path.display().to_string(), file.and_then(|file| read_at_most(file, sources.limit)))
            }
        };
        let bytes = bytes.map_err(|error| Problem::unread(format!("cannot read {name} from {source}"), &error))?;
        if bytes.len() as u64 > sources.limit {
            return Err(Error::OverLimit { limit: Limit::Arguments, allowed: sources.limit }.into());
        }
        if bytes.is_empty() && matches!(self, ValueOrigin::Stdin) {
            return Err(Problem::input(format!("{name} comes from stdin, and stdin is empty")));
        }
        encoding::text(&bytes, &format!("{name} from {source}"))
    }
}

/// Reads at most one byte over the limit.
fn read_at_most(source: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
