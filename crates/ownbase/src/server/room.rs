//! Room for long answers that are made and not yet taken: one bound in bytes for the process, `--max-unsent-bytes`.
//!
//! Nobody knows how long an answer becomes before the component is called. So a request that is known to make a long one
//! takes a quarter of all room before its call, and gives back at its end what the answer does not need. The quarter also
//! stands for the memory in which the component makes the answer: so four long answers at most are made at once, and fewer
//! the more room the unsent ones take. Requests that wait for a quarter get one in the order in which they came.
//!
//! An answer that was made without is let through if room is left for it. One that must not be made a second time is let
//! through in any case, and the room is overdrawn until it is taken.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// So many long answers are made at once, where no other is unsent.
const SHARES: usize = 4;

/// The room of the process. Clones are the same room.
#[derive(Clone)]
pub(crate) struct Room(Arc<Shared>);

struct Shared {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken_bytes: usize,
    waiting: VecDeque<oneshot::Sender<Taken>>,
}

/// A part of the room, free again when dropped.
pub(crate) struct Taken {
    room: Arc<Shared>,
    bytes: usize,
}

impl Room {
    /// Room for `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Shared { max_bytes, state: Mutex::default() }))
    }

    /// A part in which any answer may be made, if it is free and nobody waits for one.
    pub(crate) fn try_reserve(&self) -> Option<Taken> {
        let mut state = self.0.state();
        let share = self.0.share();
        state.waiting.retain(|waiter| !waiter.is_closed());
        if !state.waiting.is_empty() || !self.0.has(&state, share) {
            return None;
        }
        state.taken_bytes += share;
        Some(self.taken(share))
    }

    /// The same, once it is free.
    pub(crate) async fn reserve(&self) -> Option<Taken> {
        let (sender, receiver) = oneshot::channel();
        self.0.state().waiting.push_back(sender);
        self.0.serve_waiting();
        // The sender is dropped with the room only, which this is a part of.
        receiver.await.ok()
    }

    /// Room for an answer that is there, if there is any.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Taken> {
        let mut state = self.0.state();
        if !self.0.has(&state, bytes) {
            return None;
        }
        state.taken_bytes += bytes;
        Some(self.taken(bytes))
    }

    /// Room for an answer that is there, also where none is left.
    pub(crate) fn overdraw(&self, bytes: usize) -> Taken {
        self.0.state().taken_bytes += bytes;
        self.taken(bytes)
    }

    fn taken(&self, bytes: usize) -> Taken {
        Taken { room: self.0.clone(), bytes }
    }
}

impl Shared {
    fn share(&self) -> usize {
        self.max_bytes / SHARES
    }

    fn has(&self, state: &State, bytes: usize) -> bool {
        state.taken_bytes.saturating_add(bytes) <= self.max_bytes
    }

    /// Gives out what is free to those who wait, in order.
    fn serve_waiting(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let share = self.share();
            state.waiting.retain(|waiter| !waiter.is_closed());
            if !self.has(&state, share) {
                return;
            }
            let Some(waiter) = state.waiting.pop_front() else { return };
            state.taken_bytes += share;
            drop(state);
            // Whoever has left just now gives it back by dropping it.
            let _ = waiter.send(Taken { room: self.clone(), bytes: share });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Keeps room for an answer of so many bytes, and gives back the rest.
    pub(crate) fn settle(mut self, bytes: usize) -> Self {
        let mut state = self.room.state();
        state.taken_bytes = state.taken_bytes + bytes - self.bytes;
        drop(state);
        self.bytes = bytes;
        self.room.serve_waiting();
        self
    }

    /// The answer, whose room is free once the last part of it is dropped.
    pub(crate) fn hold(self, answer: Bytes) -> Bytes {
        Bytes::from_owner(Holding { answer, _taken: self })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.state().taken_bytes -= self.bytes;
        self.room.serve_waiting();
    }
}

struct Holding {
    answer: Bytes,
    _taken: Taken,
}

impl AsRef<[u8]> for Holding {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::FutureExt;

    #[test]
    fn who_waits_gets_room_in_order_and_answers_give_theirs_back_piece_by_piece() {
        let room = Room::new(400);
        let answer = room.try_reserve().unwrap().settle(250).hold(Bytes::from(vec![7; 250]));
        let second = room.try_reserve().unwrap();
        assert!(room.try_reserve().is_none(), "50 bytes are left, and a share has 100");
        let (mut third, mut fourth) = (Box::pin(room.reserve()), Box::pin(room.reserve()));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        drop(second);
        assert!((&mut fourth).now_or_never().is_none(), "the one before it comes first");
        let third = (&mut third).now_or_never().unwrap().unwrap();
        // 350 are taken.
        assert!(room.try_take(51).is_none());
        drop(room.try_take(50).unwrap());
        let last = answer.slice(249..);
        drop(answer);
        assert!((&mut fourth).now_or_never().is_none(), "a part of the answer still waits");
        drop(last);
        drop((fourth.now_or_never().unwrap(), third));
        assert_eq!(room.0.state().taken_bytes, 0);
    }

    #[test]
    fn who_leaves_takes_nothing() {
        let room = Room::new(4);
        let all = room.try_take(4).unwrap();
        let mut leaving = Box::pin(room.reserve());
        assert!((&mut leaving).now_or_never().is_none());
        let mut staying = Box::pin(room.reserve());
        assert!((&mut staying).now_or_never().is_none());
        drop(leaving);
        drop(all);
        drop(staying.now_or_never().unwrap().unwrap());
        assert_eq!(room.0.state().taken_bytes, 0);
        drop(room.try_reserve().unwrap());
    }

    #[test]
    fn what_is_longer_than_all_room_passes_and_keeps_others_out() {
        let room = Room::new(400);
        let long = room.try_reserve().unwrap().settle(5000);
        assert!(room.try_take(1).is_none() && room.try_reserve().is_none());
        let more = room.overdraw(5000);
        drop((long, more));
        assert_eq!(room.0.state().taken_bytes, 0);
    }
}
