//! How much is done, and the seed of what is chosen at random.

use anyhow::{Context, Result, ensure};

use crate::harness::random::Random;

pub(super) const CLIENTS: usize = 64;
pub(super) const USERS: usize = 500;
pub(super) const KILLS: usize = 10;

/// Enough for every user to be evicted many times, in some seconds on two cores.
const REQUESTS: usize = 4000;

/// The seed and the size of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: usize,
    /// Answered before the last kill, what looks at the users after each start not counted.
    requests: usize,
}

impl Plan {
    /// `OWNBASE_STRESS_SEED` and `OWNBASE_STRESS_REQUESTS`, where they are set.
    pub(super) fn from_environment() -> Result<Self> {
        let plan = Self {
            seed: number_in("OWNBASE_STRESS_SEED")?.unwrap_or(1),
            requests: number_in("OWNBASE_STRESS_REQUESTS")?.unwrap_or(REQUESTS),
        };
        ensure!(plan.requests >= KILLS, "OWNBASE_STRESS_REQUESTS must be {KILLS} at least");
        Ok(plan)
    }

    /// How many requests are answered before the kill of this round: half to one and a half times its share.
    pub(super) fn answers(self, round: usize) -> usize {
        let share = self.requests / KILLS;
        share / 2 + self.random(round, CLIENTS).below(share + 1)
    }

    /// The choices of a client in a round.
    pub(super) fn random(self, round: usize, client: usize) -> Random {
        // 1000 is above the number of clients and of rounds.
        Random::new(self.seed.wrapping_mul(1_000_000).wrapping_add(round * 1000 + client))
    }
}

fn number_in(variable: &str) -> Result<Option<usize>> {
    let Ok(text) = std::env::var(variable) else { return Ok(None) };
    Ok(Some(text.parse().with_context(|| format!("{variable} must be a number, not {text:?}"))?))
}
