//! What workerd's own HTTP server does before the Worker sees a request: the differences that the README lists, so that
//! none is news, and none of them lets through what should have been refused.

use anyhow::{Result, ensure};

use crate::harness::case::cases;
use crate::harness::request::text_body;
use crate::harness::site::{Site, fresh_path, fresh_user};

cases! {
    Http on Workerd ("it is about its HTTP server"):
        methods_that_it_does_not_know_are_refused,
        dot_segments_are_taken_away,
        targets_without_a_host_are_refused;
}

fn methods_that_it_does_not_know_are_refused(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("methods"));
    let note = client.make(&user, "x")?;
    let body = String::from_utf8(text_body("changed"))?;
    for method in ["get", "Post", "delete", "GETT", "BREW"] {
        for path in [user.clone(), format!("{user}/{}", note.id)] {
            let mut connection = site.connect()?;
            let length = body.len();
            connection
                .send(format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"))?;
            connection.unchecked_answer(method)?.must_be(501)?;
            connection.closed()?;
        }
    }
    ensure!(client.notes(&user)? == [note], "a method that is unknown changed something");
    Ok(())
}

fn dot_segments_are_taken_away(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_user("dots"));
    let note = client.make(&format!("/{user}"), "x")?;
    for path in
        [format!("/x/../{user}"), format!("/./{user}"), format!("/../{user}"), format!("/{user}/x/../../{user}")]
    {
        let found = client.notes(&path)?;
        ensure!(found == [note.clone()], "{path} lists {found:?}, not the notes of {user}");
    }
    for (path, status) in [("/.", 200), ("/..", 200), (&format!("/{user}/."), 404), (&format!("/{user}/x/.."), 404)] {
        client.get(path)?.must_be(status)?;
    }
    Ok(())
}

fn targets_without_a_host_are_refused(site: &Site) -> Result<()> {
    let user = fresh_path("host");
    for (request, status) in [
        (format!("GET {user} HTTP/1.1\r\n\r\n"), 400),
        (format!("GET {user} HTTP/1.0\r\n\r\n"), 400),
        (format!("GET http://elsewhere.example{user} HTTP/1.1\r\nhost: x\r\n\r\n"), 500),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 500),
        (format!("GET {user} HTTP/1.0\r\nhost: x\r\n\r\n"), 200),
    ] {
        let mut connection = site.connect()?;
        connection.send(request)?;
        connection.unchecked_answer("GET")?.must_be(status)?;
    }
    Ok(())
}
