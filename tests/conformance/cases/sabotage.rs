//! The suite against engines built to fail: each sabotage must turn the case that guards against it red.

use anyhow::{Context, Result, bail, ensure};

use super::{isolation, kill, upgrade};
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::server::{NotStarted, refusal};

cases! {
    Sabotage:
        colliding_labels_turn_isolation_red,
        ignored_transactions_turn_failing_migrations_red,
        early_answers_turn_kill_red;
    Process: a_released_engine_refuses_sabotage;
}

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

fn colliding_labels_turn_isolation_red(engine: &Engine) -> Result<()> {
    let home = Home::new()?;
    let server = engine.sabotaged("label")?.start(&home, &[])?;
    is_red("isolation::no_user_sees_another", isolation::no_user_sees_another(server.site()))
}

fn ignored_transactions_turn_failing_migrations_red(engine: &Engine) -> Result<()> {
    let next = engine.next_build().context("needs OWNBASE_COMPONENT_NEXT too")?;
    let result = upgrade::a_failing_migration_changes_nothing(engine, &next.sabotaged("transaction")?);
    is_red("upgrade::a_failing_migration_changes_nothing", result)
}

fn early_answers_turn_kill_red(engine: &Engine) -> Result<()> {
    let result = kill::killed_servers_keep_what_they_acknowledged(&engine.sabotaged("commit")?);
    is_red("kill::killed_servers_keep_what_they_acknowledged", result)
}

fn a_released_engine_refuses_sabotage(engine: &Engine) -> Result<()> {
    for sabotage in ["label", "transaction", "commit"] {
        let home = Home::new()?;
        let error = refusal(engine.released_but_sabotaged(sabotage).command(&home, &[])?)?;
        ensure!(error.contains("OWNBASE_SABOTAGE"), "the refusal does not name OWNBASE_SABOTAGE: {error}");
    }
    Ok(())
}
