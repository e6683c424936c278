//! Clients at the same time.

use std::sync::Barrier;
use std::thread::{ScopedJoinHandle, scope};

use anyhow::{Result, anyhow};

/// Runs `client` `count` times at once, each on a thread of its own, all released at the same moment.
///
/// # Errors
/// The first client's that failed; all have ended by then.
pub(crate) fn together<T: Send>(count: usize, client: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    together_while(count, client, || Ok(()))
}

/// As [`together`], with `meanwhile` on this thread. Where the clients go on until it ends something, it must do so
/// in every case.
///
/// # Errors
/// The first client's that failed, else that of `meanwhile`; all have ended by then.
pub(crate) fn together_while<T: Send>(
    count: usize,
    client: impl Fn(usize) -> Result<T> + Sync,
    meanwhile: impl FnOnce() -> Result<()>,
) -> Result<Vec<T>> {
    let barrier = Barrier::new(count);
    scope(|scope| {
        let start = |index| {
            let (barrier, client) = (&barrier, &client);
            scope.spawn(move || {
                barrier.wait();
                client(index)
            })
        };
        let clients: Vec<_> = (0..count).map(start).collect();
        let ended = meanwhile();
        let results: Vec<Result<T>> = clients.into_iter().map(joined).collect();
        let results = results.into_iter().collect::<Result<Vec<T>>>()?;
        ended.map(|()| results)
    })
}

fn joined<T>(client: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    client.join().unwrap_or_else(|_| Err(anyhow!("a client panicked")))
}
