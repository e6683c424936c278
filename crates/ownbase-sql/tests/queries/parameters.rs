//! Parameters: where their types come from, and what is refused.

use crate::{check, check_noted};

#[test]
fn parameters_have_one_type() {
    let untold = |name| {
        format!(
            "the type of :{name} cannot be told from where it stands: write `-- :{name}: i64` above the statement, \
             with one of i64, f64, String, Vec<u8>, bool, Value"
        )
    };
    for (sql, at, name) in [
        ("DELETE FROM users WHERE id + :a > 3", "4:30", "a"),
        ("DELETE FROM users WHERE id = :a + 1", "4:30", "a"),
        ("DELETE FROM users WHERE lower(name) = :a", "4:39", "a"),
        ("DELETE FROM users WHERE -id = :a", "4:31", "a"),
        ("DELETE FROM users WHERE kind = :a", "4:32", "a"),
        ("DELETE FROM others WHERE other = :a", "4:34", "a"),
        ("DELETE FROM users WHERE 'name' = :a", "4:34", "a"),
        ("INSERT INTO users (name) SELECT :a", "4:33", "a"),
    ] {
        check(":exec", sql, &format!("{at}: {}", untold(name)));
        check_noted(":exec", "-- :a: String", sql, "");
    }
    check(
        ":exec",
        "DELETE FROM users WHERE id = :x OR name = :x",
        "4:30: :x is i64 for users.id and String for users.name: make it two, or CAST one",
    );
    check(":exec", "DELETE FROM users WHERE id = ?1", "4:1: has a parameter that is not of the form :name");
    check(":exec", "DELETE FROM users WHERE id = @a OR id = :b", "4:1: has a parameter that is not of the form :name");
    check(
        ":exec",
        "DELETE FROM users WHERE id = :Id",
        "4:30: :Id cannot be the name of an argument: write it in small letters",
    );
    let sql = "DELETE FROM users WHERE name = :name";
    check_noted(":exec", "-- :name: i64", sql, "4:32: :name is said to be i64, but for users.name it is String");
    check_noted(":exec", "-- :nome: String", sql, "3:1: the statement has no parameter :nome");
    check_noted(":exec", "-- :name: String a\n-- :name b", sql, "4:1: :name has a note already");
    check_noted(
        ":exec",
        "-- :n?",
        "UPDATE users SET name = :n",
        "4:25: :n is written to a column that is NOT NULL: it cannot be optional",
    );
    check_noted(
        ":exec",
        "-- :n?",
        "INSERT INTO users (name) VALUES (:n)",
        "4:34: :n is written to a column that is NOT NULL: it cannot be optional",
    );
    check_noted(
        ":exec",
        "-- :paid: i64",
        "UPDATE orders SET paid = :paid",
        "4:26: :paid is said to be i64, but for orders.paid it is bool",
    );
    check_noted(":exec", "-- :nick: Value", "INSERT INTO users (nick, name) VALUES (:nick, 'a')", "");
}
