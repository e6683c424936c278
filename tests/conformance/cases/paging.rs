//! `?limit=` and `?cursor=`: pages, the way from one to the next, and how much one answer carries.

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::note::{Note, Page};
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_path, fresh_user, path_of};

cases! {
    Http:
        pages_join_to_the_whole_list,
        a_page_that_holds_the_last_note_leads_nowhere,
        next_and_link_lead_to_the_same_page,
        link_percent_encodes_the_user,
        other_query_parameters_are_ignored,
        a_boundary_survives_changes_on_both_sides,
        a_boundary_survives_removal_of_the_newest,
        a_cursor_outlives_its_database,
        a_cursor_shows_only_its_own_user,
        malformed_limits_answer_400,
        malformed_cursors_answer_400,
        parameters_given_twice_answer_400,
        no_answer_carries_more_than_8_mib_of_text;
}

fn make(client: &Client, user: &str, count: usize) -> Result<Vec<Note>> {
    (0..count).map(|index| client.make(user, &format!("note {index}"))).collect()
}

/// All pages from `first` on, each led to by the one before.
fn walk(client: &Client, first: &str) -> Result<Vec<Page>> {
    let mut pages = vec![client.page(first)?];
    while let Some(link) = pages.last().and_then(|page| page.link.clone()) {
        let page = client.page(&link)?;
        ensure!(page.link.as_ref() != Some(&link), "{link} leads to itself");
        pages.push(page);
        ensure!(pages.len() < 100, "the pages from {first} do not end");
    }
    Ok(pages)
}

fn joined(pages: Vec<Page>) -> Vec<Note> {
    pages.into_iter().flat_map(|page| page.notes).collect()
}

fn pages_join_to_the_whole_list(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("pages"));
    let made = make(&client, &user, 11)?;
    for limit in [1, 2, 3, 5, 10, 11, 12, 1000] {
        let pages = walk(&client, &format!("{user}?limit={limit}"))?;
        let lengths: Vec<usize> = pages.iter().map(|page| page.notes.len()).collect();
        let expected: Vec<usize> = made.chunks(limit).map(<[Note]>::len).collect();
        ensure!(lengths == expected, "limit {limit}: pages of {lengths:?} notes, expected {expected:?}");
        let found = joined(pages);
        ensure!(found == made, "limit {limit}: pages join to {found:?}, made {made:?}");
    }
    Ok(())
}

fn a_page_that_holds_the_last_note_leads_nowhere(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("last"));
    let empty = client.page(&format!("{user}?limit=1"))?;
    ensure!(empty.notes.is_empty() && empty.next.is_none(), "nobody's page: {empty:?}");
    make(&client, &user, 3)?;
    let full = client.page(&format!("{user}?limit=3"))?;
    ensure!(full.next.is_none(), "3 of 3 notes lead on to {:?}", full.next);
    let part = client.page(&format!("{user}?limit=2"))?;
    ensure!(part.next.is_some(), "2 of 3 notes do not lead on");
    Ok(())
}

fn next_and_link_lead_to_the_same_page(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("next"));
    let made = make(&client, &user, 7)?;
    let first = client.page(&format!("{user}?limit=2"))?;
    let (next, link) = (first.next.context("no next")?, first.link.context("no Link")?);
    let by_link = client.page(&link)?;
    let by_cursor = client.page(&format!("{user}?limit=2&cursor={next}"))?;
    let swapped = client.page(&format!("{user}?cursor={next}&limit=2"))?;
    ensure!(
        by_link.notes == by_cursor.notes && by_link.notes == swapped.notes,
        "Link {by_link:?}, cursor {by_cursor:?}"
    );
    ensure!(made.get(2..4) == Some(&by_link.notes[..]), "the second page is {by_link:?}, made {made:?}");
    let rest = client.page(&format!("{user}?cursor={next}"))?;
    ensure!(made.get(2..) == Some(&rest.notes[..]), "a cursor without limit leads to {rest:?}, made {made:?}");
    let head = client.send(&Request::new("HEAD", &format!("{user}?limit=2")))?.must_be(200)?;
    ensure!(head.header("link").is_some(), head.wrong("HEAD with GET's Link"));
    Ok(())
}

fn link_percent_encodes_the_user(site: &Site) -> Result<()> {
    let client = site.client();
    let user = path_of(&format!("{}/é? >;\"~#", fresh_user("link")));
    make(&client, &user, 2)?;
    let page = client.page(&format!("{user}?limit=1"))?;
    let link = page.link.context("no Link")?;
    ensure!(link.starts_with(&format!("{user}?")), "Link leads to {link}, the user is {user}");
    Ok(())
}

fn other_query_parameters_are_ignored(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("query"));
    let made = make(&client, &user, 3)?;
    for query in ["", "x=1", "limits=0", "Limit=0", "x=%zz", "=", "&&", "x&x&x", "offset=1", "%00=1", "a=limit=0"] {
        let found = client.notes(&format!("{user}?{query}"))?;
        ensure!(found == made, "?{query} lists {found:?}");
        let page = client.page(&format!("{user}?{query}&limit=2"))?;
        ensure!(page.notes.len() == 2 && page.next.is_some(), "?{query}&limit=2 lists {page:?}");
    }
    Ok(())
}

fn a_boundary_survives_changes_on_both_sides(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("boundary"));
    let made = make(&client, &user, 6)?;
    let first = client.page(&format!("{user}?limit=3"))?;
    let remove = |index: usize| {
        let note = made.get(index).context("no such note")?;
        client.delete(&format!("{user}/{}", note.id))?.must_be(200)
    };
    // The last before the boundary, on which a cursor might lean, and the first after it.
    remove(2)?;
    remove(3)?;
    let late = client.make(&user, "late")?;
    let rest = joined(walk(&client, &first.link.context("no Link")?)?);
    let expected: Vec<Note> = made.get(4..).unwrap_or_default().iter().cloned().chain([late]).collect();
    ensure!(rest == expected, "after the boundary: {rest:?}, expected {expected:?}");
    Ok(())
}

