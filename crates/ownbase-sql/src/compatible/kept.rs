//! A build's queries as they were kept: files of statements, each with a comment `-- name: NAME …` before it.
//!
//! They are read more loosely than the build reads `queries/`, whose rules may have become stricter since: a file that
//! was right when it was kept stays so.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::fault::{Error, Fault};
use crate::tokens::{Kind, tokens};

/// One statement and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) path: PathBuf,
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) sql: String,
}

/// What is in a folder, by name; nothing where the folder is missing.
pub(crate) fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::Read { path: dir.into(), source };
    let read = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(unreadable)?,
    };
    let mut paths = read.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<Result<Vec<PathBuf>, Error>>()?;
    paths.sort();
    Ok(paths)
}

/// The files of queries in a folder.
pub(crate) fn files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = entries(dir)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    Ok(paths)
}

/// All queries of a folder, in the order of the files.
pub(crate) fn read(dir: &Path) -> Result<Vec<Query>, Error> {
    let mut queries = Vec::new();
    for path in files(dir)? {
        let source = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        queries.extend(cut(&path, &source));
    }
    Ok(queries)
}

/// Cuts a file at its semicolons: a query has no others, since it makes no trigger.
fn cut(path: &Path, source: &str) -> Vec<Query> {
    let mut queries = Vec::new();
    let mut name = None;
    let mut range: Option<(usize, usize)> = None;
    let mut finish = |range: Option<(usize, usize)>, name: Option<String>| {
        let Some((start, end)) = range else { return };
        let line = Fault::at(path, source, start, "").line.unwrap_or_default();
        let name = name.unwrap_or_else(|| format!("in line {line}"));
        let sql = source.get(start..end).unwrap_or_default().into();
        queries.push(Query { path: path.into(), line, name, sql });
    };
    for token in tokens(source) {
        match token.kind {
            Kind::Comment => {
                let text = token.text.trim_start_matches('-').trim_start();
                let said = text.strip_prefix("name:").and_then(|rest| rest.split_ascii_whitespace().next());
                name = said.map(Into::into).or(name);
            }
            Kind::Mark if token.text == ";" => finish(range.take(), name.take()),
            Kind::Space => {}
            _ => range = Some((range.map_or(token.start, |(start, _)| start), token.start + token.text.len())),
        }
    }
    finish(range, name);
    queries
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn queries_are_named_and_placed() {
        let source =
            "-- name: list :many\n-- All.\nSELECT ';' -- no; end\nFROM a;\n\nDELETE FROM a;;\n-- name: last\nSELECT 1";
        let queries = cut("q.sql".as_ref(), source);
        let found: Vec<_> = queries.iter().map(|query| (query.name.as_str(), query.line, query.sql.as_str())).collect();
        let first = "SELECT ';' -- no; end\nFROM a";
        assert_eq!(found, [("list", 3, first), ("in line 6", 6, "DELETE FROM a"), ("last", 8, "SELECT 1")]);
    }
}
