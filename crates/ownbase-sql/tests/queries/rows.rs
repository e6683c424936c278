//! Rows: how many a query has, and what it claims of their columns.

use crate::{check, check_noted, faults};

#[test]
fn a_wrong_claim_about_a_column_fails() {
    let types = "i64, f64, String, Vec<u8>, bool, Value";
    let says = format!(
        "an expression says what it is: AS \"name!: i64\", or AS \"name?: i64\" if it can be NULL; the types are {types}"
    );
    for sql in [
        "SELECT count(*) FROM users",
        "SELECT count(*) AS n FROM users",
        "SELECT count(*) AS \"n: i64\" FROM users",
        "SELECT count(*) AS \"n!\" FROM users",
    ] {
        check(":one", sql, &format!("4:{}: {says}", if sql.contains(" AS ") { 20 } else { 1 }));
    }
    check(":one", "SELECT count(*) AS \"n!: int\" FROM users", &format!("4:20: no such type: int; there are {types}"));
    check(
        ":many",
        "SELECT kind FROM users",
        &format!("4:8: users.kind can hold values of any type: say which, as in AS \"kind: i64\", one of {types}"),
    );
    check(":many", "SELECT name AS \"name: i64\" FROM users", "4:16: users.name is String, not i64");
    check(
        ":many",
        "SELECT id AS \"Id\" FROM users",
        "4:14: Id cannot be the name of a field: give it one in small letters with AS",
    );
    check(
        ":many",
        "SELECT id, user AS id FROM users, orders",
        "4:8: two columns are named id: give one another name with AS",
    );

    // Only rows can tell.
    check(
        ":many",
        "SELECT nick AS \"nick!\" FROM users",
        "4:16: nick is said to be String and never NULL, but is NULL over generated rows",
    );
    check(
        ":one",
        "SELECT max(id) AS \"m!: i64\" FROM users",
        "4:19: m is said to be i64 and never NULL, but is NULL in a new database",
    );
    check(
        ":one",
        "SELECT max(id) AS \"m?: i64\", name FROM users",
        "4:30: name is said to be String and never NULL, but is NULL in a new database",
    );
    check(
        ":many",
        "SELECT cents / 2.0 AS \"half!: i64\" FROM orders",
        "4:23: half is said to be i64 and never NULL, but is REAL over generated rows",
    );
    check(
        ":many",
        "SELECT cents AS \"cents: bool\" FROM orders",
        "4:17: cents is said to be bool and never NULL, but is INTEGER and not 0 or 1 over generated rows",
    );
    check(
        ":many",
        "SELECT name || nick AS \"both!: String\" FROM users",
        "4:24: both is said to be String and never NULL, but is NULL over generated rows",
    );
    check(":many", "SELECT paid FROM orders", "");
}

#[test]
fn a_column_in_whose_place_null_can_stand_says_so() {
    let doubt = |column, name, what| {
        format!(
            "{column} is NOT NULL, but {what} can put NULL in its place: say AS \"{name}?\", or AS \"{name}!\" if it cannot"
        )
    };
    let join = |claim| format!("SELECT name, cents{claim} FROM users LEFT JOIN orders ON user = id");
    check(":many", &join(""), &format!("4:14: {}", doubt("orders.cents", "cents", "an outer join")));
    check(":many", &join(" AS \"cents?\""), "");
    check(
        ":many",
        &join(" AS \"cents!\""),
        "4:23: cents is said to be i64 and never NULL, but is NULL over generated rows",
    );
    let union = "SELECT name FROM users UNION SELECT nick FROM users";
    check(":many", union, &format!("4:8: {}", doubt("users.name", "name", "a compound SELECT")));
    let union = union.replacen("name", "name AS \"name!\"", 1);
    check(":many", &union, "4:16: name is said to be String and never NULL, but is NULL over generated rows");
    check(":many", "SELECT name AS \"name!\" FROM names", "");
    let scalar = "SELECT (SELECT name FROM users WHERE id = -1) AS";
    check(":one", &format!("{scalar} n"), &format!("4:50: {}", doubt("users.name", "n", "a subquery without rows")));
    check(
        ":one",
        &format!("{scalar} \"n!\""),
        "4:50: n is said to be String and never NULL, but is NULL in a new database",
    );
    check(":one", &format!("{scalar} \"n?\""), "");
}

#[test]
fn rows_are_where_the_kind_says() {
    check(":exec", "SELECT id FROM users", "1:1: has rows: say :one, :optional or :many");
    check(":statement", "DELETE FROM users RETURNING id", "1:1: has rows: say :one, :optional or :many");
    check(":many", "DELETE FROM users", "1:1: has no rows: say :exec or :statement");
    check(
        ":one",
        "SELECT id FROM users WHERE id = :id",
        "4:1: is said to have one row, but has none in a new database",
    );
    check(":one", "SELECT name FROM users LIMIT 1", "4:1: is said to have one row, but has none in a new database");
    check(
        ":optional",
        "SELECT cents FROM orders",
        "4:1: is said to have one row at the most, but has more over generated rows",
    );
    let common = faults("-- name: it :optional\n-- It.\nSELECT cents FROM orders WHERE user = :user;");
    assert!(common[0].contains("is said to have one row at the most, but has more"), "{common:?}");
}

#[test]
fn what_a_durable_object_would_answer_otherwise_casts_its_numbers() {
    let is_other =
        "is another thing where numbers are bound as REAL (a Durable Object): CAST its parameters AS INTEGER";
    for sql in ["SELECT 7 / (:n + 2) AS \"part!: i64\"", "SELECT :n || '' AS \"text!: String\""] {
        check_noted(":one", "-- :n: i64", sql, &format!("4:1: {is_other}. Seen in a new database"));
        check_noted(":one", "-- :n: i64", &sql.replace(":n", "CAST(:n AS INTEGER)"), "");
    }
    check_noted(":one", "-- :n: i64", "SELECT :n + 1 AS \"next!: i64\"", "");
    check_noted(":one", "-- :n: i64", "SELECT random() + :n AS \"any!: i64\"", "");
}

#[test]
fn a_query_without_end_is_stopped() {
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS \"c!: i64\" FROM n";
    check(":one", sql, "4:1: does not come to an end in a new database");
}
