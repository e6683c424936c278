//! Pages and cursors.

use ownbase_database::{Database, Sql, Value};
use proptest::prelude::*;

use crate::client::Answer;
use crate::world::World;

impl Answer {
    /// The path of the next page, from `Link`; checked against the body's `next`.
    fn next(&self) -> Option<String> {
        let json = &self.json();
        let cursor = json.get("next").map(|next| next.as_str().unwrap());
        let path = self.header("link").map(|link| {
            link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned()
        });
        assert_eq!(path.as_ref().map(|path| path.split_once("cursor=").unwrap().1), cursor);
        path
    }
}

/// Every page from `path` on.
fn pages(world: &World, path: &str) -> Vec<Answer> {
    let mut pages = vec![world.get(path)];
    while let Some(next) = pages.last().unwrap().next() {
        assert_eq!(pages.last().unwrap().status(), 200);
        pages.push(world.get(&next));
    }
    pages
}

/// Notes with texts of `length` bytes, past the service: thousands of POSTs would take long.
fn fill(world: &World, user: &str, notes: i64, length: i64) {
    world.create(&format!("/{user}"), "first");
    let sql = Sql::new(
        "INSERT INTO notes (id, text, created, updated) \
         WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
         SELECT 'note_' || i, printf('%.*c', ?2, 'a'), 0, 0 FROM n",
    );
    world.database(user).query(sql, &[Value::Integer(notes), Value::Integer(length)]).unwrap();
}

#[test]
fn a_limit_makes_pages_and_the_last_says_so() {
    let world = World::new();
    fill(&world, "john", 5, 1);
    let lengths = |path: &str| pages(&world, path).iter().map(|page| page.texts().len()).collect::<Vec<_>>();
    assert_eq!(lengths("/john?limit=2"), [2, 2, 1]);
    assert_eq!(lengths("/john?limit=4"), [4, 1]);
    assert_eq!(lengths("/john?limit=5"), [5]);
    assert_eq!(lengths("/john?limit=1000"), [5]);
    assert_eq!(lengths("/john"), [5]);
    let first = world.get("/john?x=y&limit=2");
    let cursor = first.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(first.header("link"), Some(&*format!("</john?limit=2&cursor={cursor}>; rel=\"next\"")));
    assert_eq!(world.get(&format!("/john?cursor={cursor}")).texts().len(), 3, "a cursor stands without a limit");
}

#[test]
fn a_link_encodes_the_user_id() {
    let world = World::new();
    fill(&world, "a%2Fb%20%3E%22%C3%A9", 3, 1);
    let first = world.get("/a%2fb%20%3e%22%c3%a9?limit=2");
    assert!(first.header("link").unwrap().starts_with("</a%2Fb%20%3E%22%C3%A9?limit=2&cursor="));
    assert_eq!(world.get(&first.next().unwrap()).texts().len(), 1);
}

#[test]
fn pages_of_any_length_meet_the_chunks_in_which_rows_are_read() {
    let world = World::new();
    fill(&world, "john", 1001, 1);
    for limit in [127, 128, 129, 255, 256, 1000] {
        let pages = pages(&world, &format!("/john?limit={limit}"));
        let ids: Vec<_> = pages.iter().flat_map(|page| page.json()["notes"].as_array().unwrap().clone()).collect();
        assert_eq!(ids.len(), 1001, "limit {limit}");
        assert_eq!(ids[1000]["id"], "note_1001");
        assert!(pages.iter().rev().skip(1).all(|page| page.texts().len() == limit));
    }
    assert_eq!(world.get("/john").texts().len(), 1001, "and without a limit all come at once");
}

#[test]
fn a_list_carries_8_mib_of_text_and_no_more() {
    let world = World::new();
    fill(&world, "john", 300, 65_536);
    for path in ["/john", "/john?limit=1000", "/john?limit=200"] {
        let lengths: Vec<usize> = pages(&world, path).iter().map(|page| page.texts().len()).collect();
        assert_eq!(lengths, [128, 128, 44], "{path}");
    }
}

#[test]
fn a_list_of_escapes_or_of_tiny_notes_is_cut_before_16_mib_of_json() {
    const MOST: usize = 16 * 1024 * 1024;
    let world = World::new();
    fill(&world, "john", 160_000, 1);
    let first = world.get("/john");
    assert!(first.next().is_some() && (100_000..160_000).contains(&first.texts().len()));
    assert!((MOST - 200..=MOST).contains(&first.body().len()));

    fill(&world, "jane", 64, 65_536);
    world.database("jane").query(Sql::new("UPDATE notes SET text = replace(text, 'a', char(1))"), &[]).unwrap();
    let pages = pages(&world, "/jane");
    assert!(pages.len() > 1 && pages.iter().all(|page| page.body().len() <= MOST));
    assert_eq!(pages.iter().map(|page| page.texts().len()).sum::<usize>(), 64);
}

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Change {
    Create,
    /// Deletes one of the notes there are, by its share of the way from the oldest to the newest.
    Delete(f64),
    /// Changes a note's text, which must not move it.
    Update(f64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![Just(Change::Create), (0.0..1.0).prop_map(Change::Delete), (0.0..1.0).prop_map(Change::Update)]
}

/// A user's notes as they should be: paths in the order of creation, with whether each is still there.
struct Model {
    world: World,
    notes: Vec<(String, bool)>,
}

impl Model {
    fn apply(&mut self, change: &Change) {
        let there: Vec<usize> = (0..self.notes.len()).filter(|index| self.notes[*index].1).collect();
        let pick = |share: f64| there.get((share * there.len() as f64) as usize).copied();
        match change {
            Change::Create => {
                let path = self.world.create("/john", "a");
                self.notes.push((path, true));
            }
            Change::Delete(share) => {
                if let Some(index) = pick(*share) {
                    assert_eq!(self.world.delete(&self.notes[index].0).status(), 200);
                    self.notes[index].1 = false;
                }
            }
            Change::Update(share) => {
                if let Some(index) = pick(*share) {
                    assert_eq!(self.world.patch(&self.notes[index].0, "b").status(), 200);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cursor_survives_any_change_between_pages(
        before in proptest::collection::vec(change(), 0..12),
        limit in 1_usize..5,
        between in proptest::collection::vec(proptest::collection::vec(change(), 0..4), 1..6),
    ) {
        let mut model = Model { world: World::new(), notes: Vec::new() };
        before.iter().for_each(|change| model.apply(change));

        let mut seen = 0;
        let mut path = Some(format!("/john?limit={limit}"));
        for changes in between.iter().map(Vec::as_slice).chain(std::iter::repeat(&[][..])) {
            let Some(page) = path.map(|path| model.world.get(&path)) else { break };
            let after = model.notes.iter().enumerate().skip(seen).filter(|(_, (_, there))| *there);
            let expected: Vec<_> = after.clone().take(limit).collect();
            let ids: Vec<_> = page.json()["notes"].as_array().unwrap().iter().map(|note| note["id"].clone()).collect();
            prop_assert_eq!(
                ids,
                expected.iter().map(|(_, (path, _))| path.rsplit('/').next().unwrap()).collect::<Vec<_>>()
            );
            path = page.next();
            prop_assert_eq!(path.is_some(), after.count() > limit);
            seen = expected.last().map_or(seen, |(index, _)| index + 1);
            changes.iter().for_each(|change| model.apply(change));
        }
    }
}
