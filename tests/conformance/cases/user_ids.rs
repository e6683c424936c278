//! User ids: what is one, what is not, which are the same and which are not.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::colliding::colliding_ids;
use crate::harness::note::page_of;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_user, path_of};

cases! {
    Http:
        ids_that_look_alike_are_different_users,
        percent_encodings_of_one_id_are_one_user,
        a_plus_is_a_plus,
        an_id_has_128_bytes_at_most,
        malformed_ids_answer_400,
        an_empty_id_answers_400,
        a_path_is_not_decoded_twice,
        a_path_is_taken_raw;
    Http1: bytes_beyond_ascii_are_the_id_or_refused;
}

fn ids_that_look_alike_are_different_users(site: &Site) -> Result<()> {
    let client = site.client();
    let ids = colliding_ids(&fresh_user("j"));
    ensure!(ids.iter().collect::<BTreeSet<_>>().len() == ids.len(), "the suite has an id twice");
    for id in &ids {
        client.make(&path_of(id), &format!("of {id}"))?;
    }
    for id in &ids {
        let answer = client.get(&path_of(id))?.must_be(200)?;
        let texts: Vec<String> = page_of(&answer)?.notes.into_iter().map(|note| note.text).collect();
        ensure!(texts == [format!("of {id}")], answer.wrong(format_args!("the one note of {id:?}")));
    }
    for id in &ids {
        client.delete(&path_of(id))?.must_be(204)?;
        let left = client.notes(&path_of(id))?;
        ensure!(left.is_empty(), "{id:?} was erased and has {left:?}");
    }
    Ok(())
}

fn percent_encodings_of_one_id_are_one_user(site: &Site) -> Result<()> {
    let client = site.client();
    let user = fresh_user("john");
    let note = client.make(&path_of(&user), "x")?;
    let all: String = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let rest = user.strip_prefix('j').context("the id begins with j")?;
    let spellings = [format!("%6A{rest}"), format!("%6a{rest}"), all.to_lowercase(), all, user.replace('-', "%2D")];
    for spelling in spellings {
        let found = client.notes(&format!("/{spelling}"))?;
        ensure!(found == [note.clone()], "/{spelling} lists {found:?}, /{user} has {note:?}");
        client.get(&format!("/{spelling}/{}", note.id))?.must_be(200)?;
        let answer = client.post(&format!("/{spelling}"), "y")?.must_be(201)?;
        let location = answer.required("location")?;
        ensure!(location.starts_with(&format!("/{user}/")), answer.wrong("Location in its one spelling"));
        client.delete(location)?.must_be(200)?;
    }
    let zoe = format!("Zoë~{user}");
    client.make(&path_of(&zoe), "x")?;
    for spelling in [format!("Zo%c3%ab~{user}"), format!("%5ao%C3%ab%7E{user}")] {
        let found = client.notes(&format!("/{spelling}"))?;
        ensure!(found.len() == 1, "/{spelling} is not /{zoe}");
    }
    Ok(())
}

fn a_plus_is_a_plus(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_user("plus"));
    client.make(&format!("/{user}+x"), "plus")?;
    ensure!(client.notes(&format!("/{user}%2Bx"))?.len() == 1, "/{user}+x and /{user}%2Bx are two users");
    ensure!(client.notes(&format!("/{user}%20x"))?.is_empty(), "/{user}+x is a user with a space");
    Ok(())
}

fn an_id_has_128_bytes_at_most(site: &Site) -> Result<()> {
    let (client, base) = (site.client(), fresh_user("long"));
    for letter in ["a", "A", "/", "é", "😀"] {
        let mut id = format!("{base}{}", "x".repeat((128 - base.len()) % letter.len()));
        id.push_str(&letter.repeat((128 - id.len()) / letter.len()));
        ensure!(id.len() == 128, "the suite made an id of {} bytes", id.len());
        client.make(&path_of(&id), "x")?;
        ensure!(client.notes(&path_of(&id))?.len() == 1, "{id:?} does not keep its note");
        refused(site, &path_of(&format!("{id}a")))?;
    }
    refused(site, &format!("/{}", "%61".repeat(129)))?;
    refused(site, &format!("/{}", "a".repeat(8000)))
}

/// Every method that touches a user answers 400 on `path`, and on a note under it.
fn refused(site: &Site, path: &str) -> Result<()> {
    let client = site.client();
    for (method, path) in [
        ("GET", path.to_owned()),
        ("DELETE", path.to_owned()),
        ("GET", format!("{path}/note_aaaaaaaaaaaaaaaa")),
        ("DELETE", format!("{path}/note_aaaaaaaaaaaaaaaa")),
    ] {
        client.send(&Request::new(method, &path))?.must_be(400)?;
    }
    client.post(path, "x")?.must_be(400)?;
    client.patch(&format!("{path}/note_aaaaaaaaaaaaaaaa"), "x")?.must_be(400)?;
    Ok(())
}