fn a_boundary_survives_removal_of_the_newest(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("newest"));
    let made = make(&client, &user, 4)?;
    let first = client.page(&format!("{user}?limit=3"))?;
    // A number that is used again would put the new notes before the boundary.
    for note in made.get(1..).unwrap_or_default() {
        client.delete(&format!("{user}/{}", note.id))?.must_be(200)?;
    }
    let late = make(&client, &user, 2)?;
    let rest = joined(walk(&client, &first.link.context("no Link")?)?);
    ensure!(rest == late, "after the boundary: {rest:?}, expected {late:?}");
    Ok(())
}

fn a_cursor_outlives_its_database(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("outlives"));
    make(&client, &user, 2)?;
    let link = client.page(&format!("{user}?limit=1"))?.link.context("no Link")?;
    client.delete(&user)?.must_be(204)?;
    let page = client.page(&link)?;
    ensure!(page.notes.is_empty(), "an erased user's cursor leads to {page:?}");
    Ok(())
}

fn a_cursor_shows_only_its_own_user(site: &Site) -> Result<()> {
    let (client, mine, other) = (site.client(), fresh_path("mine"), fresh_path("other"));
    make(&client, &mine, 3)?;
    let others = make(&client, &other, 3)?;
    let next = client.page(&format!("{mine}?limit=1"))?.next.context("no next")?;
    let answer = client.get(&format!("{other}?cursor={next}"))?.must_be_one_of(&[200, 400])?;
    if answer.status == 200 {
        let found = crate::harness::note::page_of(&answer)?.notes;
        ensure!(found.iter().all(|note| others.contains(note)), answer.wrong("notes of this user alone"));
    }
    Ok(())
}

fn malformed_limits_answer_400(site: &Site) -> Result<()> {
    let (client, user, nobody) = (site.client(), fresh_path("limits"), fresh_path("nobody"));
    make(&client, &user, 2)?;
    let huge = "9".repeat(40);
    let limits =
        ["", "0", "-1", "1001", "1.5", "1e2", "ten", "0x10", "%201", "1%20", "+1", "%00", "%ff", "1,2", "٣", &huge];
    for limit in limits {
        for user in [&user, &nobody] {
            client.get(&format!("{user}?limit={}", escaped(limit)))?.must_be(400)?;
        }
    }
    client.get(&format!("{user}?limit"))?.must_be(400)?;
    client.send(&Request::new("HEAD", &format!("{user}?limit=0")))?.must_be(400)?;
    for limit in [1, 1000] {
        client.page(&format!("{user}?limit={limit}"))?;
        client.page(&format!("{nobody}?limit={limit}"))?;
    }
    Ok(())
}

/// Beyond ASCII a request's path has percent-encodings alone.
fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| if byte.is_ascii() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn malformed_cursors_answer_400(site: &Site) -> Result<()> {
    let (client, user, nobody) = (site.client(), fresh_path("cursors"), fresh_path("nobody"));
    make(&client, &user, 3)?;
    let next = client.page(&format!("{user}?limit=1"))?.next.context("no next")?;
    let (cut, longer) = (next.get(1..).unwrap_or_default(), format!("{next}!"));
    let long = "a".repeat(4000);
    for cursor in ["", "!", "%00", "%ff", "-1", "1%20OR%201=1", "99999999999999999999", "%20", &long, &longer] {
        for user in [&user, &nobody] {
            client.get(&format!("{user}?cursor={cursor}"))?.must_be(400)?;
        }
    }
    // Part of a cursor may be a cursor too; it must not be an error of the server's.
    client.get(&format!("{user}?cursor={cut}"))?.must_be_one_of(&[200, 400])?;
    Ok(())
}

fn parameters_given_twice_answer_400(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("twice"));
    make(&client, &user, 3)?;
    let next = client.page(&format!("{user}?limit=1"))?.next.context("no next")?;
    for query in ["limit=1&limit=1", "limit=1&x=y&limit=2", "limit=1&limit=", "limit=1&%6Cimit=1"] {
        client.get(&format!("{user}?{query}"))?.must_be(400)?;
    }
    client.get(&format!("{user}?cursor={next}&cursor={next}"))?.must_be(400)?;
    Ok(())
}

fn no_answer_carries_more_than_8_mib_of_text(site: &Site) -> Result<()> {
    const CAP_BYTES: usize = 8 << 20;
    const NOTE_BYTES: usize = 65_536;
    const COUNT: usize = 131;
    let (client, user) = (site.client(), fresh_path("cap"));
    let text = |index: usize| format!("{index:09}{}", "x".repeat(NOTE_BYTES - 9));
    for index in 0..COUNT {
        client.make(&user, &text(index))?;
    }
    for first in [user.clone(), format!("{user}?limit=1000"), format!("{user}?limit=130")] {
        let pages = walk(&client, &first)?;
        let lengths: Vec<usize> = pages.iter().map(|page| page.notes.len()).collect();
        let expected = [CAP_BYTES / NOTE_BYTES, COUNT - CAP_BYTES / NOTE_BYTES];
        ensure!(lengths == expected, "{first}: pages of {lengths:?} notes of 64 KiB, expected {expected:?}");
        let found = joined(pages).into_iter().map(|note| note.text);
        ensure!(found.eq((0..COUNT).map(text)), "{first}: a note is missing, twice or out of order");
    }
    Ok(())
}
