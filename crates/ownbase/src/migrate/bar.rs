//! The progress bar: on stderr, and only where that is a terminal.

use super::report::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far a roll-out is.
#[derive(Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// One that is seen by nobody if only machines listen.
    pub(crate) fn new(is_hidden: bool) -> Self {
        // indicatif hides it where stderr is no terminal.
        let target = if is_hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{wide_bar} {pos}/{len} databases, {per_sec}, {eta} left{msg}";
        // A template that is none, which a test would see, leaves the bar in its usual form.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn show(&self, Progress { done, total, failed }: Progress) {
        self.0.set_length(total.max(done));
        self.0.set_position(done);
        if failed > 0 {
            self.0.set_message(format!(", {failed} failed"));
        }
    }

    /// Words beside the bar.
    pub(crate) fn say(&self, text: &str) {
        self.0.suspend(|| crate::console::note(text));
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
