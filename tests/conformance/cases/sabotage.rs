//! Engines built to fail. With ownbase's faults the case that guards against each must turn red; workerd's is a panic,
//! which must do no harm.

use anyhow::{Context, Result, bail, ensure};

use super::{isolation, kill, set_aside, stress, upgrade};
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::Request;
use crate::harness::server::{NotStarted, refusal};

cases! {
    Sabotage on Ownbase ("the faults are those of its host"):
        colliding_labels_turn_isolation_red,
        ignored_transactions_turn_failing_migrations_red,
        early_answers_turn_kill_red,
        colliding_labels_turn_stress_red,
        early_answers_turn_stress_red,
        trusted_logs_turn_damage_red,
        a_read_before_an_erase_turns_an_unreadable_file_red,
        unfinished_erases_turn_erase_red;
    Process on Ownbase ("it reads OWNBASE_SABOTAGE"): a_released_engine_refuses_sabotage;
    Sabotage on Workerd ("its Worker has the fault"): a_panic_answers_500_and_keeps_nothing;
    Process on Workerd ("its Worker reads the header"): a_released_worker_knows_no_sabotage;
}

/// Asks a Worker that is built for it to panic once a request is carried out.
const PANIC: (&str, &str) = ("x-ownbase-sabotage", "panic");

/// The guard must have failed, and not because the engine did not even start.
fn is_red(guard: &str, result: Result<()>) -> Result<()> {
    match result {
        Ok(()) => bail!("{guard} passed against an engine that it must catch"),
        Err(error) => {
            ensure!(error.downcast_ref::<NotStarted>().is_none(), "{guard} failed for another reason: {error:?}");
            Ok(())
        }
    }
}

fn colliding_labels_turn_isolation_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    let home = Home::new(sabotage)?;
    let server = sabotage.asked_to_fail("label")?.start(&home, &[])?;
    is_red("isolation::no_user_sees_another", isolation::no_user_sees_another(server.site()))
}

fn ignored_transactions_turn_failing_migrations_red(engine: &Engine, sabotage: &Engine) -> Result<()> {
    let next = sabotage.next_build().context("needs OWNBASE_COMPONENT_NEXT too")?;
    let result = upgrade::a_failing_migration_changes_nothing(engine, &next.asked_to_fail("transaction")?);
    is_red("upgrade::a_failing_migration_changes_nothing", result)
}

fn early_answers_turn_kill_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    let result = kill::killed_servers_keep_what_they_acknowledged(&sabotage.asked_to_fail("commit")?);
    is_red("kill::killed_servers_keep_what_they_acknowledged", result)
}

fn colliding_labels_turn_stress_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    turns_stress_red(sabotage, "label")
}

fn early_answers_turn_stress_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    turns_stress_red(sabotage, "commit")
}

fn turns_stress_red(sabotage: &Engine, fault: &'static str) -> Result<()> {
    let result = stress::killed_under_random_requests(&sabotage.asked_to_fail(fault)?);
    is_red("stress::killed_under_random_requests", result)
}

fn trusted_logs_turn_damage_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    let result = set_aside::a_damaged_log_is_set_aside_and_its_user_is_told(&sabotage.asked_to_fail("log")?);
    is_red("set_aside::a_damaged_log_is_set_aside_and_its_user_is_told", result)
}

fn a_read_before_an_erase_turns_an_unreadable_file_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    let result = set_aside::a_file_that_cannot_be_read_can_be_erased(&sabotage.asked_to_fail("unreadable")?);
    is_red("set_aside::a_file_that_cannot_be_read_can_be_erased", result)
}

fn unfinished_erases_turn_erase_red(_: &Engine, sabotage: &Engine) -> Result<()> {
    let result = set_aside::an_erase_that_was_cut_short_is_finished(&sabotage.asked_to_fail("erase")?);
    is_red("set_aside::an_erase_that_was_cut_short_is_finished", result)
}

fn a_released_engine_refuses_sabotage(engine: &Engine) -> Result<()> {
    for sabotage in ["label", "transaction", "commit", "log", "unreadable", "erase", "refused"] {
        let home = Home::new(engine)?;
        let error = refusal(engine.asked_to_fail(sabotage)?.command(&home, &[])?)?;
        ensure!(error.contains("OWNBASE_SABOTAGE"), "the refusal does not name OWNBASE_SABOTAGE: {error}");
    }
    Ok(())
}

fn a_panic_answers_500_and_keeps_nothing(_: &Engine, sabotage: &Engine) -> Result<()> {
    let home = Home::new(sabotage)?;
    let server = sabotage.start(&home, &[])?;
    let client = server.site().client();
    let (note, other) = (client.make("/user", "x")?, client.make("/other", "x")?);
    let path = format!("/user/{}", note.id);
    for _ in 0..3 {
        for request in [
            Request::new("GET", "/user"),
            Request::new("POST", "/user").text("never acknowledged"),
            Request::new("PATCH", &path).text("never acknowledged"),
            Request::new("DELETE", &path),
            Request::new("POST", "/new").text("never acknowledged"),
        ] {
            client.send(&request.header(PANIC.0, PANIC.1))?.must_be(500)?;
            // What comes next is served, by a memory that knows nothing of the panic.
            let found = client.notes("/user")?;
            ensure!(found == [note.clone()], "after a panic /user has {found:?}, made was {note:?}");
        }
    }
    ensure!(client.notes("/other")? == [other], "a panic changed the notes of another user");
    ensure!(client.notes("/new")?.is_empty(), "a POST that panicked made a note");
    // What was undone with the panic must be made again: the object must not remember it as done.
    let first = client.make("/new", "x")?;
    ensure!(client.notes("/new")? == [first], "a user whose first POST panicked keeps no note");
    server.stop()
}

fn a_released_worker_knows_no_sabotage(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let request = Request::new("POST", "/user").text("x").header(PANIC.0, PANIC.1);
    server.site().client().send(&request)?.must_be(201)?;
    server.stop()
}
