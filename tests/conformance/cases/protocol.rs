//! HTTP itself: what well-behaved clients rarely send, and what no client should be able to break.

use anyhow::{Result, ensure};

use crate::harness::case::cases;
use crate::harness::note::note_of;
use crate::harness::request::text_body;
use crate::harness::site::{Site, fresh_path};

cases! {
    Http1:
        pipelined_requests_are_answered_in_order,
        pipelined_requests_of_many_users_are_answered_in_order,
        two_bodies_in_one_are_not_told_apart_wrongly,
        bodies_in_a_coding_that_is_not_offered_are_refused,
        malformed_requests_do_not_stop_others,
        a_connection_serves_after_an_error,
        an_absolute_target_names_the_same_path,
        expect_100_continue_is_answered;
    Http1 on Ownbase ("workerd's server wants a Host"): http_1_0_is_answered;
}

fn pipelined_requests_are_answered_in_order(site: &Site) -> Result<()> {
    let user = fresh_path("pipelined");
    let mut requests = String::new();
    for index in 0..10 {
        let body = String::from_utf8(text_body(&index.to_string()))?;
        requests += &format!("POST {user} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
    let mut connection = site.connect()?;
    connection.send(requests)?;
    for index in 0..10 {
        let answer = connection.answer()?.must_be(201)?;
        ensure!(note_of(&answer)?.text == index.to_string(), answer.wrong(format_args!("answer {index}")));
    }
    Ok(())
}

/// Some are slow, since their user's database has yet to be made, and some are answered without any: none may overtake.
fn pipelined_requests_of_many_users_are_answered_in_order(site: &Site) -> Result<()> {
    let (warm, body) = (fresh_path("pipelined-warm"), String::from_utf8(text_body("x"))?);
    let note = site.client().make(&warm, "x")?;
    let mut requests = String::new();
    let mut expected = Vec::new();
    for _ in 0..8 {
        let length = body.len();
        for (line, status, body) in [
            (format!("POST {}", fresh_path("pipelined-cold")), 201, body.as_str()),
            (format!("GET {warm}/{}", note.id), 200, ""),
            (format!("HEAD {warm}"), 200, ""),
            (format!("GET {warm}/note_aaaaaaaaaaaaaaaa"), 404, ""),
            ("GET /%zz".to_owned(), 400, ""),
            (format!("DELETE {}", fresh_path("pipelined-nobody")), 204, ""),
            (format!("PUT {warm}"), 405, ""),
        ] {
            let framing = if body.is_empty() { String::new() } else { format!("content-length: {length}\r\n") };
            requests += &format!("{line} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n{body}");
            expected.push((line, status));
        }
    }
    let mut connection = site.connect()?;
    connection.send(requests)?;
    for (place, (line, status)) in expected.into_iter().enumerate() {
        let answer = if line.starts_with("HEAD") { connection.answer_to_head()? } else { connection.answer()? };
        ensure!(answer.status == status, answer.wrong(format_args!("{status} to {line}, number {place}")));
    }
    Ok(())
}

fn an_absolute_target_names_the_same_path(site: &Site) -> Result<()> {
    let user = fresh_path("absolute");
    let note = site.client().make(&user, "x")?;
    let mut connection = site.connect()?;
    connection.send(format!("GET http://localhost{user}/{} HTTP/1.1\r\nhost: localhost\r\n\r\n", note.id))?;
    let answer = connection.answer()?.must_be(200)?;
    ensure!(note_of(&answer)? == note, answer.wrong(format_args!("{note:?}")));
    Ok(())
}

fn http_1_0_is_answered(site: &Site) -> Result<()> {
    let mut connection = site.connect()?;
    connection.send("GET / HTTP/1.0\r\n\r\n")?;
    connection.answer()?.must_be(200)?;
    connection.closed()
}

fn expect_100_continue_is_answered(site: &Site) -> Result<()> {
    let (user, body) = (fresh_path("continue"), text_body("x"));
    let mut connection = site.connect()?;
    let length = body.len();
    connection.send(format!(
        "POST {user} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
    ))?;
    let first = connection.unchecked_answer("POST")?.must_be(100)?;
    ensure!(first.body.is_empty(), first.wrong("no body yet"));
    connection.send(body)?;
    connection.answer()?.must_be(201)?;
    Ok(())
}

fn two_bodies_in_one_are_not_told_apart_wrongly(site: &Site) -> Result<()> {
    // What a proxy in front may take for the end of the first request must never become a request of its own.
    let victim = fresh_path("victim");
    let note = site.client().make(&victim, "x")?;
    let hidden = format!("DELETE {victim} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let length = hidden.len();
    for headers in [
        format!("content-length: 0\r\ncontent-length: {length}"),
        format!("content-length: {length}\r\ncontent-length: 0"),
        format!("content-length: 0, {length}"),
        "content-length: +0".to_owned(),
        "content-length: -1".to_owned(),
        format!("content-length: {length}\r\ntransfer-encoding: xchunked"),
        format!("content-length: {length}\r\ntransfer-encoding: chunked, identity"),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity".to_owned(),
    ] {
        let mut connection = site.connect()?;
        connection.send(format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n{hidden}",
            fresh_path("smuggler")
        ))?;
        connection.finish_sending()?;
        connection.closed()?;
        ensure!(site.client().notes(&victim)? == [note.clone()], "a hidden request was served after [{headers}]");
    }
    Ok(())
}

/// A server that takes one for plain `chunked` takes what is compressed for the body itself.
fn bodies_in_a_coding_that_is_not_offered_are_refused(site: &Site) -> Result<()> {
    let body = String::from_utf8(text_body("x"))?;
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for coding in [
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: gzip,chunked",
        "transfer-encoding: identity, chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: ,chunked",
        "transfer-encoding: xchunked",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, gzip",
        "transfer-encoding: chunked;a=b",
        "transfer-encoding:\r\n chunked",
        "transfer-encoding : chunked",
        "transfer-encoding: \u{b}chunked",
        "transfer-encoding: \"chunked\"",
    ] {
        let user = fresh_path("coding");
        let mut connection = site.connect()?;
        connection.send(format!("POST {user} HTTP/1.1\r\nhost: localhost\r\n{coding}\r\n\r\n{chunks}"))?;
        connection.finish_sending()?;
        let answer = connection.unchecked_answer("POST")?;
        ensure!([400, 501].contains(&answer.status), answer.wrong(format_args!("400 or 501 to [{coding}]")));
        connection.closed()?;
        ensure!(site.client().notes(&user)?.is_empty(), "a body in [{coding}] was stored");
    }
    Ok(())
}

fn malformed_requests_do_not_stop_others(site: &Site) -> Result<()> {
    let client = site.client();
    let long_header = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(100_000));
    let requests: [&[u8]; 15] = [
        b"",
        b"\r\n\r\n\r\n",
        b"\0",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        long_header.as_bytes(),
        many_headers.as_bytes(),
        long_path.as_bytes(),
    ];
    for request in requests {
        let mut connection = site.connect()?;
        // The server may close before it has read all.
        let _ = connection.send(request);
        let _ = connection.finish_sending();
        connection.closed()?;
        client.get("/")?.must_be(200)?;
    }
    Ok(())
}

fn a_connection_serves_after_an_error(site: &Site) -> Result<()> {
    let user = fresh_path("after");
    let mut connection = site.connect()?;
    for (request, status) in [
        (format!("POST {user} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nnone"), 400),
        (format!("PUT {user} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nnone"), 405),
        (format!("POST {user} HTTP/1.1\r\nhost: localhost\r\ncontent-type: a/b\r\ncontent-length: 4\r\n\r\nnone"), 415),
        ("GET /%zz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 400),
        ("GET /a/b/c HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 404),
        (format!("DELETE {user} HTTP/1.1\r\nhost: localhost\r\n\r\n"), 204),
        (format!("GET {user} HTTP/1.1\r\nhost: localhost\r\n\r\n"), 200),
    ] {
        connection.send(request)?;
        connection.answer()?.must_be(status)?;
    }
    Ok(())
}
