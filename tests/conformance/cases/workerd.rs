//! What workerd's own HTTP server does before the Worker sees a request: the differences that the README lists, so that
//! none is news, and none of them lets through what should have been refused.

use anyhow::{Result, ensure};

use crate::harness::case::cases;
use crate::harness::request::text_body;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http1 on Workerd ("it is about its HTTP server"):
        methods_that_it_does_not_know_are_refused,
        requests_without_a_host_are_refused,
        a_host_is_no_part_of_the_path,
        what_has_an_etag_asks_not_to_be_compressed;
}

fn methods_that_it_does_not_know_are_refused(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("methods"));
    let note = client.make(&user, "x")?;
    let body = String::from_utf8(text_body("changed"))?;
    for method in ["get", "Post", "delete", "GETT", "BREW"] {
        for path in [user.clone(), format!("{user}/{}", note.id)] {
            let mut connection = site.connect()?;
            let length = body.len();
            connection.send(format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
            ))?;
            connection.unchecked_answer(method)?.must_be(501)?;
            connection.closed()?;
        }
    }
    ensure!(client.notes(&user)? == [note], "a method that is unknown changed something");
    Ok(())
}

fn requests_without_a_host_are_refused(site: &Site) -> Result<()> {
    let user = fresh_path("host");
    for (request, status) in [
        (format!("GET {user} HTTP/1.1\r\n\r\n"), 400),
        (format!("GET {user} HTTP/1.0\r\n\r\n"), 400),
        (format!("GET {user} HTTP/1.0\r\nhost: localhost\r\n\r\n"), 200),
    ] {
        let mut connection = site.connect()?;
        connection.send(request)?;
        connection.unchecked_answer("GET")?.must_be(status)?;
    }
    Ok(())
}

fn a_host_is_no_part_of_the_path(site: &Site) -> Result<()> {
    // The Worker is given one URL, of which the Host is the beginning.
    let (client, victim) = (site.client(), fresh_path("victim"));
    let note = client.make(&victim, "x")?;
    for host in [format!("x{victim}?"), format!("x{victim}#"), format!("x{victim}/"), format!("x:1{victim}")] {
        for method in ["GET", "DELETE"] {
            let mut connection = site.connect()?;
            connection.send(format!("{method} {} HTTP/1.1\r\nhost: {host}\r\n\r\n", fresh_path("other")))?;
            connection.unchecked_answer(method)?.must_be(400)?;
        }
    }
    ensure!(client.notes(&victim)? == [note], "a host named the user whose notes were touched");
    Ok(())
}

fn what_has_an_etag_asks_not_to_be_compressed(site: &Site) -> Result<()> {
    // Cloudflare makes the ETag of what it compresses a weak one, which no If-Match can name.
    let (client, user) = (site.client(), fresh_path("etag"));
    let note = client.make(&user, "x")?;
    let answer = client.get(&format!("{user}/{}", note.id))?.must_be(200)?;
    answer.required("etag")?;
    ensure!(
        answer.required("cache-control")? == "private, no-cache, no-transform",
        "an answer with an ETag may be transformed"
    );
    Ok(())
}
