//! Requests and answers, as a server's calls on its connections show them: HTTP/1.1, one request after the other on each
//! connection, bodies with a `content-length`.

use super::calls::Moment;
use super::follow::{Effect, Event};
use anyhow::Context;
use std::collections::HashMap;

/// A request, and its answer if one left.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    /// When the server had all of the request.
    pub(crate) received: Moment,
    pub(crate) answer: Option<Answer>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// When its first byte began to leave.
    pub(crate) sent: Moment,
}

/// All requests that came in whole, in the order in which they did. An answer of which a part is missing is no answer.
pub(crate) fn of(events: &[Event]) -> anyhow::Result<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    let mut connections: HashMap<usize, Connection> = HashMap::new();
    for event in events {
        match &event.effect {
            Effect::Received { connection, data } => {
                let connection = connections.entry(*connection).or_default();
                connection.received.extend_from_slice(data);
                if let Some((head, body)) = message(&mut connection.received)? {
                    let mut words = head.split(' ');
                    let mut word = || words.next().unwrap_or_default().to_owned();
                    let (method, path) = (word(), word());
                    connection.open = Some(exchanges.len());
                    exchanges.push(Exchange { method, path, body, received: event.at, answer: None });
                }
            }
            Effect::Sent { connection, data } => {
                let connection = connections.entry(*connection).or_default();
                let sent = *connection.sent_since.get_or_insert(event.at);
                connection.sent.extend_from_slice(data);
                if let Some((head, body)) = message(&mut connection.sent)? {
                    connection.sent_since = None;
                    let status = head.split(' ').nth(1).unwrap_or_default();
                    let status = status.parse().with_context(|| format!("an answer that begins with {head}"))?;
                    let asked = connection.open.take().and_then(|open| exchanges.get_mut(open));
                    asked.with_context(|| format!("{head}, and nobody has asked"))?.answer =
                        Some(Answer { status, body, sent });
                }
            }
            Effect::Contents { .. } | Effect::Names { .. } | Effect::Synced { .. } => {}
        }
    }
    Ok(exchanges)
}

#[derive(Default)]
struct Connection {
    received: Vec<u8>,
    sent: Vec<u8>,
    sent_since: Option<Moment>,
    /// The request that has no answer yet.
    open: Option<usize>,
}

/// Takes a whole message away: its first line, and its body.
fn message(bytes: &mut Vec<u8>) -> anyhow::Result<Option<(String, Vec<u8>)>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(head) = bytes.windows(END.len()).position(|window| window == END) else { return Ok(None) };
    let text = String::from_utf8_lossy(bytes.get(..head).unwrap_or_default()).into_owned();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map_or(Ok(0), |(_, value)| value.trim().parse::<usize>()).context("content-length")?;
    let body = head + END.len();
    if bytes.len() < body + length {
        return Ok(None);
    }
    let message = bytes.drain(..body + length).skip(body).collect();
    Ok(Some((first, message)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn received(at: Moment, connection: usize, data: &str) -> Event {
        Event { at, time_ms: 0, effect: Effect::Received { connection, data: data.into() } }
    }

    fn sent(at: Moment, connection: usize, data: &str) -> Event {
        Event { at, time_ms: 0, effect: Effect::Sent { connection, data: data.into() } }
    }

    #[test]
    fn requests_and_answers_are_paired_by_connection() {
        let events = [
            received(1, 1, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"),
            received(3, 2, "DELETE /b HTTP/1.1\r\n\r\n"),
            received(5, 1, "cd"),
            sent(6, 2, "HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"),
            sent(8, 1, "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n"),
            sent(10, 1, "ok"),
            received(13, 1, "GET /a HTTP/1.1\r\n\r\n"),
        ];
        let exchanges = of(&events).unwrap();
        let told: Vec<_> = exchanges.iter().map(|one| (&*one.method, &*one.path, &*one.body, one.received)).collect();
        assert_eq!(told, [("DELETE", "/b", &b""[..], 3), ("POST", "/a", b"abcd", 5), ("GET", "/a", b"", 13)]);
        let answers: Vec<_> = exchanges.into_iter().map(|one| one.answer).collect();
        let answer = |status, body: &str, sent| Some(Answer { status, body: body.into(), sent });
        assert_eq!(answers, [answer(204, "", 6), answer(201, "ok", 8), None]);
    }
}
