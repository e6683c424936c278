//! What the answers of a recording have promised to each user, at every moment of it.
//!
//! A user's changes come from one client, one after the other, and readers look at the same time. So at any moment a user
//! has the notes that were acknowledged, or those with one change more, which has begun and has no answer yet. Once a
//! reader was told of that change, it must not be taken back.

use super::calls::Moment;
use super::exchanges::Exchange;
use super::notes::{Notes, user_and_note};
use anyhow::{Context, bail};
use std::collections::BTreeMap;

/// The promises of one recording.
pub(crate) struct Promises {
    exchanges: Vec<Exchange>,
    users: BTreeMap<String, Vec<(Moment, Step)>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Asked(usize),
    Answered(usize),
    /// The server's end: what has no answer by now will not be done any more.
    Ended,
}

impl Promises {
    /// `ends` are the ends of the servers. Fails if an answer contradicts those before it.
    pub(crate) fn of(exchanges: Vec<Exchange>, ends: &[Moment]) -> anyhow::Result<Self> {
        let mut users: BTreeMap<String, Vec<(Moment, Step)>> = BTreeMap::new();
        for (index, exchange) in exchanges.iter().enumerate() {
            let steps = users.entry(user_and_note(&exchange.path).0.to_owned()).or_default();
            steps.push((exchange.received, Step::Asked(index)));
            steps.extend(exchange.answer.iter().map(|answer| (answer.sent, Step::Answered(index))));
        }
        for steps in users.values_mut() {
            steps.extend(ends.iter().map(|end| (*end, Step::Ended)));
            steps.sort_by_key(|(at, _)| *at);
        }
        let promises = Self { exchanges, users };
        for user in promises.users() {
            promises.known(user, Moment::MAX).with_context(|| format!("while recording, user {user}"))?;
        }
        Ok(promises)
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(String::as_str)
    }

    /// When each answer began to leave.
    pub(crate) fn answered(&self) -> impl Iterator<Item = Moment> {
        self.exchanges.iter().filter_map(|exchange| Some(exchange.answer.as_ref()?.sent))
    }

    /// What a user may have after a power cut, which is then the moment of the first thing that does not happen any more.
    pub(crate) fn after_cut(&self, user: &str, cut: Moment) -> anyhow::Result<Vec<Notes>> {
        Ok(self.known(user, cut)?.states)
    }

    /// What a user may have had at any time from a moment up to a cut.
    pub(crate) fn since(&self, user: &str, from: Moment, cut: Moment) -> anyhow::Result<Vec<Notes>> {
        let known = self.known(user, cut)?;
        let past = known.past.into_iter().filter(|(ended, _)| *ended >= from).map(|(_, notes)| notes);
        Ok(past.chain(known.states).collect())
    }

    fn known(&self, user: &str, cut: Moment) -> anyhow::Result<Known> {
        let mut known = Known::default();
        let steps = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        for (at, step) in steps.iter().take_while(|(at, _)| *at < cut) {
            let exchange = |index: usize| self.exchanges.get(index).context("no such request");
            match *step {
                Step::Asked(index) if exchange(index)?.method != "GET" => known.asked(exchange(index)?)?,
                Step::Asked(_) => {}
                Step::Answered(index) if exchange(index)?.method == "GET" => known.told(exchange(index)?)?,
                Step::Answered(index) => known.answered(exchange(index)?, *at)?,
                Step::Ended => known.in_flight = None,
            }
        }
        Ok(known)
    }
}

/// What is known of a user's notes.
struct Known {
    /// One of these, the older first.
    states: Vec<Notes>,
    /// What a change that has no answer yet came upon.
    in_flight: Option<Vec<Notes>>,
    /// What is no more, and when it was last possible.
    past: Vec<(Moment, Notes)>,
}

impl Default for Known {
    fn default() -> Self {
        Self { states: vec![Notes::default()], in_flight: None, past: Vec::new() }
    }
}

impl Known {
    fn asked(&mut self, change: &Exchange) -> anyhow::Result<()> {
        let before = self.states.clone();
        self.states.extend(all_after(&before, change)?);
        self.in_flight = Some(before);
        Ok(())
    }

    fn answered(&mut self, change: &Exchange, at: Moment) -> anyhow::Result<()> {
        let before = self.in_flight.take().context("an answer without a question")?;
        self.end_states(at, all_after(&before, change)?);
        Ok(())
    }

