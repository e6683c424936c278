//! The log line of a request: what `tracing` would make of its event, byte for byte but for the zeros that end a duration,
//! without its visitors, formatters and layers, which cost three hundredths of a request.
//!
//! The time is UTC to the microsecond; its date and clock are written out once a second. A thread uses one buffer again and
//! again. The filter is asked by the caller (target `ownbase::request`, level INFO).

use crate::telemetry::Lines;
use std::cell::RefCell;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where lines go, and in which form; set when the log is started.
static LOG: OnceLock<(&'static Form, Arc<Lines>)> = OnceLock::new();

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::default();
}

/// Sends lines of that form to `lines` from now on.
pub(crate) fn start(form: &'static Form, lines: Arc<Lines>) {
    // There is one log in a process.
    let _ = LOG.set((form, lines));
}

/// What is told of a request.
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    /// What it used.
    pub(crate) labels: &'a [Arc<str>],
}

/// What stands before each part of a line, and after the last. Ids, methods and labels have no letter that any form escapes.
pub(crate) struct Form {
    time: &'static str,
    request_id: &'static str,
    method: &'static str,
    path: &'static str,
    status: &'static str,
    duration: &'static str,
    labels: &'static str,
    end: &'static str,
    escaped: fn(&str) -> String,
}

/// For people.
pub(crate) static TEXT: Form = Form {
    time: "",
    request_id: "Z  INFO ownbase::request: request_id=\"",
    method: "\" method=\"",
    path: "\" path=",
    status: " status=",
    duration: " duration_ms=",
    labels: " labels=\"",
    end: "\"\n",
    escaped: |text| format!("{text:?}"),
};

/// For people at a terminal.
pub(crate) static COLOURED: Form = Form {
    time: "\x1b[2m",
    request_id: "Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2mownbase::request\x1b[0m\x1b[2m:\x1b[0m \
                 \x1b[3mrequest_id\x1b[0m\x1b[2m=\x1b[0m\"",
    method: "\" \x1b[3mmethod\x1b[0m\x1b[2m=\x1b[0m\"",
    path: "\" \x1b[3mpath\x1b[0m\x1b[2m=\x1b[0m",
    status: " \x1b[3mstatus\x1b[0m\x1b[2m=\x1b[0m",
    duration: " \x1b[3mduration_ms\x1b[0m\x1b[2m=\x1b[0m",
    labels: " \x1b[3mlabels\x1b[0m\x1b[2m=\x1b[0m\"",
    end: "\"\n",
    escaped: |text| format!("{text:?}"),
};

/// For programs.
pub(crate) static JSON: Form = Form {
    time: "{\"timestamp\":\"",
    request_id: "Z\",\"level\":\"INFO\",\"request_id\":\"",
    method: "\",\"method\":\"",
    path: "\",\"path\":",
    status: ",\"status\":",
    duration: ",\"duration_ms\":",
    labels: ",\"labels\":\"",
    end: "\",\"target\":\"ownbase::request\"}\n",
    // A text always becomes JSON.
    escaped: |text| serde_json::to_string(text).unwrap_or_default(),
};

/// Writes a line to the log.
pub(crate) fn write(line: &Line<'_>) {
    let Some((form, lines)) = LOG.get() else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Nothing below writes a line of its own.
    BUFFER.with_borrow_mut(|buffer| lines.add(buffer.format(form, now, line).as_bytes()));
}

#[derive(Default)]
struct Buffer {
    text: String,
    /// A second, and how it is written.
    second: Option<u64>,
    date: String,
}

impl Buffer {
    fn format(&mut self, form: &Form, now: Duration, line: &Line<'_>) -> &str {
        if self.second != Some(now.as_secs()) {
            self.second = Some(now.as_secs());
            self.date = date(now.as_secs());
        }
        let text = &mut self.text;
        text.clear();
        text.push_str(form.time);
        text.push_str(&self.date);
        push_decimals(text, now.subsec_micros(), 100_000);
        for piece in [form.request_id, line.request_id, form.method, line.method, form.path] {
            text.push_str(piece);
        }
        if is_plain(line.path) {
            for piece in ["\"", line.path, "\""] {
                text.push_str(piece);
            }
        } else {
            text.push_str(&(form.escaped)(line.path));
        }
        let micros = line.duration.as_micros();
        // A String takes all that is written to it.
        let _ = write!(text, "{}{}{}{}", form.status, line.status, form.duration, micros / 1000);
        push_decimals(text, (micros % 1000) as u32, 100);
        text.push_str(form.labels);
        for (index, label) in line.labels.iter().enumerate() {
            text.push_str(if index > 0 { "," } else { "" });
            text.push_str(label);
        }
        text.push_str(form.end);
        text
    }
}

