//! What every user id and its label must hold, over ids made up by proptest.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use ownbase_database::{Label, UserId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

/// Any user id: ids that look alike are likelier than by chance.
fn user_id() -> impl Strategy<Value = UserId> {
    let text = prop_oneof![
        "\\PC{1,40}",
        "[a-zA-Z0-9_~./%-]{1,128}",
        "(john|John|~6a|%6a|\\.\\./|-wal|-shm|\u{eb}|e\u{308}|İ|ß|ſ|K){1,12}",
    ];
    text.prop_filter_map("no user id", |text| UserId::parse(&percent_encoded(&text)).ok())
}

fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// As file systems that ignore case compare names.
fn folded(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

proptest! {
    #[test]
    fn a_label_reads_back_to_its_user(user in user_id()) {
        let label = Label::from(&user);
        prop_assert_eq!(label.user_id(), user);
        prop_assert_eq!(Label::parse(label.as_str()), Some(label));
    }

    #[test]
    fn a_label_has_no_character_that_a_file_system_knows(user in user_id()) {
        let label = Label::from(&user);
        let id = label.as_str().strip_prefix("user-").unwrap();
        prop_assert!(id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'~')), "{id}");
        prop_assert!(label.as_str().len() <= 389);
        prop_assert_ne!(label.as_str(), Label::PROBE);
        prop_assert!(!id.starts_with("~~"));
    }

    #[test]
    fn users_share_no_label_even_where_case_is_ignored(users in prop::collection::vec(user_id(), 2..12)) {
        let ids: HashSet<&str> = users.iter().map(UserId::as_str).collect();
        let labels: HashSet<String> = users.iter().map(|user| folded(Label::from(user).as_str())).collect();
        prop_assert_eq!(ids.len(), labels.len());
    }

    #[test]
    fn ids_that_differ_in_case_alone_have_different_labels(user in user_id()) {
        for other in [user.as_str().to_uppercase(), user.as_str().to_lowercase(), folded(user.as_str())] {
            if let Ok(other) = UserId::parse(&percent_encoded(&other)) {
                let (label, other_label) = (Label::from(&user), Label::from(&other));
                prop_assert_eq!(user == other, folded(label.as_str()) == folded(other_label.as_str()));
            }
        }
    }

    #[test]
    fn what_parses_is_what_some_user_has(text in "(user-)?([a-zA-Z0-9_~.-]|~[0-9a-fA-F]{2}){0,20}") {
        if let Some(label) = Label::parse(&text) {
            prop_assert_eq!(label.as_str(), &text);
            prop_assert_eq!(Label::from(&label.user_id()), label);
        }
    }

    #[test]
    fn no_segment_makes_parsing_panic(segment in "([ -~]|%[0-9a-fA-F]{2}|\\PC){0,140}") {
        if let Ok(user) = UserId::parse(&segment) {
            prop_assert!((1..=UserId::MAX_BYTES).contains(&user.as_str().len()));
            prop_assert!(!user.as_str().chars().any(char::is_control));
        }
    }
}

#[test]
fn the_longest_id_has_the_longest_label() {
    let label = Label::from(&UserId::parse(&"%C3%AB".repeat(64)).unwrap());
    assert_eq!(label.as_str().len(), 5 + 3 * 128);
}

#[test]
fn no_other_text_is_a_label() {
    for text in [
        Label::PROBE,
        "",
        "user-",
        "user",
        "john",
        "user-John",
        "user-~6a",
        "user-~4A",
        "user-~+5",
        "user-~4",
        "user-%41",
        "user-~25%",
        "user-~~",
        "user-é",
        "user-~ff",
        "user-~00",
        "user-~2e",
        "user-~2e~2e",
        "user-../john",
        &format!("user-{}", "a".repeat(129)),
    ] {
        assert_eq!(Label::parse(text), None, "{text}");
    }
    assert_eq!(Label::parse("user-~5ao~c3~ab").unwrap().user_id().as_str(), "Zoë");
}
