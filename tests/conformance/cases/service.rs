//! `GET /`: what serves here.

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::note::member_names;
use crate::harness::request::Request;
use crate::harness::site::Site;

cases! {
    Http: names_service_version_and_schema, takes_no_notice_of_a_query, answers_head;
    Upgrade: schema_is_the_newest_embedded_migration;
}

#[derive(Debug, Deserialize)]
struct Service {
    service: String,
    version: String,
    schema: u32,
}

fn service_of(answer: &Answer) -> Result<Service> {
    let names = member_names(answer)?;
    ensure!(names == ["service", "version", "schema"], answer.wrong("members service, version, schema, in this order"));
    answer.json()
}

fn names_service_version_and_schema(site: &Site) -> Result<()> {
    let answer = site.client().get("/")?.must_be(200)?;
    let Service { service, version, schema } = service_of(&answer)?;
    ensure!(service == "ownbase", answer.wrong("service ownbase"));
    let numbers: Vec<&str> = version.split(['.', '-', '+']).take(3).collect();
    let semantic = numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
    ensure!(semantic, answer.wrong("a version of three numbers"));
    ensure!(schema >= 1, answer.wrong("a schema of 1 or more"));
    Ok(())
}

fn takes_no_notice_of_a_query(site: &Site) -> Result<()> {
    let client = site.client();
    let answer = client.get("/?limit=none&cursor=%zz")?.must_be(200)?;
    ensure!(answer.body == client.get("/")?.body, answer.wrong("the same body as without a query"));
    Ok(())
}

fn answers_head(site: &Site) -> Result<()> {
    let client = site.client();
    let get = client.get("/")?;
    let head = client.send(&Request::new("HEAD", "/"))?.must_be(200)?;
    ensure!(head.header("content-length") == get.header("content-length"), head.wrong("GET's content-length"));
    ensure!(head.header("content-type") == get.header("content-type"), head.wrong("GET's content-type"));
    Ok(())
}

fn schema_is_the_newest_embedded_migration(engine: &Engine, next: &Engine) -> Result<()> {
    for (engine, folder) in [(engine, "migrations"), (next, "tests/conformance/migrations-next")] {
        let home = Home::new(engine)?;
        let server = engine.start(&home, &[])?;
        let answer = server.site().client().get("/")?.must_be(200)?;
        let newest = newest_migration(folder)?;
        ensure!(service_of(&answer)?.schema == newest, answer.wrong(format_args!("schema {newest}, as in {folder}")));
    }
    Ok(())
}

/// The highest number among the files of a folder of this repository.
pub(crate) fn newest_migration(folder: &str) -> Result<u32> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut newest = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.split_once('_').and_then(|(number, _)| number.parse().ok());
        newest = newest.max(number.unwrap_or(0));
    }
    Ok(newest)
}
