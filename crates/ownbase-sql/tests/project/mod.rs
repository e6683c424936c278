//! A project in a folder that is gone after the test.

#![allow(clippy::unwrap_used, dead_code)]

use std::fs;
use std::path::Path;

use ownbase_sql::{Error, Generated, Project, Request, generate};

pub(crate) struct TestProject {
    dir: tempfile::TempDir,
    pub(crate) project: Project,
}

impl TestProject {
    /// A project whose first migration makes `schema`.
    pub(crate) fn new(schema: &str) -> Self {
        let project = Self::empty(schema);
        project.generate("first").unwrap();
        project
    }

    /// A project without migrations.
    pub(crate) fn empty(schema: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::new(dir.path());
        fs::create_dir(project.migrations()).unwrap();
        fs::write(project.schema(), schema).unwrap();
        Self { dir, project }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn want(&self, schema: &str) -> &Self {
        fs::write(self.project.schema(), schema).unwrap();
        self
    }

    pub(crate) fn write(&self, file: &str, content: &str) -> &Self {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Generates and writes the next migration.
    pub(crate) fn generate(&self, name: &str) -> Result<Generated, Error> {
        self.generate_with(&Request { name: name.into(), ..Request::default() })
    }

    pub(crate) fn generate_with(&self, request: &Request) -> Result<Generated, Error> {
        let generated = generate(&self.project, request)?.expect("there is something to do");
        generated.write(&self.project)?;
        Ok(generated)
    }

    /// The text of the migration from one schema to another, without what is only refused if it is not allowed.
    pub(crate) fn change(from: &str, to: &str, renames: &[&str]) -> Result<String, Error> {
        let request = Request {
            name: "second".into(),
            renames: renames.iter().map(|rename| rename.parse().unwrap()).collect(),
            allow_data_loss: true,
        };
        Self::new(from).want(to).generate_with(&request).map(|generated| generated.text)
    }
}
