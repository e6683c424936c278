//! `x-request-id`: on every answer, the server's own, and the same in a problem. (That it is on every answer and in
//! every problem, each answer that the suite receives is checked for.)

use std::collections::HashSet;

use anyhow::{Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::request::Request;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http: a_clients_request_id_is_replaced, no_two_answers_have_one_request_id;
    Process: the_log_has_the_request_id;
}

fn requests() -> Vec<Request> {
    let user = fresh_path("request-id");
    vec![
        Request::new("GET", "/"),
        Request::new("GET", &user),
        Request::new("HEAD", &user),
        Request::new("OPTIONS", &user),
        Request::new("POST", &user).text("x"),
        Request::new("POST", &user).text(""),
        Request::new("POST", &user).body(vec![b' '; 200_000]),
        Request::new("PUT", &user),
        Request::new("GET", &format!("{user}/x")),
        Request::new("GET", "/%zz"),
        Request::new("DELETE", &user),
    ]
}

fn id(answer: &Answer) -> Result<String> {
    Ok(answer.required("x-request-id")?.to_owned())
}

fn a_clients_request_id_is_replaced(site: &Site) -> Result<()> {
    let client = site.client();
    for request in requests() {
        let request = request.header("x-request-id", "mine").header("X-Request-Id", "mine too");
        let answer = client.send(&request)?;
        ensure!(!id(&answer)?.contains("mine"), answer.wrong("an x-request-id that is not the client's"));
        ensure!(!String::from_utf8_lossy(&answer.body).contains("mine"), answer.wrong("no word of the client's id"));
    }
    Ok(())
}

fn no_two_answers_have_one_request_id(site: &Site) -> Result<()> {
    let client = site.client();
    let mut seen = HashSet::new();
    for _ in 0..20 {
        for request in requests() {
            let answer = client.send(&request)?;
            ensure!(seen.insert(id(&answer)?), answer.wrong("an x-request-id that no answer had before"));
        }
    }
    Ok(())
}

fn the_log_has_the_request_id(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &[])?;
    let client = server.site().client();
    let ids = requests().iter().map(|request| id(&client.send(request)?)).collect::<Result<Vec<String>>>()?;
    server.stop()?;
    let log = std::fs::read_to_string(home.log())?;
    for id in ids {
        ensure!(log.lines().any(|line| line.contains(&id)), "no line of the log has {id}:\n{log}");
    }
    Ok(())
}
