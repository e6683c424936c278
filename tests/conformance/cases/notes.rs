//! The rows of api.md's table: make, list, get, change and remove notes; remove a user.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::note::note_of;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_path, fresh_user, path_of};

cases! {
    Http:
        post_answers_201_with_location_and_note,
        location_percent_encodes_all_but_the_unreserved,
        post_ignores_other_members,
        texts_come_back_as_they_were,
        ids_are_never_the_same,
        created_is_the_time_of_the_request,
        list_is_oldest_first,
        list_of_nobody_is_empty,
        get_answers_the_note,
        patch_moves_updated_and_keeps_created,
        each_patch_moves_updated_by_a_millisecond_at_least,
        delete_answers_the_note_as_it_was,
        delete_of_a_user_leaves_nothing,
        delete_of_nobody_answers_204,
        unknown_notes_answer_404,
        notes_of_others_answer_404,
        unknown_paths_answer_404;
}

fn post_answers_201_with_location_and_note(site: &Site) -> Result<()> {
    let user = fresh_path("post");
    let answer = site.client().post(&user, "Buy groceries")?.must_be(201)?;
    let note = note_of(&answer)?;
    ensure!(note.text == "Buy groceries", answer.wrong("the text that was sent"));
    ensure!(note.created == note.updated, answer.wrong("updated as created"));
    let location = format!("{user}/{}", note.id);
    ensure!(answer.header("location") == Some(&location), answer.wrong(format_args!("Location: {location}")));
    let found = note_of(&site.client().get(&location)?.must_be(200)?)?;
    ensure!(found == note, "{location} has {found:?}, the answer to POST had {note:?}");
    Ok(())
}

fn location_percent_encodes_all_but_the_unreserved(site: &Site) -> Result<()> {
    let user = format!("{}A/b ~é.c_d!$&'()*+,;=:@%?#", fresh_user("location"));
    let answer = site.client().post(&path_of(&user), "x")?.must_be(201)?;
    let location = format!("{}/{}", path_of(&user), note_of(&answer)?.id);
    ensure!(location.contains("A%2Fb%20~%C3%A9.c_d%21%24"), "the suite encodes wrongly: {location}");
    ensure!(answer.header("location") == Some(&location), answer.wrong(format_args!("Location: {location}")));
    site.client().get(&location)?.must_be(200)?;
    Ok(())
}

fn post_ignores_other_members(site: &Site) -> Result<()> {
    let user = fresh_path("members");
    let body = r#"{"id":"note_aaaaaaaaaaaaaaaa","created":"2001-01-01T00:00:00.000Z","text":"x","more":[{"text":1}]}"#;
    let request = Request::new("POST", &user).header("content-type", "application/json").body(body);
    let answer = site.client().send(&request)?.must_be(201)?;
    let note = note_of(&answer)?;
    ensure!(note.id != "note_aaaaaaaaaaaaaaaa", answer.wrong("an id of the service's own"));
    ensure!(!note.created.starts_with("2001"), answer.wrong("a time of the service's own"));
    Ok(())
}

fn texts_come_back_as_they_were(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("texts"));
    let texts = [
        "ä€😀 עברית e\u{301}",
        "\"quoted\" \\ /",
        "line\r\nline\ttab",
        "nul\u{0}after",
        "\u{1}\u{7f}\u{80}\u{feff}",
        "'); DROP TABLE notes; --",
        "?1 :a $b @c",
        "%00%2e%2e",
        "\u{2028}\u{ffff}\u{10ffff}",
        "  spaces\n",
        "0",
        "null",
        "1e400",
    ];
    for text in texts {
        let answer = client.post(&user, text)?.must_be(201)?;
        ensure!(note_of(&answer)?.text == text, answer.wrong(format_args!("the text {text:?}")));
    }
    let listed: Vec<String> = client.notes(&user)?.into_iter().map(|note| note.text).collect();
    ensure!(listed == texts, "listed {listed:?}, made {texts:?}");
    Ok(())
}

fn ids_are_never_the_same(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("ids"));
    let mut ids = (0..100).map(|_| Ok(client.make(&user, "x")?.id)).collect::<Result<Vec<String>>>()?;
    ids.sort();
    ids.dedup();
    ensure!(ids.len() == 100, "only {} ids for 100 notes", ids.len());
    Ok(())
}

fn created_is_the_time_of_the_request(site: &Site) -> Result<()> {
    let now = || Ok::<_, anyhow::Error>(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64);
    let before = now()?;
    let created = site.client().make(&fresh_path("created"), "x")?.created_ms()?;
    let after = now()?;
    // A server elsewhere has a clock of its own; one that is minutes away is wrong anywhere.
    let allowed_ms = 120_000;
    let near = (before - allowed_ms..=after + allowed_ms).contains(&created);
    ensure!(near, "created at {created}, asked between {before} and {after} (milliseconds since the epoch)");
    Ok(())
}

fn list_is_oldest_first(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("list"));
    let made = (0..12).map(|index| client.make(&user, &format!("{}", 11 - index))).collect::<Result<Vec<_>>>()?;
    let listed = client.page(&user)?;
    ensure!(listed.notes == made, "listed {:?}, made in this order {made:?}", listed.notes);
    ensure!(listed.next.is_none(), "a whole list leads on to {:?}", listed.next);
    let first = made.first().context("none")?;
    client.patch(&format!("{user}/{}", first.id), "changed")?.must_be(200)?;
    let again = client.notes(&user)?;
    ensure!(again.first().map(|note| &note.id) == Some(&first.id), "a change moved the note: {again:?}");
    Ok(())
}

