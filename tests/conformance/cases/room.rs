//! Where there is no room left: who may still do what, and that an erase makes room.

use anyhow::{Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::small_disk::SmallDisk;
use crate::harness::wait::wait_for;

cases! {
    Process on Ownbase ("it has the flags, and its disk is the machine's"):
        a_full_disk_still_erases_what_a_kill_left,
        no_more_users_than_may_be_have_a_database,
        a_full_state_directory_is_read_and_freed;
}

const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

fn a_full_disk_still_erases_what_a_kill_left(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let Some(disk) = SmallDisk::mount(&home.state_dir(), 32)? else { return Ok(()) };
    let server = engine.start(&home, &[])?;
    for user in ["/erased", "/kept"] {
        for index in 0..40 {
            server.site().client().make(user, &format!("{index} {}", "x".repeat(2000)))?;
        }
    }
    server.kill();
    let logs = home.paths()?.iter().filter(|path| path.to_string_lossy().ends_with("-wal")).count();
    ensure!(logs == 2, "the kill left {:?}", home.paths()?);
    disk.fill()?;
    // Without a bound of its own: the disk's is meant.
    let server = engine.start(&home, &["--max-state-bytes", "0"])?;
    let client = server.site().client();
    client.post("/new", "x")?.must_be(507)?;
    client.delete("/erased")?.must_be(204)?;
    let left = home.paths()?;
    ensure!(!left.iter().any(|path| path.to_string_lossy().contains("user-erased")), "the erase left {left:?}");
    ensure!(client.notes("/erased")?.is_empty(), "there is something of who was erased");
    disk.free()?;
    ensure!(client.notes("/kept")?.len() == 40, "another user lost notes");
    client.make("/new", "x")?;
    server.stop()
}

/// Waits until the server has counted: until a POST for which there is no room is refused. What it makes is erased.
fn refused(engine: &Engine, flags: &[&str], users: &[&str]) -> Result<(Home, crate::harness::server::Server)> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    for user in users {
        server.site().client().make(user, &"x".repeat(5000))?;
    }
    server.stop()?;
    let server = engine.start(&home, flags)?;
    let client = server.site().client();
    wait_for("the count", DEADLINE, || {
        let answer = client.post("/extra", "x")?.must_be_one_of(&[201, 507])?;
        if answer.status == 507 {
            ensure!(answer.detail()?.contains("full"), answer.wrong("a detail that says what is full"));
            return Ok(Some(()));
        }
        client.delete("/extra")?.must_be(204)?;
        Ok(None)
    })?;
    Ok((home, server))
}

fn no_more_users_than_may_be_have_a_database(engine: &Engine) -> Result<()> {
    let (home, server) = refused(engine, &["--max-users", "2"], &["/ann", "/bob"])?;
    let client = server.site().client();
    client.make("/ann", "more")?;
    ensure!(client.notes("/eve")?.is_empty(), "who was never made has notes");
    client.delete("/bob")?.must_be(204)?;
    client.make("/eve", "x")?;
    client.post("/bob", "x")?.must_be(507)?;
    server.stop()?;
    ensure!(home.databases()?.len() == 2, "two users have {:?}", home.databases()?);
    Ok(())
}

fn a_full_state_directory_is_read_and_freed(engine: &Engine) -> Result<()> {
    // Less than the compiled component takes.
    let (_home, server) = refused(engine, &["--max-state-bytes", "10000"], &["/ann", "/bob"])?;
    let client = server.site().client();
    let notes = client.notes("/ann")?;
    let [note] = notes.as_slice() else { anyhow::bail!("ann has {notes:?}") };
    client.post("/ann", "more")?.must_be(507)?;
    client.patch(&format!("/ann/{}", note.id), "another")?.must_be(507)?;
    client.get(&format!("/ann/{}", note.id))?.must_be(200)?;
    client.delete(&format!("/ann/{}", note.id))?.must_be(200)?;
    ensure!(client.notes("/ann")?.is_empty(), "a deleted note is there");
    client.delete("/bob")?.must_be(204)?;
    server.stop()
}
