//! How long each SQL function that the policy allows keeps from the clock, called with the largest values.
//!
//! The measurement is a test of `ownbase-spin-sqlite` (`tests/measured.rs`), compiled as the host is. An ordinary run of the
//! tests takes small values and times nothing.

use crate::repository::{Repository, run as run_command};

pub(crate) fn run(repository: &Repository, assert: bool) -> anyhow::Result<()> {
    let mut test = repository.cargo();
    test.args(["test", "--profile", "host", "--package", "ownbase", "--package", "ownbase-spin-sqlite", "--lib"]);
    test.args(["--", "--exact", "--nocapture", "tests::measured::no_function_keeps_from_the_clock_for_long"]);
    test.env("OWNBASE_PROVE_FUNCTIONS", "1");
    if assert {
        test.env("OWNBASE_PROVE_ASSERT", "1");
    }
    println!("the longest time without a look at the clock, by function, with the call that took it:");
    run_command(&mut test)
}
