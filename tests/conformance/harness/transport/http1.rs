//! HTTP/1.1: one request at a time on each connection.

use anyhow::{Context, Result};
use http::{Response, request};

use super::{DEADLINE, LONGEST_BODY_BYTES, MAX_IDLE_AGE};

pub(super) type Agent = ureq::Agent;

pub(super) fn agent() -> Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .allow_non_standard_methods(true)
        .timeout_global(Some(DEADLINE))
        .max_idle_age(MAX_IDLE_AGE)
        .build();
    config.new_agent()
}

pub(super) fn send(agent: &Agent, request: request::Builder, body: Option<&[u8]>) -> Result<Response<Vec<u8>>> {
    let answer = match body {
        Some(body) => agent.run(request.body(body)?),
        None => agent.run(request.body(())?),
    };
    let (head, mut body) = answer.context("no answer")?.into_parts();
    let body = body.with_config().limit(LONGEST_BODY_BYTES).read_to_vec();
    Ok(Response::from_parts(head, body.context("the answer breaks off")?))
}
