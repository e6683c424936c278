//! System calls as strace writes them down, parsed: `strace -f -ttt -xx -X raw -o FILE`.
//!
//! A call is one line, or two where another thread's came in between. Strings must be whole: a call whose data strace cut
//! short is an error, since what was written would not be known.

use anyhow::{Context, bail, ensure};
use std::collections::HashMap;

/// A moment in a recording: an even number is the beginning of a call, an odd one the end of one.
pub(crate) type Moment = usize;

/// One system call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) begin: Moment,
    /// `None` if the process was killed first: then strace writes no end, or one without a result.
    pub(crate) end: Option<Moment>,
    /// What it returned; `None` where strace does not know.
    pub(crate) result: Option<i64>,
    /// When it began, in milliseconds of the system's clock.
    pub(crate) time_ms: u64,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    Number(i64),
    Text(Vec<u8>),
    /// An array or a struct, whose fields' names are left out.
    List(Vec<Argument>),
    /// A word: NULL, or a name that stands raw nowhere.
    Word,
}

impl Call {
    /// A number, which the argument at this place must be.
    pub(crate) fn number(&self, place: usize) -> anyhow::Result<i64> {
        match self.arguments.get(place) {
            Some(Argument::Number(number)) => Ok(*number),
            other => bail!("argument {place} of {} is {other:?}, no number", self.name),
        }
    }

    /// A string, which the argument at this place must be.
    pub(crate) fn text(&self, place: usize) -> anyhow::Result<&[u8]> {
        match self.arguments.get(place) {
            Some(Argument::Text(text)) => Ok(text),
            other => bail!("argument {place} of {} is {other:?}, no string", self.name),
        }
    }

    /// All strings of an argument, one after the other.
    pub(crate) fn all_data(&self, place: usize) -> anyhow::Result<Vec<u8>> {
        let mut data = Vec::new();
        self.arguments.get(place).context("a call without data")?.gather(&mut data);
        Ok(data)
    }

    /// The same, as far as the call went.
    pub(crate) fn data(&self, place: usize, length: i64) -> anyhow::Result<Vec<u8>> {
        let mut data = self.all_data(place)?;
        let length = usize::try_from(length)?;
        ensure!(data.len() >= length, "{} of {length} bytes, of which {} are known", self.name, data.len());
        data.truncate(length);
        Ok(data)
    }
}

impl Argument {
    fn gather(&self, data: &mut Vec<u8>) {
        match self {
            Self::Text(text) => data.extend_from_slice(text),
            Self::List(list) => list.iter().for_each(|argument| argument.gather(data)),
            Self::Number(_) | Self::Word => {}
        }
    }
}

/// All calls of a log, in the order in which they began. `first` is the moment of its first line.
pub(crate) fn parse(log: &str, first: Moment) -> anyhow::Result<Vec<Call>> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<&str, (usize, String)> = HashMap::new();
    for (number, line) in log.lines().enumerate() {
        let at = || format!("line {} of strace's log: {}", number + 1, line.chars().take(200).collect::<String>());
        let begin = first + 2 * number;
        let (thread, rest) = line.trim_start().split_once(' ').with_context(at)?;
        let (time, rest) = rest.trim_start().split_once(' ').with_context(at)?;
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some((_, rest)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            let (index, begun) = unfinished.remove(thread).with_context(at)?;
            let call = calls.get_mut(index).with_context(at)?;
            let (arguments, result) = whole(&(begun + rest)).with_context(at)?;
            (call.arguments, call.result, call.end) = (arguments, result, result.map(|_| begin + 1));
            continue;
        }
        let (name, rest) = rest.split_once('(').with_context(at)?;
        let time_ms = (time.parse::<f64>().with_context(at)? * 1000.0) as u64;
        let mut call = Call { name: name.to_owned(), arguments: Vec::new(), begin, end: None, result: None, time_ms };
        match rest.strip_suffix("<unfinished ...>") {
            Some(begun) => {
                // What is known of it if it never ends.
                call.arguments = Scanner(begun.as_bytes()).list(b')').unwrap_or_default();
                unfinished.insert(thread, (calls.len(), begun.trim_end().to_owned()));
            }
            None => {
                let (arguments, result) = whole(rest).with_context(at)?;
                (call.arguments, call.result, call.end) = (arguments, result, result.map(|_| begin + 1));
            }
        }
        calls.push(call);
    }
    Ok(calls)
}

/// Arguments and result, of what follows the opening parenthesis.
fn whole(text: &str) -> anyhow::Result<(Vec<Argument>, Option<i64>)> {
    let mut scanner = Scanner(text.as_bytes());
    let arguments = scanner.list(b')')?;
    ensure!(scanner.take(b')'), "arguments that do not end");
    let rest = std::str::from_utf8(scanner.0)?;
    let result = rest.trim_start().strip_prefix("= ").context("no result")?;
    Ok((arguments, number(result.split_whitespace().next().unwrap_or_default())))
}

fn number(word: &str) -> Option<i64> {
    if let Some(digits) = word.strip_prefix("0x") {
        // Addresses fill all 64 bits.
        return u64::from_str_radix(digits, 16).ok().map(u64::cast_signed);
    }
    match word.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => i64::from_str_radix(digits, 8).ok(),
        _ => word.parse().ok(),
    }
}

