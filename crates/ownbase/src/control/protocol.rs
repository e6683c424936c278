//! What is spoken over `STATE_DIR/control.sock`: lines of JSON, one request a connection.
//!
//! The client sends a request, `{"protocol": 1, "migrate": …}`. The server answers with any number of
//! `{"progress": …}` and ends with `{"report": …}` or `{"refused": "why"}`. Whatever else the client sends, the end of
//! its connection included, means stop; the report then says how far it came.
//!
//! The first member and the form of a refusal are for all versions, so that programs of different ones can tell each
//! other so. Limits: 4 MiB a request, 16 MiB an answer.

use crate::migrate::plan::Plan;
use crate::migrate::report::{Progress, Report};
use crate::migrate::written::Written;
use serde::{Deserialize, Serialize};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// This version.
pub(crate) const PROTOCOL: u32 = 1;
/// Bytes of a request.
pub(crate) const MAX_REQUEST_BYTES: u64 = 4 << 20;
/// Bytes of an answer.
pub(crate) const MAX_ANSWER_BYTES: u64 = 16 << 20;
/// For a whole line to be taken by the other side.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The socket of a state directory.
pub(crate) fn socket(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// [`PROTOCOL`].
    pub(crate) protocol: u32,
    /// The one thing that there is to ask for.
    pub(crate) migrate: Migrate,
}

/// A roll-out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Migrate {
    pub(crate) plan: Plan,
    pub(crate) builds: Vec<Build>,
}

/// A component of the client's manifest that carries migrations.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Build {
    pub(crate) component: String,
    pub(crate) migrations: Vec<Written>,
}

/// What the server says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// So far.
    Progress(Progress),
    /// The end.
    Report(Report),
    /// The end: why nothing was done.
    Refused(String),
}

/// The part of a request that every version has.
#[derive(Deserialize)]
struct AnyRequest {
    protocol: u32,
}

impl Request {
    /// Reads a request; the error is for the client.
    pub(crate) fn parse(line: &[u8]) -> std::result::Result<Self, String> {
        let AnyRequest { protocol } =
            serde_json::from_slice(line).map_err(|error| format!("this is no request to ownbase: {error}"))?;
        if protocol != PROTOCOL {
            return Err(format!(
                "the server speaks version {PROTOCOL} of the control protocol and this command version {protocol} \
                 (use the ownbase that serves)"
            ));
        }
        serde_json::from_slice(line).map_err(|error| format!("the request cannot be read: {error}"))
    }
}

/// The next line without its end, or `None` at the end of the connection.
pub(crate) async fn read_line(stream: &mut (impl AsyncBufRead + Unpin), max_bytes: u64) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    stream.take(max_bytes).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 + 1 == max_bytes => {
            Err(Error::new(ErrorKind::InvalidData, format!("a line of more than {max_bytes} bytes")))
        }
        Some(_) => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes a message as a line.
pub(crate) async fn write_line(stream: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let written = tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&line)).await;
    written.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_can_tell_each_other_apart() {
        for (line, expected) in [
            ("{\"protocol\": 2, \"other\": []}", "this command version 2 (use the ownbase that serves)"),
            ("{}", "this is no request to ownbase: missing field `protocol`"),
            ("GET / HTTP/1.1", "this is no request to ownbase: expected value"),
            ("{\"protocol\": 1}", "the request cannot be read: missing field `migrate`"),
        ] {
            let error = Request::parse(line.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let refused: Answer = serde_json::from_str("{\"refused\": \"why\"}").unwrap();
        assert!(matches!(refused, Answer::Refused(why) if why == "why"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn lines_are_bounded() {
        let read =
            async |bytes: &[u8], max_bytes| read_line(&mut &*bytes, max_bytes).await.map_err(|error| error.kind());
        assert_eq!(read(b"ab\nc", 3).await, Ok(Some(b"ab".to_vec())));
        assert_eq!(read(b"abc\n", 3).await, Err(ErrorKind::InvalidData));
        assert_eq!(read(b"ab", 3).await, Err(ErrorKind::UnexpectedEof));
        assert_eq!(read(b"", 3).await, Ok(None));
    }
}
