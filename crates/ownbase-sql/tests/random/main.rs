//! Random schemas through random edits: generated, applied to a database with rows, compared.
//!
//! `OWNBASE_RANDOM_CASES=5000` runs more of them than CI does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod database;
mod edit;
mod model;
#[path = "../project/mod.rs"]
mod project;

use fastrand::Rng;
use ownbase_sql::{Error, Request, check, generate, read_migrations};
use proptest::prelude::*;

use database::UserDatabase;
use project::TestProject;

/// Edits of one schema.
const EDITS: usize = 3;

/// One schema through its edits; how many of them a migration was made for.
fn live(seed: u64) -> usize {
    let mut random = Rng::with_seed(seed);
    let mut model = edit::first(&mut random);
    let project = TestProject::new(&model.sql());
    let migrations = || read_migrations(&project.project.migrations()).unwrap();
    let mut user = UserDatabase::new(random.bool());
    assert!(user.apply(&migrations()[0]));
    user.insert(&model, &mut random);
    let mut made = 0;
    for number in 0..EDITS {
        let old = model.clone();
        edit::edit(&mut model, &mut random);
        let renames = edit::renames(&old, &model);
        let sql = model.sql();
        let request = Request {
            name: format!("edit_{number}"),
            renames: renames.iter().map(|rename| rename.parse().unwrap()).collect(),
            allow_data_loss: true,
        };
        let generated = match generate(&project.want(&sql).project, &request) {
            Ok(None) => continue,
            Ok(Some(generated)) => generated,
            // Constraints that contradict what is there: nothing is written.
            Err(Error::Refused(why)) if why.contains("failed on every database") => return made,
            Err(error) => panic!("{error}\nrenames: {renames:?}\nfrom:\n{}\nto:\n{sql}", old.sql()),
        };
        generated.write(&project.project).unwrap();
        let before = user.values(&old);
        if !user.apply(migrations().last().unwrap()) {
            assert!(!generated.proof.cautions.is_empty() || user_alone_breaks(&generated.text), "{}", generated.text);
            return made;
        }
        user.check_kept(&before, &old, &model);
        user.check_schema(&sql);
        user.insert(&model, &mut random);
        made += 1;
    }
    check(&project.project).unwrap();
    made
}

/// A new UNIQUE may meet two equal values in these rows and in none of the generated ones; only a rebuild or an index
/// can bring one.
fn user_alone_breaks(text: &str) -> bool {
    text.contains("UNIQUE")
}

fn cases() -> u32 {
    std::env::var("OWNBASE_RANDOM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_loses_what_it_need_not(seed in any::<u64>()) {
        live(seed);
    }
}

#[test]
fn most_edits_are_carried_out() {
    let made: usize = (0..8).map(live).sum();
    assert!(made > 8 * EDITS / 2, "only {made} of {} edits", 8 * EDITS);
}
