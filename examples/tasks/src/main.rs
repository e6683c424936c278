//! Lists of things to do, a database per user: how a program of another schema uses `ownbase-sql`.
//!
//! `build.rs` has SQLite check `migrations/` and `queries/`, and turns each query into a function of the module
//! `queries`, which is included below. Try it: break a query, or rename a column, and build.
//!
//!     cargo run -p tasks -- STATE_DIR USER add LIST TITLE [DUE]
//!     cargo run -p tasks -- STATE_DIR USER done ID
//!     cargo run -p tasks -- STATE_DIR USER

use std::env;
use std::path::Path;

use anyhow::{Context, bail};
use ownbase_database::engine::rusqlite::Files;
use ownbase_database::migration::{self, Access};
use ownbase_database::{Database, Environment, Error, Label, UserId};
use queries::{AddTask, ChangeTask};

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
include!(concat!(env!("OUT_DIR"), "/queries.rs"));

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, user, command @ ..] = arguments.as_slice() else {
        bail!("usage: tasks STATE_DIR USER [add LIST TITLE [DUE] | done ID]");
    };
    let files = Files::open(Path::new(folder), 1)?;
    let label = Label::from(&UserId::parse(user)?);
    migration::ready(&files, &label, MIGRATIONS, Access::Create)?;
    let database = files.open(&label)?;
    match command.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["add", list, title] => add(&database, list, title, None)?,
        ["add", list, title, due] => add(&database, list, title, Some(due))?,
        ["done", id] => done(&database, id.parse().context("ID is a number")?)?,
        [] => {}
        _ => bail!("no such command"),
    }
    print!("{}", show(&database)?);
    Ok(())
}

/// Adds a task, and its list where that is new: both or neither.
fn add(database: &impl Database, list: &str, title: &str, due: Option<&str>) -> Result<(), Error> {
    let task = AddTask { list, title, due };
    database.batch(&[queries::add_list(list).statement(), queries::add_task(task).statement()])
}

fn done(database: &impl Database, id: i64) -> anyhow::Result<()> {
    let task = queries::change_task(database, ChangeTask { id, title: None, done: Some(true) })?;
    let task = task.with_context(|| format!("there is no task {id}"))?;
    println!("{} is {}", task.title, if task.done { "done" } else { "open" });
    Ok(())
}

/// All lists and tasks.
fn show(database: &impl Database) -> Result<String, Error> {
    let mut text = format!("{} tasks\n", queries::count(database)?.all);
    for list in queries::overview(database)? {
        let list = list?;
        text += &format!("{}: {} open", list.name, list.open);
        if let (Some(next), Some(due)) = (&list.next, &list.due) {
            text += &format!(", {next} is due on {due}");
        }
        text.push('\n');
        for task in queries::tasks(database, &list.name)? {
            let task = task?;
            let (mark, due) = (if task.done { 'x' } else { ' ' }, task.due.unwrap_or_default());
            text += &format!("  [{mark}] {} {} {due}\n", task.id, task.title);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_added_shown_and_done() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let files = Files::open(folder.path(), 1)?;
        let label = Label::from(&UserId::parse("ann")?);
        migration::ready(&files, &label, MIGRATIONS, Access::Create)?;
        let database = files.open(&label)?;
        queries::add_list("empty").run(&database)?;
        add(&database, "home", "bake bread", None)?;
        add(&database, "home", "buy a tree", Some("2026-12-23"))?;
        done(&database, 1)?;
        assert!(done(&database, 9).is_err());
        let shown = "2 tasks\nempty: 0 open\nhome: 1 open, buy a tree is due on 2026-12-23\n  \
                     [ ] 2 buy a tree 2026-12-23\n  [x] 1 bake bread \n";
        assert_eq!(show(&database)?, shown);
        Ok(())
    }
}
