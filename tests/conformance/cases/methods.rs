//! Methods: HEAD and OPTIONS on every path, 405 with `Allow` on all others.

use anyhow::{Context, Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http:
        options_lists_the_methods,
        other_methods_answer_405_with_allow,
        head_answers_as_get_without_a_body;
    Http1: no_body_follows_the_head;
    Http on Ownbase ("workerd's server answers methods that it does not know, with 501"):
        unknown_methods_answer_405_with_allow,
        methods_are_told_apart_by_case;
}

/// Each path with the methods that it takes, in alphabetical order.
fn paths(client: &Client, hint: &str) -> Result<Vec<(String, Vec<&'static str>)>> {
    let user = fresh_path(hint);
    let note = client.make(&user, "x")?;
    let user_methods = vec!["DELETE", "GET", "HEAD", "OPTIONS", "POST"];
    let note_methods = vec!["DELETE", "GET", "HEAD", "OPTIONS", "PATCH"];
    let nobody = fresh_path("nobody");
    Ok(vec![
        ("/".to_owned(), vec!["GET", "HEAD", "OPTIONS"]),
        (format!("{nobody}/note_aaaaaaaaaaaaaaaa"), note_methods.clone()),
        (nobody, user_methods.clone()),
        (format!("{user}/{}", note.id), note_methods),
        (user, user_methods),
    ])
}

/// Those, and two that take nothing.
fn all_paths(client: &Client, hint: &str) -> Result<Vec<String>> {
    let paths = paths(client, hint)?.into_iter().map(|(path, _)| path);
    Ok(paths.chain(["/%zz".to_owned(), "/a/b/c".to_owned()]).collect())
}

fn allows(answer: &Answer, expected: &[&str]) -> Result<()> {
    let mut methods: Vec<&str> = answer.required("allow")?.split(',').map(str::trim).collect();
    methods.sort_unstable();
    ensure!(methods == expected, answer.wrong(format_args!("Allow: {}", expected.join(", "))));
    Ok(())
}

fn options_lists_the_methods(site: &Site) -> Result<()> {
    let client = site.client();
    for (path, methods) in paths(&client, "options")? {
        for path in [path.clone(), format!("{path}?limit=0")] {
            let answer = client.send(&Request::new("OPTIONS", &path))?.must_be_one_of(&[200, 204])?;
            allows(&answer, &methods)?;
        }
    }
    Ok(())
}

fn other_methods_answer_405_with_allow(site: &Site) -> Result<()> {
    refused(site, &["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
}

fn unknown_methods_answer_405_with_allow(site: &Site) -> Result<()> {
    refused(site, &["BREW", "X", "GET-IT"])
}

/// Those that a path does not take are refused there, and change nothing.
fn refused(site: &Site, refused: &[&str]) -> Result<()> {
    let client = site.client();
    for (path, methods) in paths(&client, "methods")? {
        let before = said(&client.get(&path)?)?;
        for method in refused.iter().filter(|method| !methods.contains(method)) {
            let answer = client.send(&Request::new(method, &path).text("x"))?.must_be(405)?;
            allows(&answer, &methods)?;
        }
        let after = client.get(&path)?;
        ensure!(said(&after)? == before, after.wrong("nothing changed by methods that are not allowed"));
    }
    Ok(())
}

/// The body, but for the request's id in a problem.
fn said(answer: &Answer) -> Result<String> {
    Ok(String::from_utf8_lossy(&answer.body).replace(answer.required("x-request-id")?, ""))
}

fn methods_are_told_apart_by_case(site: &Site) -> Result<()> {
    let (client, user) = (site.client(), fresh_path("case"));
    client.make(&user, "x")?;
    for method in ["get", "Post", "delete", "GETT"] {
        client.send(&Request::new(method, &user).text("x"))?.must_be(405)?;
    }
    ensure!(client.notes(&user)?.len() == 1, "a method in lower case did something");
    Ok(())
}

fn head_answers_as_get_without_a_body(site: &Site) -> Result<()> {
    let client = site.client();
    for path in all_paths(&client, "head")? {
        let get = client.get(&path)?;
        let head = client.send(&Request::new("HEAD", &path))?.must_be(get.status)?;
        for name in ["content-type", "etag", "link"] {
            ensure!(
                head.header(name) == get.header(name),
                head.wrong(format_args!("{name} as GET has it: {}", get.wrong("")))
            );
        }
        ensure!(length(&head)? == length(&get)?, head.wrong(format_args!("GET's length: {}", get.wrong(""))));
    }
    Ok(())
}

/// The content-length, without the request's id in a problem: ids have different lengths.
fn length(answer: &Answer) -> Result<usize> {
    let length: usize = answer.required("content-length")?.parse()?;
    let id = if answer.status < 400 { 0 } else { answer.required("x-request-id")?.len() };
    length.checked_sub(id).with_context(|| answer.wrong("a problem with its request's id"))
}

/// On a socket, where a body that should not be there cannot hide.
fn no_body_follows_the_head(site: &Site) -> Result<()> {
    let client = site.client();
    for path in all_paths(&client, "head-alone")? {
        let status = client.get(&path)?.status;
        let mut connection = site.connect()?;
        connection.send(format!(
            "HEAD {path} HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
        ))?;
        connection.answer_to_head()?.must_be(status)?;
        connection.answer()?.must_be(200)?;
    }
    Ok(())
}
