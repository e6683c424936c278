//! Writes the migration from what the migrations make to what `schema.sql` wants, and proves it first.
//!
//! - Renames are done where they are asked for; the rest is compared with the schema after them.
//! - What loses data is refused unless it is allowed, each loss by name.
//! - The text is tried as any migration is, on a database of every earlier version with rows in it ([`crate::prove`]).
//!
//! It writes SQL that SQLite 3.35 and later understands, with no PRAGMA. Rows of a table that is made anew keep their
//! order, and their rowid where that is a column (`INTEGER PRIMARY KEY`).

pub(crate) mod alter;
pub(crate) mod mention;
pub(crate) mod order;
pub(crate) mod plan;
pub(crate) mod rebuild;
pub(crate) mod rename;
pub(crate) mod script;

pub use self::rename::Rename;

use std::path::PathBuf;

use self::plan::Plan;
use self::rename::NewNames;
use crate::check::{Migration, Tried, try_files};
use crate::compatible;
use crate::fault::Error;
use crate::folder::{self, File};
use crate::project::Project;
use crate::prove::{Promise, Proof, prove};
use crate::schema::Schema;

/// What to generate.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The migration's name: `a`-`z`, `0`-`9` and `_`.
    pub name: String,
    /// What is called otherwise from now on.
    pub renames: Vec<Rename>,
    /// Whether tables and columns may be dropped and values converted.
    pub allow_data_loss: bool,
}

/// A migration that is not yet written.
#[derive(Debug, Clone)]
pub struct Generated {
    /// `0002_pin_notes.sql`
    pub file_name: String,
    /// What is to stand in it.
    pub text: String,
    /// What it loses, as it was allowed to.
    pub losses: Vec<String>,
    /// Builds whose newest migration is this or later work with it.
    pub compatible_with: u32,
    /// Why an older build does not, where one is known.
    pub incompatible: Option<String>,
    /// On what it was tried.
    pub proof: Proof,
}

impl Generated {
    /// Writes the migration into the project's folder.
    ///
    /// # Errors
    /// [`Error::Write`] where the file is there already or cannot be written.
    pub fn write(&self, project: &Project) -> Result<PathBuf, Error> {
        project.write_migration(&self.file_name, &self.text)
    }
}

/// Generates the next migration of a project; `None` where there is nothing to do.
///
/// ```no_run
/// use ownbase_sql::{Project, Request, generate};
///
/// let project = Project::new(".".as_ref());
/// let request = Request { name: "pin_notes".into(), ..Request::default() };
/// if let Some(generated) = generate(&project, &request)? {
///     println!("{}", generated.write(&project)?.display());
/// }
/// # Ok::<(), ownbase_sql::Error>(())
/// ```
///
/// # Errors
/// [`Error::Faults`] and the like as of [`crate::read_migrations`]; [`Error::Refused`] where data would be lost, a
/// rename fits nothing, or the proof fails.
pub fn generate(project: &Project, request: &Request) -> Result<Option<Generated>, Error> {
    let wanted = project.wanted()?;
    let mut faults = Vec::new();
    let files = folder::read(&project.migrations(), &mut faults)?;
    let Tried { migrations, plain } = try_files(files.clone(), faults)?;
    let file_name = project.next_file(&migrations, &request.name)?;
    let made = Schema::read(&plain.connection, "main")?;

    let renames = rename::statements(&request.renames, &made, &wanted).map_err(Error::Refused)?;
    for rename in &renames {
        plain
            .connection
            .execute_batch(rename)
            .map_err(|error| Error::Refused(format!("{rename}: {}", plain.explain(&error))))?;
    }
    let renamed = Schema::read(&plain.connection, "main")?;
    let plan = Plan::between(&renamed, &wanted).map_err(|faults| Error::Refused(faults.join("\n")))?;
    if renames.is_empty() && plan.is_empty() {
        return Ok(None);
    }
    if !plan.losses.is_empty() && !request.allow_data_loss {
        return Err(Error::Refused(refusal(&plan)));
    }

    let body = script::script(&renames, &plan);
    let tried = |text: &str| -> Result<Vec<Migration>, Error> {
        let path = project.migrations().join(&file_name);
        let file =
            File::new(&path, &file_name, text.as_bytes().to_vec()).map_err(|fault| Error::Faults(vec![fault]))?;
        Ok(try_files(files.iter().cloned().chain([file]).collect(), Vec::new())?.migrations)
    };
    let migrations = tried(&text(&body, None))?;
    let names = NewNames::new(&request.renames);
    let proof = prove(&migrations, &wanted, Some(&Promise { names: &names })).map_err(|why| {
        Error::Refused(format!("the generated migration does not hold, and is not written: {why}\n{body}"))
    })?;
    let holds = compatible::compute(project, &migrations)?;
    let newest = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let text = text(&body, (holds.version < newest).then_some(holds.version));
    tried(&text)?;
    let (losses, compatible_with, incompatible) = (plan.losses, holds.version, holds.why);
    Ok(Some(Generated { file_name, text, losses, compatible_with, incompatible, proof }))
}

fn text(body: &str, compatible_with: Option<u32>) -> String {
    let compatible = compatible_with.map_or(String::new(), |version| format!("-- compatible-with: {version}\n"));
    format!("{compatible}{}", if compatible.is_empty() { body.trim_start() } else { body })
}

fn refusal(plan: &Plan) -> String {
    format!(
        "this loses data:\n  {}\nA column or table with a new name is kept by --rename OLD=NEW; what is meant to go \
         goes with --allow-data-loss",
        plan.losses.join("\n  ")
    )
}
