//! Requests that are refused while there is no authentication: by another server's Host, or from another server's web page.

use anyhow::{Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::{Request, text_body};
use crate::harness::server::Server;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http:
        a_page_of_another_server_changes_nothing,
        a_page_of_the_server_itself_may_change_something;
    Http1: what_begins_like_the_server_s_own_origin_is_another;
    Http1 on Ownbase ("workerd's server refuses them itself, without a problem"): one_well_formed_host_is_asked_for;
    Process on Ownbase ("the Worker answers 403, whatever it listens on"):
        a_name_that_leads_to_loopback_is_refused_unless_it_is_given;
    Process on Workerd ("ownbase looks at the address that it listens on"): others_are_let_in_by_the_operator_alone;
}

/// Every request that changes something.
fn changes(user: &str, note: &str) -> [Request; 4] {
    let path = format!("{user}/{note}");
    [
        Request::new("POST", user).text("x"),
        Request::new("PATCH", &path).text("x"),
        Request::new("DELETE", &path),
        Request::new("DELETE", user),
    ]
}

fn a_page_of_another_server_changes_nothing(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("page"));
    let note = client.make(&user, "kept")?;
    for origin in ["null", "http://evil.example", "http://127.0.0.1:1", "https://evil.example:3000", "file://"] {
        for request in changes(&user, &note.id) {
            let answer = client.send(&request.header("origin", origin))?.must_be(403)?;
            ensure!(answer.detail()?.contains("Origin"), answer.wrong("a detail that names the Origin"));
        }
        // A simple request, which a browser sends without asking.
        let simple = Request::new("POST", &fresh_path("simple")).body(text_body("x")).header("origin", origin);
        client.send(&simple)?.must_be(403)?;
        for method in ["GET", "HEAD", "OPTIONS"] {
            client.send(&Request::new(method, &user).header("origin", origin))?.must_be_one_of(&[200, 204])?;
        }
    }
    ensure!(client.notes(&user)? == [note], "a page of another server changed something");
    Ok(())
}

fn a_page_of_the_server_itself_may_change_something(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("own-page"));
    let note = client.make(&user, "x")?;
    let origin = format!("http://{}", site.authority());
    for request in changes(&user, &note.id) {
        client.send(&request.header("origin", &origin))?.must_be_one_of(&[200, 201, 204])?;
    }
    Ok(())
}

fn what_begins_like_the_server_s_own_origin_is_another(site: &Site) -> Result<()> {
    let post = |host: &str, origins: &[&str]| -> Result<Answer> {
        let origins: String = origins.iter().map(|origin| format!("origin: {origin}\r\n")).collect();
        let mut connection = site.connect()?;
        connection.send(format!("DELETE {} HTTP/1.1\r\nhost: {host}\r\n{origins}\r\n", fresh_path("page")))?;
        connection.answer()
    };
    for (host, origin) in [
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("LOCALHOST:3000", "http://localhost:3000"),
        ("notes.localhost", "https://notes.localhost"),
        ("[::1]:3000", "http://[::1]:3000"),
    ] {
        post(host, &[origin])?.must_be(204)?;
        post(host, &[origin, "http://evil.example"])?.must_be_one_of(&[400, 403])?;
    }
    for origin in
        ["http://localhost.evil.example", "http://localhost:3001", "http://127.0.0.1", "http://localhost@evil.example"]
    {
        post("localhost", &[origin])?.must_be(403)?;
    }
    Ok(())
}

fn one_well_formed_host_is_asked_for(site: &Site) -> Result<()> {
    for (hosts, status) in [
        ("", 400),
        ("host: localhost\r\nhost: localhost\r\n", 400),
        ("host: localhost\r\nhost: evil.example\r\n", 400),
        ("host:\r\n", 400),
        ("host: a b\r\n", 400),
        ("host: localhost/john\r\n", 400),
        ("host: me@localhost\r\n", 400),
        ("host: localhost:http\r\n", 400),
        ("host: localhost, localhost\r\n", 400),
        ("host: localhost:3000\r\n", 200),
    ] {
        let mut connection = site.connect()?;
        connection.send(format!("GET / HTTP/1.1\r\n{hosts}\r\n"))?;
        connection.answer()?.must_be(status)?;
    }
    Ok(())
}

/// The answer to a list asked for by that name.
fn called(site: &Site, host: &str) -> Result<Answer> {
    let mut connection = site.connect()?;
    connection.send(format!("GET /john HTTP/1.1\r\nhost: {host}\r\n\r\n"))?;
    connection.answer()
}

fn a_name_that_leads_to_loopback_is_refused_unless_it_is_given(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &["--host", "Notes.example", "--host", "other.example"])?;
    let authority = server.site().authority().to_owned();
    for host in
        [&authority, "localhost", "notes.localhost:1", "[::1]", "127.9.9.9", "notes.EXAMPLE:8080", "other.example"]
    {
        called(server.site(), host)?.must_be(200)?;
    }
    for host in ["evil.example", "a.notes.example", "localhost.evil.example", "0.0.0.0", "127.0.0.1.evil.example"] {
        let answer = called(server.site(), host)?.must_be(421)?;
        ensure!(answer.detail()?.contains("--host"), answer.wrong("a detail that names the flag"));
    }
    let mut connection = server.site().connect()?;
    connection.send("GET http://evil.example/john HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    connection.answer()?.must_be(421)?;
    server.stop()
}

fn others_are_let_in_by_the_operator_alone(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    for host in ["localhost", "notes.localhost:1", "[::1]", "127.9.9.9"] {
        called(server.site(), host)?.must_be(200)?;
    }
    for host in ["notes.example", "localhost.evil.example", "192.168.1.5", "127.0.0.1.evil.example"] {
        let answer = called(server.site(), host)?.must_be(403)?;
        ensure!(answer.detail()?.contains("INSECURE_NO_AUTH"), answer.wrong("a detail that names the variable"));
    }
    server.stop()?;
    let mut command = engine.command(&home, &[])?;
    command.env("INSECURE_NO_AUTH", "1");
    let server = Server::start(engine.name(), command, &home)?;
    called(server.site(), "notes.example")?.must_be(200)?;
    server.stop()
}