/// Whether neither form escapes anything in it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// A point and the digits of a fraction, of which the first counts `unit`.
fn push_decimals(text: &mut String, fraction: u32, mut unit: u32) {
    text.push('.');
    while unit > 0 {
        text.push(char::from(b'0' + (fraction / unit % 10) as u8));
        unit /= 10;
    }
}

/// Seconds since the epoch as date and clock, as RFC 3339 has them.
fn date(second: u64) -> String {
    let time = i64::try_from(second).ok().and_then(|second| chrono::DateTime::from_timestamp(second, 0));
    time.unwrap_or_default().format("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::telemetry::LineWriter;

    fn line<'a>(path: &'a str, labels: &'a [Arc<str>]) -> Line<'a> {
        let duration = Duration::from_nanos(12_034_567);
        Line { request_id: "1-0-a", method: "GET", path, status: 200, duration, labels }
    }

    /// What tracing-subscriber writes of the same, its time aside.
    fn by_tracing(form: &Form, line: &Line<'_>) -> String {
        let lines = Arc::new(Lines::default());
        let builder = tracing_subscriber::fmt().with_writer(LineWriter(lines.clone()));
        let event = || {
            tracing::info!(
                target: "ownbase::request",
                request_id = line.request_id,
                method = line.method,
                path = line.path,
                status = line.status,
                duration_ms = line.duration.as_micros() as f64 / 1000.0,
                labels = line.labels.join(","),
            );
        };
        match form.time {
            "" => tracing::subscriber::with_default(builder.with_ansi(false).finish(), event),
            "\x1b[2m" => tracing::subscriber::with_default(builder.with_ansi(true).finish(), event),
            _ => tracing::subscriber::with_default(builder.json().flatten_event(true).finish(), event),
        }
        String::from_utf8(lines.waiting()).unwrap()
    }

    #[test]
    fn lines_are_those_of_tracing() {
        let labels = ["user-a".into(), "user-~5a".into()];
        for form in [&TEXT, &COLOURED, &JSON] {
            for (path, labels) in [("/", &labels[..0]), ("/a'b%20?", &labels[..1]), ("/\u{e9}\"\\\n", &labels)] {
                let line = line(path, labels);
                let expected = by_tracing(form, &line);
                let mut buffer = Buffer::default();
                let ours = buffer.format(form, Duration::ZERO, &line);
                let time = form.time.len().."1970-01-01T00:00:00.000000".len() + form.time.len();
                assert_eq!(ours[time.clone()], *"1970-01-01T00:00:00.000000");
                assert_eq!((&ours[..time.start], &ours[time.end..]), (&expected[..time.start], &expected[time.end..]));
            }
        }
    }

    #[test]
    fn each_line_has_its_own_time() {
        let mut buffer = Buffer::default();
        for (micros, expected) in [
            (1_763_992_799_999_999, "2025-11-24T13:59:59.999999"),
            (1_763_992_800_000_001, "2025-11-24T14:00:00.000001"),
            (1_763_992_800_120_000, "2025-11-24T14:00:00.120000"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000"),
        ] {
            let text = buffer.format(&TEXT, Duration::from_micros(micros), &line("/", &[]));
            assert!(text.starts_with(expected), "{text} is not of {expected}");
        }
    }

    #[test]
    fn short_durations_have_all_their_zeros() {
        for (micros, expected) in [(0, "0.000"), (7, "0.007"), (1_000, "1.000"), (60_000_020, "60000.020")] {
            let line = Line { duration: Duration::from_micros(micros), ..line("/", &[]) };
            let mut buffer = Buffer::default();
            let text = buffer.format(&TEXT, Duration::ZERO, &line);
            assert!(text.contains(&format!(" duration_ms={expected} ")), "{text}");
        }
    }
}
