//! A request to a component that answers whole requests, with room for its answer.
//!
//! An answer of up to 64 KiB needs no room: there is one at most for each connection or HTTP/2 stream. One of up to 1 MiB
//! takes room once it is made. Whoever is about to make a longer one waits for room before the call, where no turn
//! and no instance is held: for half of the time that a request has, in one of the queue's places; then the answer is 503.
//!
//! Whether an answer will be a long one is known from the last time; of what nobody knows, only two are called at once. Where a
//! long one was not expected, the call of a `GET` or `HEAD` is stopped once it needs much memory, or its answer thrown away if
//! no room is left for it, and the component is called again once there is room: such requests change nothing that
//! would be changed twice (RFC 9110, section 9.2.1). Any other's answer is sent in any case.

use super::Thread;
use super::answer::Underway;
use super::failure::refusal;
use super::room::Taken;
use super::seats::Busy;
use crate::instance::Ticket;
use crate::instance::whole::lengths::Expected;
use crate::instance::whole::{Called, Whole};
use crate::problem::Refusal;
use bytes::Bytes;
use http::{Method, Request, Response};
use ownbase_spin_sqlite::Scope;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::SemaphorePermit;

/// An answer of at most this many bytes needs no room: head and body leave in one write.
pub(super) const MAX_WHOLE_BYTES: u64 = 64 << 10;

/// Room for a longer one is taken before the component is called. Less is made within the usual growth of an instance.
const MAX_USUAL_BYTES: usize = 1 << 20;
/// How long a request waits for what becomes of others of its kind; then it is called all the same.
const MAX_WAIT_FOR_OTHERS: Duration = Duration::from_secs(1);

/// The component's answer, in its room if it is long.
pub(super) async fn answer(
    thread: &Thread,
    whole: &Arc<Whole>,
    mut request: Request<Bytes>,
    busy: &Busy,
    deadline: Instant,
    underway: &mut Underway,
) -> Result<Response<Bytes>, Refusal> {
    let may_repeat = matches!(*request.method(), Method::GET | Method::HEAD);
    let key = whole.lengths.key(&request);
    let mut first_call = None;
    if whole.lengths.expected(key) == Expected::Unknown {
        first_call = whole.lengths.try_first_call(key);
        if first_call.is_none() {
            let latest = deadline.min(Instant::now() + MAX_WAIT_FOR_OTHERS);
            first_call = thread.gate.queue(latest, whole.lengths.first_call(key)).await?.flatten();
        }
    }
    let is_expected_long = whole.lengths.expected(key) == Expected::Long;
    let mut room = if is_expected_long { Some(wait(thread, busy, deadline).await?) } else { None };
    loop {
        let long = if room.is_some() { long_turn(thread, deadline).await? } else { None };
        let turn = thread.gate.enter(deadline).await?;
        underway.turn = Some(turn.clone());
        let ticket = Ticket { fate: underway.fate.clone(), scope: underway.scope.clone(), deadline, turn };
        let may_grow = room.is_some() || !may_repeat;
        let called = whole.answer(request, ticket, may_grow).await;
        drop(long);
        let Called { request: again, response } = called.map_err(|error| refusal(&error, deadline, underway))?;
        let is_long = response.as_ref().is_none_or(|response| response.body().len() > MAX_USUAL_BYTES);
        whole.lengths.remember(key, is_long);
        drop(first_call.take());
        if let Some(response) = response {
            let bytes = response.body().len();
            if bytes as u64 <= MAX_WHOLE_BYTES {
                return Ok(response);
            }
            let taken = match room {
                Some(room) => Some(room.settle(bytes)),
                None if may_repeat => thread.room.try_take(bytes),
                None => Some(thread.room.overdraw(bytes)),
            };
            if let Some(taken) = taken {
                return Ok(response.map(|body| taken.hold(body)));
            }
        }
        request = again;
        // What the call has begun ends here, as if it had not been made.
        underway.scope.end();
        underway.scope = Scope::new(Some(deadline));
        underway.turn = None;
        room = Some(wait(thread, busy, deadline).await?);
    }
}

/// The thread's turn for long answers, if it comes in time. Each computes for tens of milliseconds: two at a time would make
/// others on the thread wait twice as long.
async fn long_turn(thread: &Thread, deadline: Instant) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
    match thread.long.try_acquire() {
        Ok(turn) => Ok(Some(turn)),
        // The semaphore is never closed.
        Err(_) => Ok(thread.gate.queue(deadline, thread.long.acquire()).await?.and_then(Result::ok)),
    }
}

/// Room for any answer.
async fn wait(thread: &Thread, busy: &Busy, deadline: Instant) -> Result<Taken, Refusal> {
    if let Some(taken) = thread.room.try_reserve() {
        return Ok(taken);
    }
    let _waiting = busy.wait();
    let latest = deadline.checked_sub(thread.limits.request_timeout / 2).unwrap_or(deadline);
    thread.gate.queue(latest, thread.room.reserve()).await?.flatten().ok_or(Refusal::NoRoom)
}
