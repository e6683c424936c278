//! The cases: a module for each section of api.md, and one for each promise around it.

use crate::harness::case::Case;

mod bodies;
mod caching;
mod callers;
mod conditional;
mod creation;
mod damage;
mod durability;
mod erase;
mod files;
mod first_access;
mod future;
mod isolation;
mod kill;
mod many_users;
mod methods;
mod model;
mod notes;
mod paging;
mod protocol;
mod request_id;
mod restart;
mod rollout;
mod rollout_killed;
mod room;
mod sabotage;
mod service;
mod set_aside;
mod slow_clients;
mod stress;
mod upgrade;
mod user_ids;
mod workerd;

/// All cases, in the order of api.md and then by promise.
pub(crate) fn all() -> Vec<Case> {
    [
        service::cases(),
        notes::cases(),
        paging::cases(),
        conditional::cases(),
        methods::cases(),
        bodies::cases(),
        user_ids::cases(),
        request_id::cases(),
        caching::cases(),
        callers::cases(),
        protocol::cases(),
        creation::cases(),
        first_access::cases(),
        isolation::cases(),
        files::cases(),
        erase::cases(),
        restart::cases(),
        kill::cases(),
        durability::cases(),
        upgrade::cases(),
        rollout::cases(),
        rollout_killed::cases(),
        future::cases(),
        damage::cases(),
        set_aside::cases(),
        room::cases(),
        many_users::cases(),
        slow_clients::cases(),
        workerd::cases(),
        sabotage::cases(),
        // Last, since what is timed would suffer beside it.
        model::cases(),
        stress::cases(),
    ]
    .concat()
}
