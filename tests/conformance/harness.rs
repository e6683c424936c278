//! What the cases stand on: an engine to start, clients to talk to it, and checks on what it answers.

pub(crate) mod answer;
pub(crate) mod case;
pub(crate) mod client;
pub(crate) mod colliding;
pub(crate) mod engine;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod home;
pub(crate) mod model;
pub(crate) mod note;
pub(crate) mod order;
pub(crate) mod random;
pub(crate) mod raw;
pub(crate) mod request;
pub(crate) mod rollout;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod small_disk;
pub(crate) mod strace;
pub(crate) mod together;
pub(crate) mod traced;
pub(crate) mod transport;
pub(crate) mod wait;
