//! Users `/user-0` and following: made over several connections at once, and their notes counted.

use super::requests::{BODY, TEXT};
use crate::http::Client;
use anyhow::{Context, anyhow, bail};
use std::net::SocketAddr;
use std::ops::Range;

/// Connections that make or count users.
const CLIENTS: u64 = 32;

/// Gives each of the users one note more.
pub(crate) fn create(address: SocketAddr, users: Range<u64>) -> anyhow::Result<()> {
    each(address, users, |client, user| client.post(user, BODY).map(|_| 1)).map(drop)
}

/// The notes of all of them together.
pub(crate) fn count_all(address: SocketAddr, users: Range<u64>) -> anyhow::Result<u64> {
    each(address, users, count)
}

/// Shares the users out to the connections, and adds up what `work` gives.
fn each(
    address: SocketAddr,
    users: Range<u64>,
    work: impl Fn(&mut Client, &str) -> anyhow::Result<u64> + Sync,
) -> anyhow::Result<u64> {
    let share = |first: u64| -> anyhow::Result<u64> {
        let mut client = Client::connect(address)?;
        let mine = users.clone().skip(first as usize).step_by(CLIENTS as usize);
        mine.map(|user| work(&mut client, &format!("/user-{user}"))).sum()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|first| scope.spawn(move || share(first))).collect();
        let counts = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a connection's thread"))?);
        counts.sum()
    })
}

/// Counts a user's notes, page by page; each must be what was written.
pub(crate) fn count(client: &mut Client, user: &str) -> anyhow::Result<u64> {
    let mut path = format!("{user}?limit=1000");
    let mut count = 0;
    loop {
        let page = client.get(&path)?;
        let notes = page["notes"].as_array().context("no notes")?;
        if let Some(other) = notes.iter().find(|note| note["text"] != TEXT) {
            bail!("{user} has a note that nobody wrote: {other}");
        }
        count += notes.len() as u64;
        match page["next"].as_str() {
            Some(cursor) => path = format!("{user}?limit=1000&cursor={cursor}"),
            None => return Ok(count),
        }
    }
}
