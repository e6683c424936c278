//! What a body must be: 400, 413, 415 and 422, each at its boundary, and nothing stored when one is answered.

use anyhow::{Context, Result, ensure};

use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::note::note_of;
use crate::harness::request::{Request, text_body};
use crate::harness::site::{Site, fresh_path};

cases! {
    Http:
        a_body_that_is_no_object_with_a_text_answers_400,
        an_empty_text_answers_422,
        a_text_of_65536_bytes_is_the_longest,
        a_body_of_131072_bytes_is_the_longest,
        json_media_types_are_taken,
        other_media_types_answer_415;
    Http1:
        a_chunked_body_of_131072_bytes_is_the_longest,
        a_refused_body_up_to_1_mib_is_read_so_that_the_answer_arrives,
        an_endless_body_is_cut_off;
}

const LONGEST_TEXT_BYTES: usize = 65_536;
const LONGEST_BODY_BYTES: usize = 131_072;

/// A user with one note, of which a refused request must change nothing.
struct Guarded {
    client: Client,
    user: String,
    note: String,
    before: Vec<u8>,
    nobody: String,
}

impl Guarded {
    fn new(site: &Site, hint: &str) -> Result<Self> {
        let (client, user) = (site.client(), fresh_path(hint));
        let note = client.make(&user, "before")?;
        let before = client.get(&user)?.body;
        Ok(Self { note: format!("{user}/{}", note.id), client, user, before, nobody: fresh_path("nobody") })
    }

    /// POST, POST as a user who has nothing, and PATCH: each answers `status`, and nothing is stored.
    fn refuse(&self, status: u16, request: impl Fn(Request) -> Request) -> Result<()> {
        for (method, path) in [("POST", &self.user), ("POST", &self.nobody), ("PATCH", &self.note)] {
            self.client.send(&request(Request::new(method, path)))?.must_be(status)?;
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        let after = self.client.get(&self.user)?;
        ensure!(after.body == self.before, after.wrong("what was there before a request that was refused"));
        ensure!(self.client.notes(&self.nobody)?.is_empty(), "a refused POST {} made a note", self.nobody);
        Ok(())
    }

    /// POST answers 201 and PATCH 200.
    fn take(&self, request: impl Fn(Request) -> Request) -> Result<()> {
        self.client.send(&request(Request::new("POST", &self.user)))?.must_be(201)?;
        self.client.send(&request(Request::new("PATCH", &self.note)))?.must_be(200)?;
        Ok(())
    }
}

fn json(request: Request, body: impl Into<Vec<u8>>) -> Request {
    request.header("content-type", "application/json").body(body)
}

fn a_body_that_is_no_object_with_a_text_answers_400(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "no-object")?;
    let deep = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
    let deep_member = format!(r#"{{"text":{}1{}}}"#, r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let bodies: [&[u8]; 23] = [
        b"",
        b" ",
        b"text",
        b"{",
        b"}",
        b"[]",
        br#"["text"]"#,
        b"null",
        b"1",
        br#""text""#,
        b"{}",
        br#"{"text":1}"#,
        br#"{"text":null}"#,
        br#"{"text":["x"]}"#,
        br#"{"text":{}}"#,
        br#"{"Text":"x"}"#,
        br#"{"text":"x"} more"#,
        br#"{"text":"x",}"#,
        br#"{'text':'x'}"#,
        b"{\"text\":\"\xff\"}",
        br#"{"text":"\ud800"}"#,
        deep.as_bytes(),
        deep_member.as_bytes(),
    ];
    for body in bodies {
        guarded.refuse(400, |request| json(request, body))?;
    }
    // No body at all, and one of the form that browsers send.
    guarded.refuse(400, |request| request.header("content-type", "application/json"))?;
    guarded.refuse(400, |request| request.body("text=x"))
}

fn an_empty_text_answers_422(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "empty")?;
    for text in ["", " ", "\n", "\t\r\n ", "\u{a0}", "\u{3000}\u{2003}\u{2028}", "\u{85}", &" ".repeat(60_000)] {
        guarded.refuse(422, |request| request.text(text))?;
    }
    Ok(())
}

fn a_text_of_65536_bytes_is_the_longest(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "longest-text")?;
    // Bytes count, not characters.
    for letter in ["a", "é", "😀"] {
        guarded.refuse(422, |request| request.text(&(letter.repeat(LONGEST_TEXT_BYTES / letter.len()) + "b")))?;
    }
    for letter in ["a", "é", "😀"] {
        let longest = letter.repeat(LONGEST_TEXT_BYTES / letter.len());
        guarded.take(|request| request.text(&longest))?;
        let found = note_of(&guarded.client.get(&guarded.note)?.must_be(200)?)?;
        ensure!(found.text == longest, "a text of 65,536 bytes came back as one of {}", found.text.len());
    }
    Ok(())
}