/// What is still to be read.
struct Scanner<'a>(&'a [u8]);

impl Scanner<'_> {
    /// Values up to `end`, which stays; or up to the end of what is known.
    fn list(&mut self, end: u8) -> anyhow::Result<Vec<Argument>> {
        let mut values = Vec::new();
        loop {
            while self.take(b' ') || self.take(b',') {}
            match self.0.first() {
                None => return Ok(values),
                Some(byte) if *byte == end => return Ok(values),
                Some(_) => values.push(self.value()?),
            }
        }
    }

    fn value(&mut self) -> anyhow::Result<Argument> {
        if self.take(b'"') {
            return self.string().map(Argument::Text);
        }
        for (open, close) in [(b'[', b']'), (b'{', b'}')] {
            if self.take(open) {
                let values = self.list(close)?;
                self.take(close);
                return Ok(Argument::List(values));
            }
        }
        let ends = |byte: &u8| b",()]}= ".contains(byte);
        let length = self.0.iter().position(ends).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        // What a name stands for, or what a macro is given.
        if self.take(b'=') {
            return self.value();
        }
        if self.take(b'(') {
            let values = self.list(b')')?;
            self.take(b')');
            return Ok(Argument::List(values));
        }
        ensure!(length > 0, "a value is missing");
        Ok(number(std::str::from_utf8(word)?).map_or(Argument::Word, Argument::Number))
    }

    /// Behind its opening quote: every byte as `\x` and two digits.
    fn string(&mut self) -> anyhow::Result<Vec<u8>> {
        let length = self.0.iter().position(|byte| *byte == b'"').context("a string that does not end")?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest.get(1..).unwrap_or_default();
        ensure!(!self.0.starts_with(b"..."), "a string that strace has cut short");
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = |code: &[u8]| match code {
            [b'\\', b'x', high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => None,
        };
        text.chunks(4).map(byte).collect::<Option<_>>().context("a string that is not in hexadecimal")
    }

    fn take(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(line: &str) -> Call {
        parse(line, 0).unwrap().remove(0)
    }

    #[test]
    fn arguments_and_result_are_read() {
        let call = one(r#"7     1700000000.250000 openat(-100, "\x2f\x61", 0x80042, 0644) = 5"#);
        let text = Argument::Text(b"/a".to_vec());
        let numbers = [-100, 0x80042, 0o644].map(Argument::Number);
        let [first, second, third] = numbers;
        assert_eq!(call.arguments, [first, text, second, third]);
        assert_eq!((call.result, call.time_ms, call.begin, call.end), (Some(5), 1_700_000_000_250, 0, Some(1)));
        let failed = one(r#"7 1.0 unlink("\x61")             = -1 ENOENT (No such file or directory)"#);
        assert_eq!((failed.result, failed.text(0).unwrap()), (Some(-1), &b"a"[..]));
        let accepted = r#"7 1.0 accept4(7, {sa_family=0x2, sin_port=htons(80)}, [128 => 16], 0x80800) = 9"#;
        assert_eq!(one(accepted).result, Some(9));
        assert_eq!(one("7 1.0 mmap(NULL, 8, 0x3, 0x22, -1, 0) = 0xfffff7a2c0000000").arguments.len(), 6);
    }

    #[test]
    fn what_was_written_in_pieces_is_joined() {
        let line = r#"7 1.0 writev(9, [{iov_base="\x61\x62", iov_len=2}, {iov_base="\x63", iov_len=1}], 2) = 3"#;
        assert_eq!(one(line).data(1, 3).unwrap(), b"abc");
        assert_eq!(one(line).data(1, 1).unwrap(), b"a");
        assert!(one(line).data(1, 4).is_err());
    }

    #[test]
    fn a_call_in_two_lines_keeps_both_moments() {
        let log = concat!(
            "7 1.0 pwrite64(4, \"\\x61\", 1, 512 <unfinished ...>\n",
            "8 1.0 recvfrom(5,  <unfinished ...>\n",
            "7 1.1 <... pwrite64 resumed>) = 1\n",
            "8 1.2 <... recvfrom resumed>\"\\x62\", 64, 0, NULL, NULL) = 1\n",
            "8 1.3 write(4, \"\\x61\", 1 <unfinished ...>\n",
            "7 1.3 fsync(4 <unfinished ...>\n",
            "8 1.3 <... write resumed>) = ?\n",
            "7 1.3 +++ killed by SIGKILL +++\n",
        );
        let calls = parse(log, 100).unwrap();
        assert_eq!(
            calls.iter().map(|call| (call.begin, call.end)).collect::<Vec<_>>(),
            [(100, Some(105)), (102, Some(107)), (108, None), (110, None)]
        );
        assert_eq!((calls[0].data(1, 1).unwrap(), calls[0].number(3).unwrap()), (b"a".to_vec(), 512));
        assert_eq!(calls[1].data(1, 1).unwrap(), b"b");
        assert_eq!((calls[3].number(0).unwrap(), calls[3].result), (4, None));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for line in ["7 1.0 write(4, \"\\x61\"..., 9) = 9", "7 1.0 write(4, \"a\", 1) = 1", "7 1.0 write(4", "7"] {
            assert!(parse(line, 0).is_err(), "{line}");
        }
    }
}
