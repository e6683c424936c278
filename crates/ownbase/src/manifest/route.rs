//! Which component serves a path: Spin's route patterns, matched as Spin matches them.
//!
//! - `/a/b` matches itself, `/a/:id` any one segment after `/a`, `/a/...` (or `/a/*`) `/a` and everything below it;
//! - of several that match, the one whose first differing segment is more exact wins (literal, then `:name`, then
//!   wildcard), the manifest's order deciding among equals;
//! - empty segments do not count: `//a/` is matched as `/a`. The component still gets the path as it was sent.
//!
//! Paths are compared as they came, without percent-decoding. Two things of Spin's matcher are left out on purpose:
//! a name within a segment (`/:file.json`) is refused, and `/ab` never matches `/a/b` (there a missing slash does).

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// Ordered from most to least exact.
#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Literal(String),
    Any,
    Rest,
}

impl Pattern {
    /// Reads a route; the error says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains(['?', '#']) {
            return Err("a route matches the path only (remove `?` or `#` and what follows)".to_owned());
        }
        let mut segments = Vec::new();
        let mut words = text.split('/').filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            segments.push(match word {
                "..." | "*" if words.peek().is_none() => Segment::Rest,
                "..." | "*" => return Err(format!("`{word}` can only stand at the end")),
                ":" => return Err("`:` lacks a name (write `:id`)".to_owned()),
                name if name.starts_with(':') && name.contains('.') => {
                    return Err(format!(
                        "`{name}` must be a whole segment (write `:id` and parse it in the component)"
                    ));
                }
                name if name.starts_with(':') => Segment::Any,
                star if star.starts_with('*') => {
                    return Err(format!("a wildcard has no name (write `*`, not `{star}`)"));
                }
                literal => Segment::Literal(literal.to_owned()),
            });
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The route as the manifest writes it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn matches(&self, path: &str) -> bool {
        let mut words = path.split('/').filter(|word| !word.is_empty());
        for segment in &self.segments {
            let found = match segment {
                Segment::Rest => return true,
                Segment::Any => words.next().is_some(),
                Segment::Literal(literal) => words.next() == Some(literal),
            };
            if !found {
                return false;
            }
        }
        words.next().is_none()
    }

    /// How exact each segment is, so that the order of these lists is the order of trial.
    fn rank(&self) -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Any => 1,
            Segment::Rest => 2,
        };
        self.segments.iter().map(rank).collect()
    }

    /// Whether both match exactly the same paths.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.segments == other.segments
    }
}

/// All routes of an application, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Routes<T>(Vec<(Pattern, T)>);

impl<T> Routes<T> {
    /// Sorts the routes of a manifest into the order of trial.
    pub(crate) fn new(mut routes: Vec<(Pattern, T)>) -> Self {
        routes.sort_by_cached_key(|(pattern, _)| pattern.rank());
        Self(routes)
    }

    /// What serves `path`, if anything does.
    pub(crate) fn find(&self, path: &str) -> Option<&T> {
        self.0.iter().find(|(pattern, _)| pattern.matches(path)).map(|(_, target)| target)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn routes(patterns: &[&str]) -> Routes<String> {
        Routes::new(patterns.iter().map(|text| (Pattern::parse(text).unwrap(), (*text).to_owned())).collect())
    }

    #[test]
    fn the_most_exact_route_wins() {
        let routes = routes(&["/...", "/users/:id", "/users/me", "/users/:id/notes/...", "/users/...", "/"]);
        for (path, expected) in [
            ("/", "/"),
            ("/x", "/..."),
            ("/users/me", "/users/me"),
            ("/users/me/", "/users/me"),
            ("/users/john", "/users/:id"),
            ("/users/j.o", "/users/:id"),
            ("/users/j/notes", "/users/:id/notes/..."),
            ("/users/j/notes/1/2", "/users/:id/notes/..."),
            ("/users/j/x", "/users/..."),
            ("/users", "/users/..."),
            ("/usersme", "/..."),
            ("//users//me", "/users/me"),
            ("/users/%6de", "/users/:id"),
        ] {
            assert_eq!(routes.find(path).unwrap(), expected, "{path}");
        }
        assert_eq!(Routes::<()>::new(vec![]).find("/"), None);
    }

    #[test]
    fn patterns_that_cannot_work_are_refused() {
        for (text, why) in [
            ("/.../x", "`...` can only stand at the end"),
            ("/*/x", "`*` can only stand at the end"),
            ("/*rest", "a wildcard has no name (write `*`, not `*rest`)"),
            ("/:", "`:` lacks a name (write `:id`)"),
            ("/:id.json", "`:id.json` must be a whole segment (write `:id` and parse it in the component)"),
            ("/a?b", "a route matches the path only (remove `?` or `#` and what follows)"),
        ] {
            assert_eq!(Pattern::parse(text), Err(why.to_owned()), "{text}");
        }
    }

    fn segment() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["a", "b", "c", ":x", ":y"])
    }

    fn pattern() -> impl Strategy<Value = String> {
        (prop::collection::vec(segment(), 0..4), any::<bool>())
            .prop_map(|(segments, rest)| format!("/{}{}", segments.join("/"), if rest { "/..." } else { "" }))
    }

    fn path() -> impl Strategy<Value = String> {
        let segment = prop::sample::select(vec!["a", "b", "c", "d", "%61", ""]);
        prop::collection::vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")))
    }

    proptest! {
        /// `routefinder` is the matcher that Spin uses, fed here as Spin feeds it.
        #[test]
        fn agrees_with_spins_matcher(patterns in prop::collection::vec(pattern(), 1..6), path in path()) {
            let mut distinct: Vec<(Pattern, usize)> = Vec::new();
            for (index, text) in patterns.iter().enumerate() {
                let pattern = Pattern::parse(text).unwrap();
                if !distinct.iter().any(|(known, _)| known.is_same(&pattern)) {
                    distinct.push((pattern, index));
                }
            }
            let mut spin = routefinder::Router::new();
            for (pattern, index) in &distinct {
                spin.add(pattern.text().replace("...", "*").as_str(), *index).unwrap();
            }
            let expected = spin.best_match(&path).map(|found| *found);
            prop_assert_eq!(Routes::new(distinct).find(&path).copied(), expected, "{:?} {}", patterns, path);
        }
    }
}