/// A body of exactly `length` bytes: JSON and white space after it.
fn padded(length: usize) -> Vec<u8> {
    let mut body = text_body("x");
    body.resize(length, b' ');
    body
}

fn a_body_of_131072_bytes_is_the_longest(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "longest-body")?;
    for length in [LONGEST_BODY_BYTES + 1, LONGEST_BODY_BYTES * 2, 1 << 20] {
        guarded.refuse(413, |request| json(request, padded(length)))?;
    }
    guarded.take(|request| json(request, padded(LONGEST_BODY_BYTES)))
}

fn head(method: &str, path: &str, length: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{length}\r\n\r\n")
}

/// A body in chunks of 1,000 bytes and what remains.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(1000) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn a_chunked_body_of_131072_bytes_is_the_longest(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "chunked")?;
    for length in [LONGEST_BODY_BYTES + 1, LONGEST_BODY_BYTES * 4] {
        for (method, path) in [("POST", &guarded.user), ("POST", &guarded.nobody), ("PATCH", &guarded.note)] {
            let mut connection = site.connect()?;
            connection.send(head(method, path, "transfer-encoding: chunked"))?;
            connection.send(chunked(&padded(length)))?;
            connection.answer()?.must_be(413)?;
        }
    }
    guarded.check()?;
    for (method, path, status) in [("POST", &guarded.user, 201), ("PATCH", &guarded.note, 200)] {
        let mut connection = site.connect()?;
        connection.send(head(method, path, "transfer-encoding: chunked"))?;
        connection.send(chunked(&padded(LONGEST_BODY_BYTES)))?;
        connection.answer()?.must_be(status)?;
    }
    Ok(())
}

fn a_refused_body_up_to_1_mib_is_read_so_that_the_answer_arrives(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "discard")?;
    // Sent to the end before reading: a server that closed earlier would break the connection off.
    let body = padded(1 << 20);
    let length = format!("content-length: {}", body.len());
    for _ in 0..5 {
        let mut connection = site.connect()?;
        connection.send(head("POST", &guarded.user, &length))?;
        connection.send(&body).context("the server closed before 1 MiB was sent")?;
        connection.answer()?.must_be(413)?;
        // The frames of chunks count too, so the body is a little shorter.
        let mut connection = site.connect()?;
        connection.send(head("POST", &guarded.user, "transfer-encoding: chunked"))?;
        connection.send(chunked(&padded(1_000_000))).context("the server closed before 1 MiB was sent")?;
        connection.answer()?.must_be(413)?;
    }
    guarded.check()
}

fn an_endless_body_is_cut_off(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "endless")?;
    for length in ["content-length: 1073741824", "transfer-encoding: chunked"] {
        let mut connection = site.connect()?;
        connection.send(head("POST", &guarded.user, length))?;
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 65_536], b"\r\n"].concat();
        // 64 MiB: more than any buffer between here and there holds.
        let taken = (0..1024).take_while(|_| connection.send(&chunk).is_ok()).count();
        ensure!(taken < 1024, "64 MiB of a body after [{length}] were taken");
    }
    guarded.check()?;
    guarded.take(|request| request.text("still here"))
}

fn json_media_types_are_taken(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "media-types")?;
    let media_types = [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"x;y\"",
        "application/json ; a=b",
        "application/vnd.api+json",
        "application/merge-patch+JSON; profile=x",
        "text/x+json",
    ];
    for media_type in media_types {
        guarded.take(|request| request.header("content-type", media_type).body(text_body(media_type)))?;
    }
    guarded.take(|request| request.body(text_body("no media type")))
}

fn other_media_types_answer_415(site: &Site) -> Result<()> {
    let guarded = Guarded::new(site, "415")?;
    let media_types = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/jsonx",
        "application/json2",
        "application/json+xml",
        "text/json",
        "json",
        "application/",
        "*/*",
        "text/plain; application/json",
        "text/plain;x=+json",
        "application/xjson",
        "image/svg+xml",
        "nonsense",
    ];
    for media_type in media_types {
        guarded.refuse(415, |request| request.header("content-type", media_type).body(text_body("x")))?;
    }
    Ok(())
}
