//! The Rust types that values of a statement can have, and what SQLite's column types say of them.
//!
//! A column's declared type is read by SQLite's rules of affinity (<https://www.sqlite.org/datatype3.html>), with one
//! of our own: a type with `BOOL` in it is a `bool`. Columns of any other NUMERIC type, of `ANY` and of none may hold
//! anything: their queries must say what they expect.

/// What a parameter or a result column is in Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Integer,
    Real,
    Text,
    Blob,
    Boolean,
    /// Whatever SQLite has, as the port's own `Value`.
    Any,
}

impl Type {
    /// Reads a type as it is written in a query file.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "i64" => Self::Integer,
            "f64" => Self::Real,
            "String" => Self::Text,
            "Vec<u8>" => Self::Blob,
            "bool" => Self::Boolean,
            "Value" => Self::Any,
            _ => return None,
        })
    }

    /// All of them, for a message.
    pub(super) const NAMES: &str = "i64, f64, String, Vec<u8>, bool, Value";

    /// As a query file writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Integer => "i64",
            Self::Real => "f64",
            Self::Text => "String",
            Self::Blob => "Vec<u8>",
            Self::Boolean => "bool",
            Self::Any => "Value",
        }
    }

    /// The type of a column that was declared like this, where that says anything.
    pub(super) fn of_column(declared: &str) -> Option<Self> {
        let declared = declared.to_ascii_uppercase();
        let has = |part| declared.contains(part);
        match () {
            () if has("INT") => Some(Self::Integer),
            () if has("CHAR") || has("CLOB") || has("TEXT") => Some(Self::Text),
            () if has("BLOB") => Some(Self::Blob),
            () if has("REAL") || has("FLOA") || has("DOUB") => Some(Self::Real),
            () if has("BOOL") => Some(Self::Boolean),
            () => None,
        }
    }

    /// Whether a column that holds `self` may be read or compared as `claim`.
    pub(super) fn may_be(self, claim: Self) -> bool {
        self == claim || claim == Self::Any || (self, claim) == (Self::Integer, Self::Boolean)
    }

    /// Whether this holds data elsewhere, so that a parameter borrows it.
    pub(super) fn is_borrowed(self) -> bool {
        matches!(self, Self::Text | Self::Blob | Self::Any)
    }
}

/// What an annotation says: `?` and `!`, and a type, each where it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Claim {
    pub(super) nullable: Option<bool>,
    pub(super) r#type: Option<Type>,
}

impl Claim {
    /// Splits `name`, `name!`, `name?`, each perhaps with `: Type` behind it.
    ///
    /// # Errors
    /// What is wrong with the type.
    pub(super) fn parse(text: &str) -> Result<(&str, Self), String> {
        let (name, r#type) = match text.split_once(':') {
            None => (text, None),
            Some((name, written)) => {
                let written = written.trim();
                let known = Type::parse(written);
                (name, Some(known.ok_or_else(|| format!("no such type: {written}; there are {}", Type::NAMES))?))
            }
        };
        let name = name.trim_end();
        Ok(match (name.strip_suffix('?'), name.strip_suffix('!')) {
            (Some(name), _) => (name, Self { nullable: Some(true), r#type }),
            (_, Some(name)) => (name, Self { nullable: Some(false), r#type }),
            _ => (name, Self { nullable: None, r#type }),
        })
    }
}

/// Whether Rust takes this for the name of a function, an argument or a field.
pub(super) fn is_rust_name(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(plain)
        && !["self", "super", "crate"].contains(&name)
}

/// The name as code has it: `r#type` for `type`.
pub(super) fn rust_name(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.into() }
}

/// The words that Rust keeps for itself, or may (<https://doc.rust-lang.org/reference/keywords.html>), but for those
/// that cannot be a raw name either.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while",
];

/// `list_notes` as the name of a type: `ListNotes`.
pub(super) fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    };
    name.split('_').map(capital).collect()
}