fn list_of_nobody_is_empty(site: &Site) -> Result<()> {
    let answer = site.client().get(&fresh_path("nobody"))?.must_be(200)?;
    ensure!(answer.body == br#"{"notes":[]}"#, answer.wrong(r#"{"notes":[]}"#));
    Ok(())
}

fn get_answers_the_note(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("get"));
    let made = [client.make(&user, "one")?, client.make(&user, "two")?];
    for note in made {
        let answer = client.get(&format!("{user}/{}", note.id))?.must_be(200)?;
        ensure!(note_of(&answer)? == note, answer.wrong(format_args!("{note:?}")));
    }
    Ok(())
}

fn patch_moves_updated_and_keeps_created(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("patch"));
    let (made, other) = (client.make(&user, "before")?, client.make(&user, "other")?);
    let path = format!("{user}/{}", made.id);
    let answer = client.patch(&path, "after")?.must_be(200)?;
    let patched = note_of(&answer)?;
    ensure!(patched.text == "after" && patched.id == made.id, answer.wrong("the same note with the new text"));
    ensure!(patched.created == made.created, answer.wrong(format_args!("created {}", made.created)));
    ensure!(patched.updated_ms()? > made.updated_ms()?, answer.wrong(format_args!("updated after {}", made.updated)));
    let listed = client.notes(&user)?;
    ensure!(listed == [patched.clone(), other], "listed {listed:?} after the change to {patched:?}");
    Ok(())
}

fn each_patch_moves_updated_by_a_millisecond_at_least(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("updated"));
    let made = client.make(&user, "x")?;
    let path = format!("{user}/{}", made.id);
    let mut last = made.updated_ms()?;
    for _ in 0..30 {
        let answer = client.patch(&path, "x")?.must_be(200)?;
        let updated = note_of(&answer)?.updated_ms()?;
        ensure!(updated > last, answer.wrong(format_args!("updated after {last} ms")));
        last = updated;
    }
    Ok(())
}

fn delete_answers_the_note_as_it_was(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("delete"));
    let (made, kept) = (client.make(&user, "gone")?, client.make(&user, "kept")?);
    let path = format!("{user}/{}", made.id);
    let changed = note_of(&client.patch(&path, "gone soon")?.must_be(200)?)?;
    let answer = client.delete(&path)?.must_be(200)?;
    ensure!(note_of(&answer)? == changed, answer.wrong(format_args!("{changed:?}")));
    client.delete(&path)?.must_be(404)?;
    client.get(&path)?.must_be(404)?;
    client.patch(&path, "x")?.must_be(404)?;
    let listed = client.notes(&user)?;
    ensure!(listed == [kept], "listed {listed:?} after one of two was removed");
    Ok(())
}

fn delete_of_a_user_leaves_nothing(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("erase"));
    let made = client.make(&user, "x")?;
    client.delete(&user)?.must_be(204)?;
    list_is(&client.get(&user)?, 0)?;
    client.get(&format!("{user}/{}", made.id))?.must_be(404)?;
    client.delete(&user)?.must_be(204)?;
    let again = client.make(&user, "again")?;
    ensure!(client.notes(&user)? == [again.clone()], "a user who begins anew has more than {again:?}");
    Ok(())
}

fn delete_of_nobody_answers_204(site: &Site) -> Result<()> {
    let user = fresh_path("nobody");
    site.client().delete(&user)?.must_be(204)?;
    list_is(&site.client().get(&user)?, 0)
}

fn list_is(answer: &Answer, length: usize) -> Result<()> {
    let found = crate::harness::note::page_of(answer)?.notes.len();
    ensure!(answer.status == 200 && found == length, answer.wrong(format_args!("a list of {length}")));
    Ok(())
}

fn unknown_notes_answer_404(site: &Site) -> Result<()> {
    let (client, nobody, user) = (site.client(), fresh_path("nobody"), fresh_path("somebody"));
    let made = client.make(&user, "x")?;
    let (upper, cut) = (made.id.to_uppercase(), made.id.trim_end_matches(char::is_alphanumeric));
    let longer = "note_".to_owned() + &"a".repeat(1000);
    for id in ["note_aaaaaaaaaaaaaaaa", "x", "%2e%2e", "%00", "%zz", "%ff", "%27", &upper, cut, &longer] {
        for path in [format!("{nobody}/{id}"), format!("{user}/{id}")] {
            client.get(&path)?.must_be(404)?;
            client.patch(&path, "x")?.must_be(404)?;
            client.delete(&path)?.must_be(404)?;
        }
    }
    ensure!(client.notes(&user)? == [made.clone()], "{made:?} changed");
    list_is(&client.get(&nobody)?, 0)
}

fn notes_of_others_answer_404(site: &Site) -> Result<()> {
    let (client, mine, other) = (site.client(), fresh_path("mine"), fresh_path("other"));
    let made = client.make(&mine, "mine")?;
    client.make(&other, "other's")?;
    let path = format!("{other}/{}", made.id);
    client.get(&path)?.must_be(404)?;
    client.patch(&path, "stolen")?.must_be(404)?;
    client.delete(&path)?.must_be(404)?;
    ensure!(client.notes(&mine)? == [made], "somebody else changed the note");
    Ok(())
}

fn unknown_paths_answer_404(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("paths"));
    let made = client.make(&user, "x")?;
    for path in
        [format!("{user}/{}/more", made.id), format!("{user}/{}/", made.id), format!("{user}/"), format!("{user}//")]
    {
        client.get(&path)?.must_be(404)?;
        client.delete(&path)?.must_be(404)?;
    }
    ensure!(client.notes(&user)? == [made], "a path that is none changed something");
    Ok(())
}
