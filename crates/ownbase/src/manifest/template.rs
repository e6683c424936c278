//! `{{ name }}` in a component's variables: text with holes that application variables fill.

/// A parsed template.
#[derive(Debug, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    /// Reads the text as Spin does: a hole runs from `{{` to the next `}}`, white space around its name aside.
    pub(crate) fn parse(mut text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        while let Some((before, after)) = text.split_once("{{") {
            let Some((name, rest)) = after.split_once("}}") else {
                return Err("`{{` is never closed (write `{{ name }}`)".to_owned());
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable(name.trim().to_owned()));
            text = rest;
        }
        parts.push(Part::Text(text.to_owned()));
        Ok(Self(parts))
    }

    /// The names that it needs, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every hole filled; `None` where `value` has nothing for a name.
    pub(crate) fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let filled = self.0.iter().map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Variable(name) => value(name),
        });
        filled.collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn holes_are_found_and_filled() {
        let value = |name: &str| (name == "host").then_some("example.com");
        let check = |text: &str| Template::parse(text).unwrap().fill(value);
        assert_eq!(check(""), Some(String::new()));
        assert_eq!(check("plain } { text"), Some("plain } { text".to_owned()));
        assert_eq!(check("https://{{ host }}/{{host}}"), Some("https://example.com/example.com".to_owned()));
        assert_eq!(check("{{ other }}"), None);
        assert_eq!(Template::parse("a {{ b"), Err("`{{` is never closed (write `{{ name }}`)".to_owned()));
        assert_eq!(Template::parse("{{a}}-{{ b }}").unwrap().names().collect::<Vec<_>>(), ["a", "b"]);
    }
}
