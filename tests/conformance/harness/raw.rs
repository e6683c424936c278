//! The client for what no HTTP library would send: bytes on a socket, and answers read one by one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::answer::{Answer, shortened};

/// No read or write may wait longer.
const DEADLINE: Duration = Duration::from_secs(20);
const LONGEST_HEAD_BYTES: usize = 64 << 10;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Read from the socket and not yet taken by an answer.
    unread: Vec<u8>,
    /// The start of what was sent last, for messages.
    sent: String,
    log: Option<Arc<Path>>,
}

impl Connection {
    pub(crate) fn open(authority: &str, log: Option<Arc<Path>>) -> Result<Self> {
        let stream = TcpStream::connect(authority).with_context(|| format!("cannot connect to {authority}"))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new(), sent: String::new(), log })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.sent = format!("{:?}", shortened(bytes.as_ref()));
        self.stream.write_all(bytes.as_ref()).with_context(|| format!("cannot send {}", self.sent))
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// The next answer, checked for what holds for every one.
    pub(crate) fn answer(&mut self) -> Result<Answer> {
        self.unchecked_answer("GET")?.keeps_the_rules()
    }

    /// The next answer to a HEAD request.
    pub(crate) fn answer_to_head(&mut self) -> Result<Answer> {
        self.unchecked_answer("HEAD")?.keeps_the_rules()
    }

    /// The next answer as it is: what the HTTP library under the server says to malformed requests is its own.
    pub(crate) fn unchecked_answer(&mut self, method: &str) -> Result<Answer> {
        let head = self.head().with_context(|| format!("no answer to {}", self.sent))?;
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.with_context(|| format!("{status_line:?} is no status line"))?;
        let mut headers = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').with_context(|| format!("{line:?} is no header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
        let to_head = method == "HEAD";
        let bodiless = to_head || status < 200 || matches!(status, 204 | 304);
        let body = match length.transpose()? {
            _ if bodiless => Vec::new(),
            Some(length) => self.take(length)?,
            None => bail!("an answer to {} without content-length: {head:?}", self.sent),
        };
        Ok(Answer { request: self.sent.clone(), status, headers, body, to_head, log: self.log.clone() })
    }

    /// Waits until the server closes; an answer before that is skipped.
    pub(crate) fn closed(&mut self) -> Result<()> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(error).context("the server does not close the connection"),
        }
    }

    fn head(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                return Ok(String::from_utf8_lossy(&self.take(end + 4)?).into_owned());
            }
            ensure!(self.unread.len() < LONGEST_HEAD_BYTES, "the head does not end");
            self.read_more()?;
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            self.read_more()?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    fn read_more(&mut self) -> Result<()> {
        let mut buffer = [0; 16 << 10];
        let count = self.stream.read(&mut buffer)?;
        ensure!(count > 0, "the connection was closed after {:?}", shortened(&self.unread));
        self.unread.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(())
    }
}
