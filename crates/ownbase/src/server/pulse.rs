//! Whether the serving threads still turn: each is asked on its own runtime, beside its requests. Nothing is done for it
//! while nobody asks.

use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Asks one thread.
type Question = oneshot::Sender<()>;

/// One thread's end: answers as long as its runtime turns.
pub(crate) struct Beat(mpsc::Receiver<Question>);

/// The other end, of all threads.
#[derive(Clone, Default)]
pub(crate) struct Pulse(Vec<mpsc::Sender<Question>>);

impl Pulse {
    /// One thread more.
    pub(crate) fn add(&mut self) -> Beat {
        // One question may wait. More would, while a thread hangs, wait for nothing.
        let (sender, receiver) = mpsc::channel(1);
        self.0.push(sender);
        Beat(receiver)
    }

    /// How many threads there should be.
    pub(crate) fn threads(&self) -> usize {
        self.0.len()
    }

    /// How many answer within `time_limit`.
    pub(crate) async fn alive(&self, time_limit: Duration) -> usize {
        let deadline = Instant::now() + time_limit;
        let answers = self.0.iter().map(|thread| async move {
            let (question, answer) = oneshot::channel();
            let asked = async { thread.send(question).await.is_ok() && answer.await.is_ok() };
            timeout_at(deadline, asked).await.unwrap_or(false)
        });
        futures::future::join_all(answers).await.into_iter().filter(|is_alive| *is_alive).count()
    }
}

impl Beat {
    /// Answers until nobody can ask any more.
    pub(super) async fn answer(mut self) {
        while let Some(question) = self.0.recv().await {
            // Whoever asked may have given up.
            let _ = question.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc as std_mpsc;

    #[tokio::test(flavor = "current_thread")]
    async fn threads_that_hang_or_are_gone_do_not_count() {
        let mut pulse = Pulse::default();
        assert_eq!((pulse.threads(), pulse.alive(Duration::ZERO).await), (0, 0));
        let (good, hanging, gone) = (pulse.add(), pulse.add(), pulse.add());
        let good = tokio::spawn(good.answer());
        let (release, released) = std_mpsc::channel::<()>();
        let hanging = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async move {
                let _ = released.recv();
                hanging.answer().await;
            });
        });
        drop(gone);
        // Twice, since a question of the first time is still waiting at the second.
        for _ in 0..2 {
            assert_eq!((pulse.threads(), pulse.alive(Duration::from_millis(50)).await), (3, 1));
        }
        release.send(()).unwrap();
        assert_eq!(pulse.alive(Duration::from_secs(60)).await, 2);
        drop(pulse);
        good.await.unwrap();
        hanging.join().unwrap();
    }
}
