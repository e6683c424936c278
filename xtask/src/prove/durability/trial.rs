//! One image, recovered by the real server, and held against what was promised.

use super::calls::Moment;
use super::disk::Image;
use super::flip::Flip;
use super::folder;
use super::notes::Notes;
use super::recording::Recording;
use super::server::Program;
use crate::bench::server::Server;
use crate::http::{Answer, Client};
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, fs};

/// What was acknowledged for longer than this is never given up for the sake of a damaged log, in milliseconds: the mark
/// up to which a log must be sound is written a second behind, and strace makes all slow.
const SETTLED_MS: u64 = 2_500;
/// How late a line of the log may come.
const PATIENCE: Duration = Duration::from_secs(10);
/// A note that is written once all were looked at.
const AFTERWARDS: &str = "{\"text\": \"afterwards\"}";
/// Where the server sets damaged files aside, within the state directory.
const QUARANTINE: &str = "quarantine";

/// How an image came out of its recovery, if all promises were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Every note is there.
    Whole,
    /// A damaged user's files were set aside whole, and the user is told so.
    SetAside,
    /// The last seconds of a damaged log were dropped, with a warning and a copy.
    TailDropped,
    /// The damage is in a database, where SQLite did not see it or an error came of it, and the file was kept.
    InDatabase,
    /// The server does not start, and says which file is wrong.
    Refused,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "every acknowledged note is there",
            Self::SetAside => "a user's files are set aside whole, and the user is told",
            Self::TailDropped => "the last seconds of a log are dropped, with a warning and a copy",
            Self::InDatabase => "SQLite sees damage within a database or does not, and the file is kept",
            Self::Refused => "the server does not start, and names the file",
        })
    }
}

/// Where an image is recovered.
pub(crate) struct Place<'a> {
    pub(crate) program: &'a Program,
    pub(crate) home: PathBuf,
}

/// What is recovered.
pub(crate) struct Case<'a> {
    pub(crate) recording: &'a Recording,
    pub(crate) cut: Moment,
    pub(crate) image: &'a Image,
    pub(crate) flip: Option<&'a Flip>,
    /// Picks whose database is changed, and what is done about a damaged one.
    pub(crate) number: usize,
}

/// A user whose answer is not what was promised.
struct Astray {
    user: String,
    answer: Answer,
    expected: Vec<Notes>,
}

