//! No user ever sees another: 64 clients at once, over users whose ids fall together if anything is sloppy.
//!
//! Every text is marked with its user. A client has users of its own, whose every list must equal a model, and shares
//! one with other clients, where its own notes must be as it left them and all others must carry the user's mark.

use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

use crate::harness::answer::Answer;
use crate::harness::case::cases;
use crate::harness::client::Client;
use crate::harness::colliding::colliding_ids;
use crate::harness::engine::Engine;
use crate::harness::home::Home;
use crate::harness::note::{Note, note_of, page_of};
use crate::harness::random::Random;
use crate::harness::site::{Site, fresh_user, path_of};
use crate::harness::together::together;

cases! {
    Http: no_user_sees_another;
    Process on Ownbase ("how many are open is a flag of its"): no_user_sees_another_while_databases_are_closed_and_opened;
}

const CLIENTS: usize = 64;
const STEPS: usize = 30;
/// Users that several clients share.
const SHARED: usize = 16;

pub(crate) fn no_user_sees_another(site: &Site) -> Result<()> {
    let users: Vec<User> = colliding_ids(&fresh_user("i")).iter().enumerate().map(User::new).collect();
    let own = users.get(SHARED..).context("too few ids")?;
    let strangers = Mutex::new(Vec::new());
    let models = together(CLIENTS, |client| {
        let shared = users.get(client % SHARED).into_iter().map(|user| Model::new(user, client, false));
        let own = own.iter().skip(client).step_by(CLIENTS).map(|user| Model::new(user, client, true));
        let mut models: Vec<Model<'_>> = shared.chain(own).collect();
        let (http, mut random) = (site.client(), Random::new(client));
        for step in 0..STEPS {
            let chosen = random.below(models.len());
            let model = models.get_mut(chosen).context("no such model")?;
            model.step(&http, &mut random, step, &strangers)?;
        }
        Ok(models)
    })?;
    let http = site.client();
    for model in models.iter().flatten() {
        model.check(&http)?;
    }
    for user in &users {
        let expected: usize =
            models.iter().flatten().filter(|model| model.user.index == user.index).map(Model::len).sum();
        let answer = http.get(&user.path)?.must_be(200)?;
        let found = page_of(&answer)?.notes.len();
        ensure!(found == expected, answer.wrong(format_args!("{expected} notes in the end")));
    }
    Ok(())
}

fn no_user_sees_another_while_databases_are_closed_and_opened(engine: &Engine) -> Result<()> {
    let home = Home::new(engine)?;
    let server = engine.start(&home, &["--max-open-databases", "8"])?;
    no_user_sees_another(server.site())?;
    server.stop()
}

struct User {
    index: usize,
    path: String,
    mark: String,
}

impl User {
    fn new((index, id): (usize, &String)) -> Self {
        Self { index, path: path_of(id), mark: format!("<user {index}>") }
    }
}

/// What one client left in one user's database.
struct Model<'a> {
    user: &'a User,
    client: usize,
    /// Nobody else writes here, so that lists are known as a whole and the user may be erased.
    alone: bool,
    notes: Vec<Note>,
}

impl<'a> Model<'a> {
    fn new(user: &'a User, client: usize, alone: bool) -> Self {
        Self { user, client, alone, notes: Vec::new() }
    }

    fn len(&self) -> usize {
        self.notes.len()
    }

    fn signature(&self) -> String {
        format!("{}<client {}>", self.user.mark, self.client)
    }

    fn path(&self, id: &str) -> String {
        format!("{}/{id}", self.user.path)
    }

    /// One request, chosen at random, and what it must answer.
    fn step(
        &mut self,
        http: &Client,
        random: &mut Random,
        step: usize,
        strangers: &Mutex<Vec<(usize, String)>>,
    ) -> Result<()> {
        let text = format!("{} step {step}", self.signature());
        let position = if self.notes.is_empty() { None } else { Some(random.below(self.notes.len())) };
        match (random.below(100), position) {
            (0..30, _) | (_, None) => {
                let note = note_of(&http.post(&self.user.path, &text)?.must_be(201)?)?;
                ensure!(note.text == text, "{} answers with {note:?}", self.user.path);
                lock(strangers).push((self.user.index, note.id.clone()));
                self.notes.push(note);
            }
            (30..60, _) => self.check(http)?,
            (60..80, Some(position)) => {
                let note = self.notes.get_mut(position).context("no such note")?;
                let answer = http.patch(&format!("{}/{}", self.user.path, note.id), &text)?.must_be(200)?;
                *note = note_of(&answer)?;
                ensure!(note.text == text, answer.wrong(format_args!("the text {text}")));
            }
            (80..88, Some(position)) => {
                let note = self.notes.remove(position);
                let answer = http.delete(&self.path(&note.id))?.must_be(200)?;
                ensure!(note_of(&answer)? == note, answer.wrong(format_args!("{note:?}")));
            }
            (88..96, _) => {
                let others: Vec<String> = lock(strangers)
                    .iter()
                    .filter(|(user, _)| *user != self.user.index)
                    .map(|(_, id)| id.clone())
                    .collect();
                if let Some(id) = random.pick(&others) {
                    http.get(&self.path(id))?.must_be(404)?;
                    http.patch(&self.path(id), &text)?.must_be(404)?;
                    http.delete(&self.path(id))?.must_be(404)?;
                }
            }
            (_, _) if self.alone => {
                http.delete(&self.user.path)?.must_be(204)?;
                self.notes.clear();
            }
            (_, Some(position)) => {
                let note = self.notes.get(position).context("no such note")?;
                let answer = http.get(&self.path(&note.id))?.must_be(200)?;
                ensure!(note_of(&answer)? == *note, answer.wrong(format_args!("{note:?}")));
            }
        }
        Ok(())
    }

    /// The user's list against the model.
    fn check(&self, http: &Client) -> Result<()> {
        let answer: Answer = http.get(&self.user.path)?.must_be(200)?;
        let mut found = page_of(&answer)?.notes;
        for note in &found {
            let foreign = !note.text.starts_with(&self.user.mark);
            ensure!(
                !foreign,
                answer.wrong(format_args!("texts marked {}, not the foreign {:?}", self.user.mark, note.text))
            );
        }
        if !self.alone {
            let signature = self.signature();
            found.retain(|note| note.text.starts_with(&signature));
        }
        ensure!(found == self.notes, answer.wrong(format_args!("of client {}: {:#?}", self.client, self.notes)));
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
