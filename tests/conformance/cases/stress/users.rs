//! The users, and who shares them.

use super::plan::{CLIENTS, USERS};
use crate::harness::site::path_of;

/// Users shared by a few clients, after the one shared by all.
const FEW: usize = 16;

/// Who asks for a user's notes in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// One client.
    Alone,
    /// [`CLIENTS`] / [`FEW`] clients.
    Few,
    /// All clients.
    All,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) index: usize,
    pub(super) path: String,
    pub(super) share: Share,
}

/// Ids in pairs that differ in case alone, which other clients ask for: a mix-up of the two shows.
pub(super) fn all() -> Vec<User> {
    let user = |index: usize| {
        let id = format!("{}tress.{}", if index.is_multiple_of(2) { 's' } else { 'S' }, index / 2);
        let share = match index {
            0 => Share::All,
            1..=FEW => Share::Few,
            _ => Share::Alone,
        };
        User { index, path: path_of(&id), share }
    };
    (0..USERS).map(user).collect()
}

impl User {
    /// How every text of this user begins.
    pub(super) fn mark(&self) -> String {
        format!("<user {}>", self.index)
    }

    /// How every text of this user begins that this client wrote.
    pub(super) fn mark_of(&self, client: usize) -> String {
        format!("{}<client {client}>", self.mark())
    }

    /// Whether this client asks for this user in this round: each time other clients come together, and other ones
    /// have what one had alone.
    pub(super) fn is_for(&self, client: usize, round: usize) -> bool {
        match self.share {
            Share::All => true,
            Share::Few => (client + round * (client / FEW)) % FEW + 1 == self.index,
            Share::Alone => (self.index + round * 5) % CLIENTS == client,
        }
    }
}
