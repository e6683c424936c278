//! Only a valid POST makes a database, and a user without one is answered as api.md says.

use anyhow::{Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::{Request, text_body};
use crate::harness::site::Site;

cases! {
    Process: only_a_valid_post_makes_a_database, an_empty_file_is_a_user_without_notes;
}

/// Every request that must not make a database for `/nobody`, with its status.
fn harmless() -> Vec<(Request, u16)> {
    let (user, note) = ("/nobody", "/nobody/note_aaaaaaaaaaaaaaaa");
    let json = |body: &str| Request::new("POST", user).header("content-type", "application/json").body(body);
    vec![
        (Request::new("GET", user), 200),
        (Request::new("GET", "/nobody?limit=1"), 200),
        (Request::new("GET", "/nobody?limit=0"), 400),
        (Request::new("HEAD", user), 200),
        (Request::new("DELETE", user), 204),
        (Request::new("PUT", user).text("x"), 405),
        (Request::new("PATCH", user).text("x"), 405),
        (Request::new("GET", note), 404),
        (Request::new("HEAD", note), 404),
        (Request::new("GET", note).header("if-none-match", "*"), 404),
        (Request::new("PATCH", note).text("x"), 404),
        (Request::new("PATCH", note).header("if-match", "*").text("x"), 404),
        (Request::new("DELETE", note), 404),
        (Request::new("POST", note).text("x"), 405),
        (Request::new("POST", "/nobody/").text("x"), 404),
        (Request::new("POST", "/nobody/a/b").text("x"), 404),
        (json("{"), 400),
        (json("{}"), 400),
        (json(r#"{"text":1}"#), 400),
        (json(r#"{"text":" "}"#), 422),
        (Request::new("POST", user).text(&"a".repeat(65_537)), 422),
        (Request::new("POST", user).text(&"a".repeat(140_000)), 413),
        (Request::new("POST", user).header("content-type", "text/plain").body(text_body("x")), 415),
        (Request::new("POST", "/%2e%2e").text("x"), 400),
        (Request::new("POST", "/nobody%00").text("x"), 400),
        (Request::new("POST", "/").text("x"), 405),
    ]
}

fn only_a_valid_post_makes_a_database(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    send_harmless(server.site(), &home)?;
    server.stop()?;
    // Again with nothing remembered, and then as a user who was erased.
    let server = engine.start(&home, &[])?;
    send_harmless(server.site(), &home)?;
    let client = server.site().client();
    client.make("/nobody", "x")?;
    ensure!(home.made()?.contains(&home.path_of("nobody")?), "a valid POST made no database: {:?}", home.made()?);
    client.delete("/nobody")?.must_be(204)?;
    ensure!(home.made()?.is_empty(), "databases are left after DELETE /nobody: {:?}", home.made()?);
    send_harmless(server.site(), &home)?;
    server.stop()?;
    ensure!(home.made()?.is_empty(), "the end of the server left {:?}", home.made()?);
    Ok(())
}

fn send_harmless(site: &Site, home: &Home) -> Result<()> {
    let client = site.client();
    for (request, status) in harmless() {
        let answer = client.send(&request)?.must_be(status)?;
        let made = home.made()?;
        ensure!(made.is_empty(), answer.wrong(format_args!("no database, and there is {made:?}")));
    }
    Ok(())
}

fn an_empty_file_is_a_user_without_notes(engine: &Engine) -> Result<()> {
    // What a power cut at the right moment leaves of a user's first POST.
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    for user in ["/early", "/late"] {
        server.site().client().make(user, "x")?;
    }
    server.stop()?;
    for path in home.paths()? {
        std::fs::write(path, b"")?;
    }
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    ensure!(client.notes("/early")?.is_empty(), "notes in an empty file");
    client.get("/early/note_aaaaaaaaaaaaaaaa")?.must_be(404)?;
    for user in ["/early", "/late"] {
        let note = client.make(user, "again")?;
        ensure!(client.notes(user)? == [note], "a user whose file was empty does not keep a note");
    }
    server.stop()
}
