//! What a cache may keep: of a user nothing that others could be shown.

use anyhow::{Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http: what_concerns_a_user_is_for_that_user_s_cache_alone;
}

fn is_private(answer: Answer) -> Result<()> {
    let directives: Vec<&str> = answer.required("cache-control")?.split(',').map(str::trim).collect();
    for directive in ["private", "no-cache"] {
        ensure!(directives.contains(&directive), answer.wrong(format_args!("Cache-Control with {directive}")));
    }
    Ok(())
}

fn what_concerns_a_user_is_for_that_user_s_cache_alone(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("cache"));
    is_private(client.get(&user)?.must_be(200)?)?;
    let note = client.make(&user, "x")?;
    let path = format!("{user}/{}", note.id);
    is_private(client.post(&user, "y")?.must_be(201)?)?;
    is_private(client.get(&user)?.must_be(200)?)?;
    is_private(client.get(&format!("{user}?limit=1"))?.must_be(200)?)?;
    is_private(client.get(&path)?.must_be(200)?)?;
    is_private(client.send(&Request::new("HEAD", &path))?.must_be(200)?)?;
    // A shared cache would otherwise take the 304's headers for those of what it keeps.
    let tag = client.tag(&path)?;
    is_private(client.send(&Request::new("GET", &path).header("if-none-match", &tag))?.must_be(304)?)?;
    is_private(client.patch(&path, "z")?.must_be(200)?)?;
    is_private(client.send(&Request::new("PATCH", &path).text("x").header("if-match", &tag))?.must_be(412)?)?;
    is_private(client.get(&format!("{user}/note_aaaaaaaaaaaaaaaa"))?.must_be(404)?)?;
    is_private(client.get(&format!("{user}?limit=0"))?.must_be(400)?)?;
    is_private(client.send(&Request::new("PUT", &user))?.must_be(405)?)?;
    is_private(client.delete(&path)?.must_be(200)?)?;
    is_private(client.delete(&user)?.must_be(204)?)
}
