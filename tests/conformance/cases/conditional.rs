//! Conditional requests: entity tags, `If-None-Match`, `If-Match`, and races that one must win.

use anyhow::{Context, Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::note::note_of;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_path};
use crate::harness::together::together;

cases! {
    Http:
        a_note_has_a_strong_tag_that_changes_with_it,
        if_none_match_answers_304,
        if_none_match_that_differs_answers_200,
        if_none_match_on_a_missing_note_answers_404,
        if_match_lets_through_what_matches,
        if_match_answers_412_and_changes_nothing,
        if_match_on_a_missing_note_answers_404,
        of_patches_with_one_tag_one_wins,
        of_patches_and_deletes_with_one_tag_one_wins,
        patches_without_a_tag_all_win_at_different_times;
}

/// A user with one note: its path and tag.
fn one_note(client: &Client, hint: &str) -> Result<(String, String)> {
    let user = fresh_path(hint);
    let note = client.make(&user, "x")?;
    let path = format!("{user}/{}", note.id);
    let tag = client.tag(&path)?;
    Ok((path, tag))
}

fn a_note_has_a_strong_tag_that_changes_with_it(site: &Site) -> Result<()> {
    let client = site.client();
    let (path, tag) = one_note(&client, "tag")?;
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    ensure!(!inner.is_empty() && !inner.contains('"'), "ETag {tag} is not a strong entity tag");
    ensure!(client.tag(&path)? == tag, "the tag changes while the note does not");
    let head = client.send(&Request::new("HEAD", &path))?.must_be(200)?;
    ensure!(head.header("etag") == Some(&tag), head.wrong(format_args!("ETag {tag}")));
    let mut tags = vec![tag];
    // Back to a text that it had: still another state of the note.
    for text in ["y", "x", "x"] {
        client.patch(&path, text)?.must_be(200)?;
        let tag = client.tag(&path)?;
        ensure!(!tags.contains(&tag), "tag {tag} again after a change; before: {tags:?}");
        tags.push(tag);
    }
    Ok(())
}

fn with(method: &str, path: &str, header: &str, values: &[&str]) -> Request {
    let request =
        if method == "PATCH" { Request::new(method, path).text("changed") } else { Request::new(method, path) };
    values.iter().fold(request, |request, value| request.header(header, value))
}

/// Conditions that name `tag`, each as the header's lines.
fn naming(tag: &str) -> Vec<Vec<String>> {
    let lines = |lines: &[&str]| lines.iter().map(|line| line.replace("TAG", tag)).collect();
    vec![
        lines(&["TAG"]),
        lines(&["*"]),
        lines(&["\"other\", TAG"]),
        lines(&["TAG,\"other\""]),
        lines(&["\"with, comma\" , TAG , \"\""]),
        lines(&[", ,TAG,"]),
        lines(&["\"other\"", "TAG"]),
        lines(&["W/\"other\", TAG"]),
    ]
}

fn if_none_match_answers_304(site: &Site) -> Result<()> {
    let client = site.client();
    let (path, tag) = one_note(&client, "if-none-match")?;
    let weak = [vec![format!("W/{tag}")], vec![format!("\"other\", W/{tag}")]];
    for lines in naming(&tag).into_iter().chain(weak) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        for method in ["GET", "HEAD"] {
            let answer = client.send(&with(method, &path, "if-none-match", &lines))?.must_be(304)?;
            ensure!(answer.header("etag") == Some(&tag), answer.wrong(format_args!("ETag {tag}")));
        }
    }
    Ok(())
}

fn if_none_match_that_differs_answers_200(site: &Site) -> Result<()> {
    let client = site.client();
    let (path, tag) = one_note(&client, "none-match")?;
    client.patch(&path, "y")?.must_be(200)?;
    let inner = tag.trim_matches('"');
    for value in [tag.as_str(), "\"\"", "\"*\"", "W/\"other\", \"more\"", &format!("\"{inner}, \"")] {
        let answer = client.send(&with("GET", &path, "if-none-match", &[value]))?.must_be(200)?;
        ensure!(note_of(&answer)?.text == "y", answer.wrong("the note as it is"));
    }
    Ok(())
}

fn if_none_match_on_a_missing_note_answers_404(site: &Site) -> Result<()> {
    let (client, nobody) = (site.client(), fresh_path("nobody"));
    client.send(&with("GET", &format!("{nobody}/note_aaaaaaaaaaaaaaaa"), "if-none-match", &["*"]))?.must_be(404)?;
    Ok(())
}

fn if_match_lets_through_what_matches(site: &Site) -> Result<()> {
    let client = site.client();
    for index in 0..naming("").len() {
        for method in ["PATCH", "DELETE"] {
            let (path, tag) = one_note(&client, "if-match")?;
            let lines = naming(&tag).swap_remove(index);
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            client.send(&with(method, &path, "if-match", &lines))?.must_be(200)?;
        }
    }
    Ok(())
}