    fn told(&mut self, look: &Exchange) -> anyhow::Result<()> {
        let Some(answer) = &look.answer else { return Ok(()) };
        if answer.status != 200 {
            bail!("GET answered {}", answer.status);
        }
        let listed = Notes::listed(&answer.body)?;
        let was = self.past.iter().any(|(ended, notes)| *ended > look.received && notes.may_be(&listed));
        let place = self.states.iter().position(|notes| notes.may_be(&listed));
        match place {
            // It may have been what was there before: then nothing is known of what is there now.
            _ if was => {}
            Some(_) if self.in_flight.is_none() => self.end_states(answer.sent, vec![listed]),
            Some(place) => {
                let left = self.states.split_off(place);
                self.end_states(answer.sent, left);
            }
            None => {
                let states: Vec<_> = self.states.iter().map(Notes::to_string).collect();
                bail!("a reader was told of {listed}\nand there could only be {}", states.join("\nor "));
            }
        }
        Ok(())
    }

    fn end_states(&mut self, at: Moment, next: Vec<Notes>) {
        self.past.extend(std::mem::replace(&mut self.states, next).into_iter().map(|notes| (at, notes)));
    }
}

/// What a change makes of each, but for those of which it can make nothing; of one it must.
fn all_after(before: &[Notes], change: &Exchange) -> anyhow::Result<Vec<Notes>> {
    let mut error = None;
    let after = before.iter().filter_map(|notes| notes.after(change).map_err(|why| error = Some(why)).ok()).collect();
    match error {
        Some(error) if Vec::is_empty(&after) => Err(error),
        _ => Ok(after),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::exchanges::Answer;
    use super::*;

    fn exchange(method: &str, received: Moment, answer: Option<(Moment, u16, &str)>) -> Exchange {
        let body = format!("{{\"text\": \"{method}{received}\"}}").into_bytes();
        let answer = answer.map(|(sent, status, body)| Answer { status, body: body.into(), sent });
        Exchange { method: method.to_owned(), path: "/u".to_owned(), body, received, answer }
    }

    fn note(text: &str) -> String {
        format!("{{\"id\": \"note_{text}\", \"text\": \"{text}\"}}")
    }

    fn post(received: Moment, sent: Moment) -> Exchange {
        exchange("POST", received, Some((sent, 201, &format!("{{\"note\": {}}}", note(&format!("POST{received}"))))))
    }

    fn get(received: Moment, sent: Moment, texts: &[&str]) -> Exchange {
        let notes: Vec<_> = texts.iter().map(|text| note(text)).collect();
        exchange("GET", received, Some((sent, 200, &format!("{{\"notes\": [{}]}}", notes.join(",")))))
    }

    fn counts(promises: &Promises, cut: Moment) -> Vec<usize> {
        promises.after_cut("u", cut).unwrap().iter().map(Notes::count).collect()
    }

    #[test]
    fn what_is_acknowledged_or_was_told_is_kept() {
        let told = [post(10, 20), get(31, 35, &["POST10"]), post(30, 40), get(33, 37, &["POST10", "POST30"])];
        let promises = Promises::of(told.into(), &[]).unwrap();
        let expected = [(10, vec![0]), (11, vec![0, 1]), (21, vec![1]), (36, vec![1, 2]), (38, vec![2]), (50, vec![2])];
        for (cut, counted) in expected {
            assert_eq!(counts(&promises, cut), counted, "{cut}");
        }
        assert_eq!(promises.since("u", 21, 50).unwrap().iter().map(Notes::count).min(), Some(1));
        assert_eq!(promises.since("u", 15, 50).unwrap().iter().map(Notes::count).min(), Some(0));
    }

    #[test]
    fn what_a_killed_server_did_is_known_once_the_next_has_told() {
        for (texts, count) in [(&[][..], 0), (&["POST10"], 1)] {
            let promises = Promises::of(vec![exchange("POST", 10, None), get(31, 34, texts)], &[20]).unwrap();
            assert_eq!((counts(&promises, 30), counts(&promises, 40)), (vec![0, 1], vec![count]));
        }
    }

    #[test]
    fn an_erased_user_stays_erased() {
        let erased = exchange("DELETE", 30, Some((40, 204, "")));
        let promises = Promises::of(vec![post(10, 20), erased.clone()], &[]).unwrap();
        assert_eq!((counts(&promises, 35), counts(&promises, 41)), (vec![1, 0], vec![0]));
        let taken_back = Promises::of(vec![post(10, 20), erased, get(50, 60, &["POST10"])], &[]);
        assert!(format!("{:#}", taken_back.err().unwrap()).contains("a reader was told of 1 notes"));
    }
}
