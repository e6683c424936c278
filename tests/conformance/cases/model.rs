//! The model that the stress test trusts tells right from wrong: small histories of one user, written by hand.

mod handmade;

use anyhow::{Result, ensure};

use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::history::{Ask, Event, Said};
use crate::harness::note::Note;
use crate::harness::order::explain;

use handmade::*;

cases! {
    Process: it_explains_what_may_be, it_refuses_what_may_not_be;
}

/// What is wrong or right about it, what was there, what each client did, what was there in the end.
type History = (&'static str, Vec<Note>, Vec<Vec<Event>>, Vec<Note>);

fn it_explains_what_may_be(_: &Engine) -> Result<()> {
    for (what, before, clients, end) in right() {
        let result = verdict(&before, &clients, &end);
        ensure!(result.is_ok(), "{what}: {}", result.err().unwrap_or_default());
    }
    Ok(())
}

fn it_refuses_what_may_not_be(_: &Engine) -> Result<()> {
    for (what, before, clients, end) in wrong() {
        ensure!(verdict(&before, &clients, &end).is_err(), "explained: {what}");
    }
    Ok(())
}

fn verdict(before: &[Note], clients: &[Vec<Event>], end: &[Note]) -> Result<(), String> {
    explain(before, &clients.iter().map(Vec::as_slice).collect::<Vec<_>>(), end)
}

fn right() -> Vec<History> {
    let (a, b, a2, a3) = (note("a", 0), note("b", 0), note("a", 2), note("a", 3));
    vec![
        ("nothing", vec![], vec![], vec![]),
        (
            "one after the other",
            vec![],
            vec![vec![create(&a, 1, 2), change(&a2, None, 3, 4), remove(&a2, 5, 6), missing("a", 7, 8)]],
            vec![],
        ),
        (
            "an unanswered POST carried out",
            vec![],
            vec![vec![create(&a, 1, 2), lost(making(&b), 3)]],
            vec![a.clone(), b.clone()],
        ),
        (
            "an unanswered POST not carried out",
            vec![],
            vec![vec![create(&a, 1, 2), lost(making(&b), 3)]],
            vec![a.clone()],
        ),
        ("an unanswered PATCH carried out", vec![a.clone()], vec![vec![lost(changing(&a2), 1)]], vec![a2.clone()]),
        ("an unanswered PATCH not carried out", vec![a.clone()], vec![vec![lost(changing(&a2), 1)]], vec![a.clone()]),
        ("an unanswered DELETE carried out", vec![a.clone()], vec![vec![lost(removing("a"), 1)]], vec![]),
        ("an unanswered DELETE not carried out", vec![a.clone()], vec![vec![lost(removing("a"), 1)]], vec![a.clone()]),
        (
            "an unanswered erase before a POST",
            vec![a.clone()],
            vec![vec![lost(Ask::Erase, 1)], vec![create(&b, 2, 3)]],
            vec![b.clone()],
        ),
        ("an unanswered erase not carried out", vec![a.clone()], vec![vec![lost(Ask::Erase, 1)]], vec![a.clone()]),
        (
            "a list before the POST beside it",
            vec![],
            vec![vec![create(&a, 1, 4)], vec![list(&[], 2, 3)]],
            vec![a.clone()],
        ),
        (
            "a list after the POST beside it",
            vec![],
            vec![vec![create(&a, 1, 4)], vec![list(&[&a], 2, 3)]],
            vec![a.clone()],
        ),
        (
            "POSTs in the other order than their answers",
            vec![],
            vec![vec![create(&a, 1, 3)], vec![create(&b, 2, 4)]],
            vec![b.clone(), a.clone()],
        ),
        (
            "of PATCHes with one tag one wins",
            vec![a.clone()],
            vec![vec![change(&a2, Some(0), 1, 4)], vec![changed("a", 0, 2, 3)]],
            vec![a2.clone()],
        ),
        (
            "an unseen PATCH takes the tag away",
            vec![a.clone()],
            vec![vec![lost(changing(&a2), 1)], vec![changed("a", 0, 2, 3), change(&a3, None, 4, 5)]],
            vec![a3],
        ),
        (
            "a page after a note removed meanwhile",
            vec![a.clone(), b.clone()],
            vec![vec![page(None, &[&a], true, 1, 2), remove(&a, 3, 4), page(Some("a"), &[&b], false, 5, 6)]],
            vec![b.clone()],
        ),
        (
            "more follows that nobody saw and an erase took",
            vec![a.clone()],
            vec![vec![lost(making(&b), 1)], vec![page(None, &[&a], true, 2, 3), erase(4, 5)]],
            vec![],
        ),
    ]
}

fn wrong() -> Vec<History> {
    let (a, b, a2, a3) = (note("a", 0), note("b", 0), note("a", 2), note("a", 3));
    let with = |change: fn(&mut Note)| {
        let mut note = a2.clone();
        change(&mut note);
        note
    };
    vec![
        ("a note out of nothing", vec![], vec![], vec![a.clone()]),
        ("a note lost", vec![a.clone()], vec![], vec![]),
        ("a POST lost", vec![], vec![vec![create(&a, 1, 2)]], vec![]),
        ("a PATCH lost", vec![a.clone()], vec![vec![change(&a2, None, 1, 2)]], vec![a.clone()]),
        ("a DELETE lost", vec![a.clone()], vec![vec![remove(&a, 1, 2)]], vec![a.clone()]),
        ("an erase lost", vec![a.clone()], vec![vec![erase(1, 2)]], vec![a.clone()]),
        ("an erase that left one of two", vec![a.clone(), b.clone()], vec![vec![erase(1, 2)]], vec![b.clone()]),
        (
            "a list without a note",
            vec![a.clone(), b.clone()],
            vec![vec![list(&[&a], 1, 2)]],
            vec![a.clone(), b.clone()],
        ),
        (
            "a list in another order",
            vec![a.clone(), b.clone()],
            vec![vec![list(&[&b, &a], 1, 2)]],
            vec![a.clone(), b.clone()],
        ),
        ("a list with a note twice", vec![a.clone()], vec![vec![list(&[&a, &a], 1, 2)]], vec![a.clone()]),
        ("a list of what was before", vec![], vec![vec![create(&a, 1, 2)], vec![list(&[], 3, 4)]], vec![a.clone()]),
        ("a list of what is to come", vec![], vec![vec![create(&a, 3, 4)], vec![list(&[&a], 1, 2)]], vec![a.clone()]),
        ("an order in the end that was another before", vec![a.clone(), b.clone()], vec![], vec![b.clone(), a.clone()]),
        (
            "POSTs in another order than they were made",
            vec![],
            vec![vec![create(&a, 1, 2)], vec![create(&b, 3, 4)]],
            vec![b.clone(), a.clone()],
        ),
        (
            "two PATCHes with one tag",
            vec![a.clone()],
            vec![vec![change(&a2, Some(0), 1, 4)], vec![change(&a3, Some(0), 2, 3)]],
            vec![a3.clone()],
        ),
        ("a tag refused that is the note's", vec![a.clone()], vec![vec![changed("a", 0, 1, 2)]], vec![a.clone()]),
        (
            "304 for an old tag",
            vec![a2.clone()],
            vec![vec![event(get("a", Some(0)), Some(Said::Unchanged), 1, 2)]],
            vec![a2.clone()],
        ),
        (
            "the note for its own tag",
            vec![a.clone()],
            vec![vec![event(get("a", Some(0)), Some(Said::Tagged(a.clone(), tag(0))), 1, 2)]],
            vec![a.clone()],
        ),
        (
            "a note as it was before",
            vec![a.clone()],
            vec![vec![change(&a2, None, 1, 2), event(get("a", None), Some(Said::Tagged(a.clone(), tag(0))), 3, 4)]],
            vec![a2.clone()],
        ),
        ("404 for a note that is there", vec![a.clone()], vec![vec![missing("a", 1, 2)]], vec![a.clone()]),
        ("a DELETE that tells of an older note", vec![a2.clone()], vec![vec![remove(&a, 1, 2)]], vec![]),
        ("one id for two notes", vec![a.clone()], vec![vec![create(&a, 1, 2)]], vec![a.clone(), a.clone()]),
        (
            "a PATCH that does not move the time",
            vec![a2.clone()],
            vec![vec![change(&a2, None, 1, 2)]],
            vec![a2.clone()],
        ),
        (
            "a PATCH that moves the creation",
            vec![a.clone()],
            vec![vec![change(&with(|note| note.created = time(1)), None, 1, 2)]],
            vec![with(|note| note.created = time(1))],
        ),
        (
            "a PATCH that answers with another text",
            vec![a.clone()],
            vec![vec![event(changing(&a3), Some(Said::Note(a2.clone())), 1, 2)]],
            vec![a2.clone()],
        ),
        (
            "half of an unanswered PATCH: its text",
            vec![a.clone()],
            vec![vec![lost(changing(&a2), 1)]],
            vec![with(|note| note.updated = time(0))],
        ),
        (
            "half of an unanswered PATCH: its time",
            vec![a.clone()],
            vec![vec![lost(changing(&a2), 1)]],
            vec![with(|note| note.text = "a 0".to_owned())],
        ),
        (
            "half of an unanswered POST",
            vec![],
            vec![vec![lost(making(&a2), 1)]],
            vec![with(|note| note.text = "a".to_owned())],
        ),
        ("an unanswered POST carried out twice", vec![], vec![vec![lost(making(&a), 1)]], vec![a.clone(), a.clone()]),
        (
            "an unanswered POST seen and then lost",
            vec![],
            vec![vec![lost(making(&a), 1)], vec![list(&[&a], 2, 3)]],
            vec![],
        ),
        (
            "an unanswered DELETE of another note",
            vec![a.clone(), b.clone()],
            vec![vec![lost(removing("a"), 1)]],
            vec![a.clone()],
        ),
        (
            "an unanswered erase that took one of two",
            vec![a.clone(), b.clone()],
            vec![vec![lost(Ask::Erase, 1)]],
            vec![b.clone()],
        ),
        (
            "a page that leaves one out",
            vec![a.clone(), b.clone()],
            vec![vec![page(None, &[&a], true, 1, 2), page(Some("a"), &[], false, 3, 4)]],
            vec![a.clone(), b.clone()],
        ),
        (
            "a page that repeats one",
            vec![a.clone(), b.clone()],
            vec![vec![page(None, &[&a], true, 1, 2), page(Some("a"), &[&a], true, 3, 4)]],
            vec![a.clone(), b.clone()],
        ),
        (
            "more to follow where nothing does",
            vec![a.clone()],
            vec![vec![page(None, &[&a], true, 1, 2)]],
            vec![a.clone()],
        ),
        (
            "nothing to follow where more does",
            vec![a.clone(), b.clone()],
            vec![vec![page(None, &[&a], false, 1, 2)]],
            vec![a, b],
        ),
    ]
}
