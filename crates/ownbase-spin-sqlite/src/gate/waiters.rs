//! Those who wait for something to change, and are woken with one call for each runtime.
//!
//! To wake a task from another thread is a system call each time, from the thread that runs it none. So of those who wait
//! on one runtime one is woken from outside, the leader, and wakes the others when it looks.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
};

#[derive(Default)]
pub(super) struct Waiters(Mutex<Vec<(Option<Id>, Arc<Group>)>>);

/// Those on one runtime, or on none of tokio's.
#[derive(Default)]
struct Group {
    is_led: AtomicBool,
    leader: Notify,
    others: Notify,
}

impl Waiters {
    /// Has all who wait look again.
    pub(super) fn ring(&self) {
        for (_, group) in self.groups().iter().filter(|(_, group)| group.is_led.load(SeqCst)) {
            group.leader.notify_one();
        }
    }

    /// Waits until `look` finds what it looks for. It must see all that was changed before a `ring`.
    pub(super) async fn wait<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let group = self.group();
        loop {
            // Before the look: from here on no change is missed.
            let woken = group.others.notified();
            if let Some(found) = look() {
                return found;
            }
            match group.lead() {
                None => woken.await,
                Some(_lead) => {
                    // What was changed before there was a leader nobody was told.
                    if let Some(found) = look() {
                        return found;
                    }
                    group.leader.notified().await;
                }
            }
        }
    }

    fn group(&self) -> Arc<Group> {
        let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
        let mut groups = self.groups();
        if let Some((_, group)) = groups.iter().find(|(known, _)| *known == runtime) {
            return group.clone();
        }
        groups.retain(|(_, group)| Arc::strong_count(group) > 1);
        let group = Arc::<Group>::default();
        groups.push((runtime, group.clone()));
        group
    }

    fn groups(&self) -> MutexGuard<'_, Vec<(Option<Id>, Arc<Group>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn lead(&self) -> Option<Lead<'_>> {
        (!self.is_led.swap(true, SeqCst)).then(|| Lead(self))
    }
}

/// Ends, for whatever reason, with the others looking, of whom one leads on.
struct Lead<'a>(&'a Group);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.is_led.store(false, SeqCst);
        self.0.others.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{
        pin::{Pin, pin},
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::{Context, Poll, Wake, Waker},
        thread::{self, ThreadId},
        time::{Duration, Instant},
    };

    /// Counts how often it is woken by another thread than its own.
    struct Counted(ThreadId, AtomicUsize, Waker);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(usize::from(thread::current().id() != self.0), Relaxed);
            self.2.wake_by_ref();
        }
    }

    /// A future, and how often another thread has woken it.
    async fn counted<F: Future>(future: F) -> (F::Output, usize) {
        let mut future = pin!(future);
        let mut waker = None;
        let output = std::future::poll_fn(|context: &mut Context<'_>| {
            let new = || Arc::new(Counted(thread::current().id(), AtomicUsize::new(0), context.waker().clone()));
            let waker = waker.get_or_insert_with(new);
            Pin::as_mut(&mut future).poll(&mut Context::from_waker(&waker.clone().into()))
        });
        let output = output.await;
        (output, waker.map_or(0, |waker| waker.1.load(Relaxed)))
    }

    #[tokio::test]
    async fn a_ring_reaches_all_and_wakes_one_from_outside() {
        let (waiters, open) = (Arc::new(Waiters::default()), Arc::new(AtomicBool::new(false)));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (waiters, open) = (waiters.clone(), open.clone());
                tokio::spawn(counted(async move { waiters.wait(|| open.load(SeqCst).then_some(())).await }))
            })
            .collect();
        tokio::task::yield_now().await;
        let ringing = thread::spawn(move || {
            open.store(true, SeqCst);
            waiters.ring();
        });
        let mut from_outside = 0;
        for task in tasks {
            from_outside += tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap().1;
        }
        ringing.join().unwrap();
        assert_eq!(from_outside, 1);
    }

    #[tokio::test]
    async fn a_leader_who_leaves_is_followed_by_another() {
        let (waiters, open) = (Waiters::default(), AtomicBool::new(false));
        let look = || open.load(SeqCst).then_some(());
        let mut following = Box::pin(waiters.wait(look));
        {
            let mut leading = Box::pin(waiters.wait(look));
            let context = &mut Context::from_waker(Waker::noop());
            assert_eq!(leading.as_mut().poll(context), Poll::Pending);
            assert_eq!(following.as_mut().poll(context), Poll::Pending);
        }
        assert_eq!(following.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        open.store(true, SeqCst);
        waiters.ring();
        tokio::time::timeout(Duration::from_secs(20), following).await.unwrap();
    }

    #[tokio::test]
    async fn a_ring_before_there_is_a_leader_is_not_missed() {
        let (waiters, open) = (Waiters::default(), AtomicBool::new(false));
        let look = || {
            let found = open.swap(true, SeqCst).then_some(());
            // What another thread may do just after this look.
            waiters.ring();
            found
        };
        tokio::time::timeout(Duration::from_secs(20), waiters.wait(look)).await.unwrap();
    }

    #[test]
    fn nothing_is_missed_between_many_threads() {
        const ROUNDS: usize = 2_000;
        let shared = Arc::new((Waiters::default(), AtomicUsize::new(0)));
        let wait = |shared: Arc<(Waiters, AtomicUsize)>| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for number in 1..=ROUNDS {
                    let reached = || (shared.1.load(SeqCst) >= number).then_some(());
                    tokio::join!(shared.0.wait(reached), shared.0.wait(reached));
                }
            });
        };
        let threads = [(); 3].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || wait(shared))
        });
        for _ in 0..ROUNDS {
            shared.1.fetch_add(1, SeqCst);
            shared.0.ring();
            thread::yield_now();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while !threads.iter().all(thread::JoinHandle::is_finished) {
            assert!(Instant::now() < deadline, "a ring was missed");
            thread::yield_now();
        }
    }
}