fn malformed_ids_answer_400(site: &Site) -> Result<()> {
    for id in [
        // `.` and `..`; as they are, a_path_is_taken_raw has them.
        "%2e",
        "%2E",
        ".%2e",
        "%2e.",
        "%2e%2e",
        "%2E%2E",
        // Percent signs that begin no byte.
        "%",
        "%%",
        "a%",
        "%4",
        "%zz",
        "%z1",
        "%1z",
        "a%2",
        "%u0041",
        "%-1",
        "%+1",
        "%0x",
        "%%34%31",
        // Bytes that are not UTF-8: stray, cut short, overlong, a surrogate, beyond Unicode.
        "%ff",
        "%80",
        "a%c3",
        "%c3%28",
        "%e2%82",
        "%c0%ae",
        "%c0%ae%c0%ae",
        "%e0%80%ae",
        "%ed%a0%80",
        "%f4%90%80%80",
        // Control characters, C0, DEL and C1.
        "%00",
        "a%00b",
        "john%00",
        "%01",
        "%09",
        "%0a",
        "%0d%0a",
        "%1b",
        "%1f",
        "%7f",
        "a%7F",
        "%c2%80",
        "%c2%85",
        "%c2%9f",
    ] {
        refused(site, &format!("/{id}"))?;
    }
    // Next to those: all of them letters or marks, none a control character.
    let base = fresh_user("not-control");
    for id in ["%20", "%c2%a0", "%e2%80%8b", "%ef%bb%bf", "%7E", "%25zz"] {
        site.client().make(&format!("/{base}{id}"), "x")?;
    }
    Ok(())
}

fn an_empty_id_answers_400(site: &Site) -> Result<()> {
    let client = site.client();
    for path in ["//", "//x", "//note_aaaaaaaaaaaaaaaa"] {
        client.get(path)?.must_be(400)?;
        client.delete(path)?.must_be(400)?;
    }
    Ok(())
}

fn a_path_is_taken_raw(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_user("raw"));
    let note = client.make(&path_of(&user), "x")?;
    refused(site, "/.")?;
    refused(site, "/..")?;
    // A URL parser would make /user of the first three and /user/note of the next.
    for (path, status) in [
        (format!("/x/../{user}"), 404),
        (format!("/./{user}"), 400),
        (format!("/../{user}"), 400),
        (format!("/x/../{user}/{}", note.id), 404),
        (format!("/{user}/./{}", note.id), 404),
        (format!("/{user}/x/../{}", note.id), 404),
        (format!("/{user}/.."), 404),
        (format!("/{user}/x/../.."), 404),
    ] {
        client.get(&path)?.must_be(status)?;
        client.delete(&path)?.must_be(status)?;
    }
    ensure!(client.notes(&path_of(&user))? == [note], "a path that climbs changed the notes of {user}");
    Ok(())
}

fn a_path_is_not_decoded_twice(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_user("decoded"));
    let note = client.make(&path_of(&user), "x")?;
    for (path, status) in [
        (format!("//{user}"), 400),
        (format!("/%2e/{user}"), 400),
        (format!("/x/%2e%2e/{user}"), 404),
        (format!("/{user}/x/%2E./{}", note.id), 404),
    ] {
        client.get(&path)?.must_be(status)?;
        client.delete(&path)?.must_be(status)?;
    }
    let slash = format!("x%2F..%2F{user}");
    ensure!(client.notes(&format!("/{slash}"))?.is_empty(), "/{slash} is /{user}");
    ensure!(client.notes(&format!("/{user}%3Flimit=0"))?.is_empty(), "/{user}%3Flimit=0 is /{user}");
    ensure!(client.notes(&format!("/{user}%23"))?.is_empty(), "/{user}%23 is /{user}");
    ensure!(client.notes(&path_of(&user))? == [note], "a path in disguise changed the notes of {user}");
    Ok(())
}

fn bytes_beyond_ascii_are_the_id_or_refused(site: &Site) -> Result<()> {
    // No client may send these; a server that takes them must take them for what they are.
    let user = fresh_user("é");
    let note = site.client().make(&path_of(&user), "x")?;
    let mut connection = site.connect()?;
    connection.send(format!("GET /{user} HTTP/1.1\r\nhost: localhost\r\n\r\n"))?;
    let answer = connection.unchecked_answer("GET")?.must_be_one_of(&[200, 400])?;
    if answer.status == 200 {
        ensure!(page_of(&answer)?.notes == [note], answer.wrong("the notes of the user in these bytes"));
    }
    let mut connection = site.connect()?;
    connection.send(b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    connection.unchecked_answer("GET")?.must_be(400)?;
    Ok(())
}
