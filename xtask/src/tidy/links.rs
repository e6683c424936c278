//! Rule on Markdown: a relative link leads to something in the repository. What lies on the web is not asked for.

use super::tree::{Finding, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut in_code = false;
        for (index, line) in file.text.lines().enumerate() {
            in_code ^= line.trim_start().starts_with("```");
            for target in links(line).filter(|_| !in_code) {
                if !resolve(folder, target).is_some_and(|path| tree.exists(&path)) {
                    findings.push(file.finding(index + 1, format!("the link to {target} leads nowhere")));
                }
            }
        }
    }
    findings
}

/// The relative targets of `[text](target)` and `src="target"` in a line, without their fragments.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let ends = [("](", ')'), ("src=\"", '"')];
    let targets = ends.into_iter().flat_map(move |(start, end)| {
        line.match_indices(start).filter_map(move |(at, _)| line[at + start.len()..].split(end).next())
    });
    let paths = targets.map(|target| target.split(['#', ' ']).next().unwrap_or(target));
    paths.filter(|path| !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:"))
}

/// The path from the root, if the link stays inside.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::tree::shown;
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let check_line = |line: &str, ok: bool| {
            let text = format!("\n{line}\n");
            let tree = Tree::of(&[("docs/page.md", &text), ("README.md", ""), ("docs/picture.svg", "")]);
            assert_eq!(shown(&check(&tree)).is_empty(), ok, "{line}");
        };
        check_line(
            "[a](../README.md#start), [b](picture.svg), [c](https://example.com/x), [d](#here), [e](../docs)",
            true,
        );
        check_line("<img src=\"picture.svg\">", true);
        check_line("[a](../README.md) [b](missing.md)", false);
        check_line("[a](README.md)", false);
        check_line("[a](../../README.md)", false);
        check_line("![a](missing.png \"title\")", false);
        check_line("<img src=\"missing.svg\">", false);
        check_line("```\n[a](missing.md)\n```", true);
    }
}
