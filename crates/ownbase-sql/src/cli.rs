//! The command `migration`: its flags, and what it says.
//!
//! `cargo xtask migration …` and `ownbase migration …` are this. What it did goes to stdout, line by line; what is
//! wrong is the error that [`run`] returns. No file is ever written over.

use std::io::Write;
use std::path::PathBuf;

use clap::{Subcommand, value_parser};

use crate::{Error, Project, Proof, Rename, Request};

/// Flags of `migration`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The folder that holds schema.sql and migrations/
    #[arg(long, value_name = "FOLDER", default_value = ".", global = true)]
    project: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Write the next migration: from what the migrations make to what schema.sql wants
    Generate {
        /// The migration's name: a-z, 0-9 and _
        name: String,
        /// A table's (old=new) or a column's (table.old=table.new) new name; repeatable
        #[arg(long, value_name = "OLD=NEW", value_parser = value_parser!(Rename))]
        rename: Vec<Rename>,
        /// Drop tables and columns that schema.sql does not have, and convert values to another type
        #[arg(long)]
        allow_data_loss: bool,
    },
    /// Check that schema.sql and the migrations fit, apply to databases with rows, and break no older build they name
    Check {
        /// Run only the kept queries of builds whose newest migration is N, on the newest schema
        #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=9999))]
        compatible_with: Option<u32>,
    },
    /// Make the next migration's file, empty, to be written by hand
    New {
        /// The migration's name: a-z, 0-9 and _
        name: String,
    },
    /// Release the migrations: list them in migrations/checksums, so that they never change, and keep queries/
    Release,
}

/// Does what was asked for.
///
/// # Errors
/// Why it was not done, in words for whoever typed the command.
pub fn run(args: &Args) -> Result<(), Error> {
    let project = Project::new(&args.project);
    let said = match &args.command {
        Command::Generate { name, rename, allow_data_loss } => {
            let request = Request { name: name.clone(), renames: rename.clone(), allow_data_loss: *allow_data_loss };
            generate(&project, &request)?
        }
        Command::Check { compatible_with: None } => check(&project)?,
        Command::Check { compatible_with: Some(version) } => {
            crate::check_compatible_with(&project, *version)?;
            format!("builds of {version:04} work with the newest schema, as far as their kept queries tell")
        }
        Command::New { name } => {
            let path = crate::new_migration(&project, name)?;
            format!("wrote {}: write its statements, and change schema.sql to what they make", path.display())
        }
        Command::Release => release(&project)?,
    };
    // Nobody listens any more: what was to be done is done.
    let _ = writeln!(std::io::stdout(), "{said}");
    Ok(())
}

fn generate(project: &Project, request: &Request) -> Result<String, Error> {
    let Some(generated) = crate::generate(project, request)? else {
        return Ok("nothing to do: schema.sql is what the migrations make".into());
    };
    let path = generated.write(project)?;
    let mut lines = vec![format!("wrote {}", path.display())];
    lines.extend(generated.losses.iter().map(|loss| format!("  as allowed: {loss}")));
    lines.extend(proved(&generated.proof));
    lines.push(format!("  compatible with builds of {:04} and later", generated.compatible_with));
    lines.extend(generated.incompatible.map(|why| format!("  {why}")));
    Ok(lines.join("\n"))
}

fn check(project: &Project) -> Result<String, Error> {
    let checked = crate::check(project)?;
    let mut lines = vec![format!("schema.sql and the migrations (newest {:04}) are one", checked.newest)];
    lines.extend(proved(&checked.proof));
    if let Some(version) = checked.may_claim {
        lines.push(format!(
            "  the queries of builds of {version:04} and later work with {:04}: it may say `-- compatible-with: {version}`",
            checked.newest
        ));
    }
    Ok(lines.join("\n"))
}

fn release(project: &Project) -> Result<String, Error> {
    let release = crate::release(project)?;
    let mut lines: Vec<String> = release.migrations.iter().map(|name| format!("released {name}")).collect();
    lines.extend(release.queries.iter().map(|path| format!("kept {}", path.display())));
    if lines.is_empty() {
        lines.push("nothing to do: every migration is released, and these queries are kept".into());
    } else if !project.queries().exists() {
        lines.push("no queries/: nothing will tell whether this build works with a later schema".into());
    }
    Ok(lines.join("\n"))
}

fn proved(proof: &Proof) -> Vec<String> {
    let kept = if proof.rows > 0 { format!(", {} rows kept", proof.rows) } else { String::new() };
    let mut lines = vec![format!("  proved on {} databases of every earlier version{kept}", proof.databases)];
    lines.extend(
        proof.without_rows.iter().map(|table| format!("  no rows could be made for {table}: not proved there")),
    );
    lines.extend(proof.cautions.iter().map(|why| format!("  a database whose rows break it stays as it was: {why}")));
    lines
}