fn if_match_answers_412_and_changes_nothing(site: &Site) -> Result<()> {
    let client = site.client();
    let (path, old) = one_note(&client, "no-match")?;
    client.patch(&path, "y")?.must_be(200)?;
    let tag = client.tag(&path)?;
    // If-Match compares strongly (RFC 9110, 13.1.1): a weak tag never matches.
    for value in [old.as_str(), "\"other\"", &format!("W/{tag}"), &format!("\"a\", {old}, W/{tag}"), "\"*\""] {
        for method in ["PATCH", "DELETE"] {
            client.send(&with(method, &path, "if-match", &[value]))?.must_be(412)?;
        }
        ensure!(client.tag(&path)? == tag, "If-Match: {value} was refused and changed the note all the same");
    }
    Ok(())
}

fn if_match_on_a_missing_note_answers_404(site: &Site) -> Result<()> {
    let client = site.client();
    let (path, tag) = one_note(&client, "missing")?;
    client.delete(&path)?.must_be(200)?;
    let nobodys = format!("{}/note_aaaaaaaaaaaaaaaa", fresh_path("nobody"));
    for path in [path, nobodys] {
        for value in [tag.as_str(), "*"] {
            for method in ["PATCH", "DELETE"] {
                client.send(&with(method, &path, "if-match", &[value]))?.must_be(404)?;
            }
        }
    }
    Ok(())
}

const RACERS: usize = 12;

/// Clients with a connection each, so that their next requests arrive at the same moment.
fn connected(site: &Site) -> Result<Vec<Client>> {
    let connect = |_| {
        let client = site.client();
        client.get("/")?.must_be(200)?;
        Ok(client)
    };
    (0..RACERS).map(connect).collect()
}

/// Sends the request that `request` makes for each racer, all at once.
fn race(racers: &[Client], request: impl Fn(usize) -> Request + Sync) -> Result<Vec<Answer>> {
    together(racers.len(), |index| racers.get(index).context("no such racer")?.send(&request(index)))
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

fn of_patches_with_one_tag_one_wins(site: &Site) -> Result<()> {
    let (client, racers) = (site.client(), connected(site)?);
    let (path, mut tag) = one_note(&client, "patch-race")?;
    let expected = [[200; 1].as_slice(), [412; RACERS - 1].as_slice()].concat();
    for round in 0..40 {
        let request = |racer| Request::new("PATCH", &path).header("if-match", &tag).text(&format!("{round} {racer}"));
        let answers = race(&racers, request)?;
        let got = statuses(&answers);
        ensure!(got == expected, "round {round}: {RACERS} PATCHes of {path} with tag {tag} got {got:?}");
        let mut winners = answers.iter().filter(|answer| answer.status == 200).map(note_of);
        let found = note_of(&client.get(&path)?)?;
        let won = winners.next().transpose()?;
        ensure!(won.as_ref() == Some(&found), "round {round}: the note is {found:?}, the winner got {won:?}");
        tag = client.tag(&path)?;
    }
    Ok(())
}

fn of_patches_and_deletes_with_one_tag_one_wins(site: &Site) -> Result<()> {
    let (client, racers) = (site.client(), connected(site)?);
    for round in 0..40 {
        let (path, tag) = one_note(&client, "mixed-race")?;
        let request = |racer| with(if racer % 2 == 0 { "PATCH" } else { "DELETE" }, &path, "if-match", &[&tag]);
        let answers = race(&racers, request)?;
        let got = statuses(&answers);
        // Where a DELETE won, there is no note left to match.
        let lost = if client.get(&path)?.status == 404 { 404 } else { 412 };
        let expected = [[200; 1].as_slice(), [lost; RACERS - 1].as_slice()].concat();
        ensure!(
            got == expected,
            "round {round}: PATCHes and DELETEs of {path} with one tag got {got:?}, not {expected:?}"
        );
    }
    Ok(())
}

fn patches_without_a_tag_all_win_at_different_times(site: &Site) -> Result<()> {
    let (client, racers) = (site.client(), connected(site)?);
    let (path, _) = one_note(&client, "patches")?;
    let answers = race(&racers, |racer| Request::new("PATCH", &path).text(&racer.to_string()))?;
    let mut times = Vec::new();
    for answer in answers {
        times.push(note_of(&answer.must_be(200)?)?.updated_ms()?);
    }
    times.sort_unstable();
    times.dedup();
    ensure!(times.len() == RACERS, "{RACERS} PATCHes of {path} have only {} different times", times.len());
    let newest = note_of(&client.get(&path)?)?.updated_ms()?;
    ensure!(times.last() == Some(&newest), "the note is of {newest}, the PATCHes of {times:?}");
    Ok(())
}