impl Place<'_> {
    /// An error is a promise that was broken.
    pub(crate) fn check(&self, case: &Case<'_>) -> anyhow::Result<Outcome> {
        folder::lay(case.image, &self.home)?;
        let server = match self.program.start(&self.state()) {
            Ok(server) => server,
            Err(error) => return self.refused(case).with_context(|| format!("the server does not start: {error:#}")),
        };
        let mut client = Client::connect(server.address)?;
        let mut astray = Vec::new();
        let mut served = Vec::new();
        for user in case.recording.promises.users() {
            let expected = case.recording.promises.after_cut(user, case.cut)?;
            let answer = client.ask("GET", &format!("/{user}"), "").with_context(|| format!("GET /{user}"))?;
            let listed = (answer.status == 200).then(|| Notes::listed(&answer.body)).transpose()?;
            match listed {
                Some(listed) if expected.iter().any(|notes| notes.may_be(&listed)) => served.push(user),
                _ => astray.push(Astray { user: user.to_owned(), answer, expected }),
            }
        }
        ensure!(astray.len() < 2, "{} users are not served: {}", astray.len(), told(&astray));
        if let Some(user) = served.get(case.number % served.len().max(1)) {
            let answer = client.ask("POST", &format!("/{user}"), AFTERWARDS)?;
            // A write may meet a page that no look has met.
            let may_be_damaged = astray.is_empty() && case.flip.is_some_and(Flip::is_in_database);
            match answer.status {
                201 => {}
                500 if may_be_damaged => {
                    astray.push(Astray { user: (*user).to_owned(), answer, expected: Vec::new() });
                }
                _ => bail!("POST /{user} answers {}", text(&answer)),
            }
        }
        match (astray.pop(), case.flip) {
            (None, flip) => {
                server.stop()?;
                self.check_integrity(flip)?;
                if flip.is_none() {
                    self.check_log()?;
                }
                Ok(Outcome::Whole)
            }
            (Some(astray), None) => bail!("{}", told(&[astray])),
            (Some(astray), Some(flip)) => {
                let lost = told(std::slice::from_ref(&astray));
                self.damaged(case, flip, server, astray).with_context(|| lost)
            }
        }
    }

    /// A user is not served as promised, and a bit was turned over.
    fn damaged(&self, case: &Case<'_>, flip: &Flip, server: Server, astray: Astray) -> anyhow::Result<Outcome> {
        let says_damaged = astray.answer.status == 500 && text(&astray.answer).contains("damaged");
        // SQLite keeps no sums of a database's pages: there a turned bit may come out as anything.
        if says_damaged || !flip.is_in_database() && astray.answer.status == 500 {
            return self.set_aside(case, flip, server, &astray);
        }
        ensure!(
            astray.answer.status == 200 || flip.is_in_database(),
            "a damaged user is answered with neither 200 nor 500"
        );
        server.stop()?;
        self.check_integrity(Some(flip))?;
        let left = folder::read(&self.home)?;
        if flip.is_in_database() {
            ensure!(flip.is_kept(&left), "the damaged file is gone");
            return Ok(Outcome::InDatabase);
        }
        let listed = Notes::listed(&astray.answer.body)?;
        let settled = case.recording.before(case.cut, SETTLED_MS);
        let recent = case.recording.promises.since(&astray.user, settled, case.cut)?;
        ensure!(recent.iter().any(|notes| notes.may_be(&listed)), "acknowledged notes are silently gone");
        ensure!(self.log()?.contains("WARN"), "acknowledged notes are gone without a warning");
        ensure!(left.keys().any(|path| path.starts_with(quarantine())), "what was dropped of the log is not kept");
        Ok(Outcome::TailDropped)
    }

    /// The user is told, the files are whole, and the user can be erased or restored.
    fn set_aside(&self, case: &Case<'_>, flip: &Flip, server: Server, astray: &Astray) -> anyhow::Result<Outcome> {
        let problem: Value = serde_json::from_slice(&astray.answer.body).context("the answer is no problem")?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        ensure!(detail.contains("damaged"), "the problem does not say that the database is damaged");
        self.wait_for_error()?;
        let left = folder::read(&self.home)?;
        let aside = folder::find(&left, &quarantine(), &flip.damaged);
        // What only SQLite can see stays where it is: its log may have gone into it, and nobody else has looked.
        // So does a database that a checkpoint had begun to change when the power was cut. Nothing tells then that the log
        // must be whole: the log's end is dropped and kept.
        let is_dropped = self.log()?.contains("WARN") && left.keys().any(|path| path.starts_with(quarantine()));
        let stays = aside.is_none() && (flip.is_in_database() && flip.is_kept(&left) || is_dropped);
        ensure!(aside.is_some() || stays, "the damaged file is not in quarantine");
        let outcome = if stays { Outcome::InDatabase } else { Outcome::SetAside };
        let path = format!("/{}", astray.user);
        if let Some(aside) = aside.filter(|_| case.number % 2 == 1) {
            server.stop()?;
            self.put_back(flip, aside)?;
            let server = self.program.start(&self.state())?;
            let answer = Client::connect(server.address)?.ask("GET", &path, "")?;
            let listed = (answer.status == 200).then(|| Notes::listed(&answer.body)).transpose()?;
            let is_restored = listed.is_some_and(|listed| astray.expected.iter().any(|notes| notes.may_be(&listed)));
            ensure!(is_restored, "the files were mended and put back, and the answer is {}", text(&answer));
            server.stop()?;
        } else {
            let mut client = Client::connect(server.address)?;
            expect(&mut client, "DELETE", &path, 204)?;
            expect(&mut client, "POST", &path, 201)?;
            let listed = Notes::listed(&client.ask("GET", &path, "")?.body)?;
            ensure!(listed.count() == 1, "after an erase and a note there are {listed}");
            server.stop()?;
        }
        folder::check_integrity(&self.home, |path| path.starts_with(quarantine()))?;
        Ok(outcome)
    }

    /// All that was set aside together goes back to where it was, and the bit is mended.
    fn put_back(&self, flip: &Flip, aside: &Path) -> anyhow::Result<()> {
        let together = self.home.join(aside.parent().context("no folder")?);
        let origin = self.home.join(flip.path.parent().context("no folder")?);
        for entry in fs::read_dir(&together)? {
            let entry = entry?;
            fs::rename(entry.path(), origin.join(entry.file_name()))?;
        }
        fs::write(self.home.join(&flip.path), &flip.sound)?;
        Ok(())
    }

    /// A server may refuse to start where a damaged file is not a user's, if it says which one, and leaves all as it is.
    fn refused(&self, case: &Case<'_>) -> anyhow::Result<Outcome> {
        let flip = case.flip.context("after a mere power cut")?;
        let log = self.log()?;
        let said = log.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        let name = flip.path.file_name().unwrap_or_default().to_string_lossy();
        ensure!(said.contains(&*name), "it says `{said}` and does not name {name}");
        ensure!(flip.is_kept(&folder::read(&self.home)?), "the damaged file is gone");
        Ok(Outcome::Refused)
    }

    /// A damaged file may well be in disorder; all others may not.
    fn check_integrity(&self, flip: Option<&Flip>) -> anyhow::Result<()> {
        // The file itself, or the one beside it whose name the file's begins with.
        let is_damaged = |path: &Path| flip.is_some_and(|flip| begins_with(&flip.path, path));
        let except = |path: &Path| flip.is_some() && path.starts_with(quarantine()) || is_damaged(path);
        folder::check_integrity(&self.home, except)
    }

    /// Log lines may come after the answer.
    fn wait_for_error(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.log()?.contains("ERROR") {
            ensure!(Instant::now() < until, "the log has no error");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// After a mere power cut nothing is wrong.
    fn check_log(&self) -> anyhow::Result<()> {
        let log = self.log()?;
        match log.lines().find(|line| line.contains("ERROR")) {
            Some(line) => bail!("the log has an error: {line}"),
            None => Ok(()),
        }
    }

    fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.state().with_extension("log"))?)
    }

    fn state(&self) -> PathBuf {
        self.home.join(folder::STATE)
    }
}

fn quarantine() -> PathBuf {
    Path::new(folder::STATE).join(QUARANTINE)
}

fn expect(client: &mut Client, method: &str, path: &str, status: u16) -> anyhow::Result<()> {
    let body = if method == "POST" { AFTERWARDS } else { "" };
    let answer = client.ask(method, path, body)?;
    ensure!(answer.status == status, "{method} {path} answers {}", text(&answer));
    Ok(())
}

fn told(astray: &[Astray]) -> String {
    let one = |Astray { user, answer, expected }: &Astray| {
        let expected: Vec<_> = expected.iter().map(Notes::to_string).collect();
        let found = match Notes::listed(&answer.body) {
            Ok(notes) if answer.status == 200 => notes.to_string(),
            _ => text(answer),
        };
        format!("user {user}: expected {}\n  found {found}", expected.join("\n  or "))
    };
    astray.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn begins_with(name: &Path, start: &Path) -> bool {
    name.as_os_str().as_encoded_bytes().starts_with(start.as_os_str().as_encoded_bytes())
}

fn text(answer: &Answer) -> String {
    format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>())
}
