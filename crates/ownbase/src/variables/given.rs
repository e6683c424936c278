//! What the operator says of a variable: `--variable NAME=VALUE`, `--variable NAME=@FILE`, or `SPIN_VARIABLE_NAME` in the
//! environment.
//!
//! A value may be a secret. So no message of this file has a value in it, nor the name of a file: a value that begins
//! with `@` would be taken for one. Limits: 64 KiB a file.

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

const MAX_FILE_BYTES: usize = 64 << 10;
/// Before the name in upper case, as Spin has it.
const PREFIX: &str = "SPIN_VARIABLE_";

/// One `--variable`.
#[derive(Clone, PartialEq)]
pub(crate) struct Given {
    /// The variable's name.
    pub(crate) name: String,
    source: Source,
}

#[derive(Clone, PartialEq)]
enum Source {
    Flag(String),
    File(PathBuf),
}

/// Shows the name alone.
impl fmt::Debug for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}=…", self.name)
    }
}

impl Given {
    /// Reads the flag's value. `@@` begins a value that begins with `@`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        let source = match value.strip_prefix('@') {
            Some(value) if value.starts_with('@') => Source::Flag(value.to_owned()),
            Some(file) => Source::File(file.into()),
            None => Source::Flag(value.to_owned()),
        };
        Some(Self { name: name.to_owned(), source })
    }

    /// The variable's value; of a file, all but one newline at its end. The error is for the operator.
    pub(crate) fn value(&self) -> Result<String, String> {
        let file = match &self.source {
            Source::Flag(value) => return Ok(value.clone()),
            Source::File(file) => file,
        };
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes));
        read.map_err(|error| format!("its file cannot be read: {error} (a value that begins with @ is written @@…)"))?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(format!("its file is longer than {MAX_FILE_BYTES} bytes"));
        }
        let mut value = String::from_utf8(bytes).map_err(|_| "its file is not UTF-8".to_owned())?;
        if value.ends_with('\n') {
            value.pop();
        }
        Ok(value)
    }
}

/// Reads `--variable` in place of clap, whose messages quote what was given.
#[derive(Debug, Clone)]
pub(crate) struct GivenParser;

impl TypedValueParser for GivenParser {
    type Value = Given;

    fn parse_ref(&self, command: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<Given, clap::Error> {
        let wrong = "--variable needs NAME=VALUE or NAME=@FILE, in UTF-8";
        let given = value.to_str().and_then(Given::parse);
        given.ok_or_else(|| command.clone().error(ErrorKind::ValueValidation, wrong))
    }
}

/// The value that the environment has for a variable. The error is for the operator.
pub(super) fn of_environment(
    name: &str,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, String> {
    let key = key(name);
    let value = environment(&key).map(OsString::into_string).transpose();
    value.map_err(|_| format!("{key} in the environment is not UTF-8"))
}

/// The environment's name of a variable.
pub(super) fn key(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_flag_has_a_value_or_a_file() {
        for (text, name, value) in [
            ("a=1", "a", "1"),
            ("a=x=y", "a", "x=y"),
            ("a=", "a", ""),
            ("a=@@", "a", "@"),
            ("a=@@b", "a", "@b"),
            ("a=b@c", "a", "b@c"),
        ] {
            let given = Given::parse(text).unwrap();
            assert_eq!((given.name.as_str(), given.value().as_deref()), (name, Ok(value)), "{text}");
        }
        assert_eq!(Given::parse("a"), None);
    }

    #[test]
    fn a_file_is_the_value_but_for_one_newline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hunter2");
        let given = Given::parse(&format!("a=@{}", path.display())).unwrap();
        let longest = "x".repeat(MAX_FILE_BYTES);
        for (content, value) in
            [("", ""), ("s", "s"), ("s\n", "s"), ("s\n\n", "s\n"), (" s ", " s "), (&longest, &longest)]
        {
            std::fs::write(&path, content).unwrap();
            assert_eq!(given.value().as_deref(), Ok(value));
        }
        std::fs::write(&path, longest + "x").unwrap();
        assert_eq!(given.value(), Err("its file is longer than 65536 bytes".to_owned()));
        std::fs::write(&path, b"secret\xff").unwrap();
        assert_eq!(given.value(), Err("its file is not UTF-8".to_owned()));
        std::fs::remove_file(&path).unwrap();
        let error = given.value().unwrap_err();
        assert!(error.starts_with("its file cannot be read: No such file") && !error.contains("hunter2"), "{error}");
        std::fs::create_dir(&path).unwrap();
        assert!(given.value().unwrap_err().starts_with("its file cannot be read: Is a directory"));
    }

    #[test]
    fn the_environment_has_names_in_upper_case() {
        let environment = |key: &str| match key {
            "SPIN_VARIABLE_API_KEY2" => Some("k".into()),
            "SPIN_VARIABLE_BROKEN" => Some(OsString::from_vec(b"secret\xff".to_vec())),
            _ => None,
        };
        assert_eq!(of_environment("api_key2", environment), Ok(Some("k".to_owned())));
        assert_eq!(of_environment("other", environment), Ok(None));
        let error = of_environment("broken", environment).unwrap_err();
        assert_eq!(error, "SPIN_VARIABLE_BROKEN in the environment is not UTF-8");
    }

    #[test]
    fn no_value_is_shown() {
        assert_eq!(format!("{:?}", Given::parse("key=hunter2").unwrap()), "key=…");
    }
}
