//! `cargo xtask up --engine workerd`: the Worker on Cloudflare's own engine, on this machine.
//!
//! The socket is opened here and handed over, so that a port that is taken is told in one line, and so that whoever reads
//! the address can connect at once. Each user is an SQLite file under `STATE_DIR/users`. workerd does not lock that
//! folder: a second server there finds users busy (503), and SQLite's own locks keep their files whole.

use crate::node::Programs;
use crate::repository::become_;
use crate::{artifacts, repository::Repository, setup};
use anyhow::{Context, bail};
use clap::Parser;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

const NO_AUTHENTICATION: &str = "no authentication: whoever can connect can read and erase every user";
/// The Worker's variable.
const LETS_ANYBODY_IN: &str = "INSECURE_NO_AUTH";

/// Serves the notes on workerd, with a Durable Object for every user.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask up --engine workerd")]
struct Flags {
    /// Address to serve on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Serve on an address that other machines reach, and whatever name they call it by, though there is no authentication
    #[arg(long)]
    insecure_no_auth: bool,
    /// Folder for the users' databases, made if missing [default: .ownbase-workerd beside spin.toml]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
}

pub(super) fn run(repository: &Repository, arguments: &[String]) -> anyhow::Result<()> {
    let command = ["cargo xtask up --engine workerd".to_owned()];
    let flags = Flags::parse_from(command.iter().chain(arguments));
    refuse_strangers(&flags)?;
    setup::ensure(&[setup::DURABLE_OBJECT])?;
    let workerd = Programs::install(repository)?.workerd()?;
    eprintln!("building the Worker (about two minutes the first time) …");
    artifacts::worker(repository)?;

    let state_dir = flags.state_dir.unwrap_or_else(|| repository.root.join(".ownbase-workerd"));
    let state_dir = usable(&state_dir)
        .with_context(|| format!("cannot use {} (name another folder by --state-dir)", state_dir.display()))?;
    let listener = TcpListener::bind(flags.listen).with_context(|| {
        format!("cannot listen on {} (choose another address by --listen, or stop what holds it)", flags.listen)
    })?;
    let address = listener.local_addr()?;

    let mut server = server(&workerd, &artifacts::worker_path(repository), listener, &state_dir)?;
    if flags.insecure_no_auth {
        server.env(LETS_ANYBODY_IN, "1");
    }
    println!("Serving http://{address}");
    println!("  /... -> notes, on workerd; databases in {}", state_dir.join("users").display());
    println!("{NO_AUTHENTICATION}");
    println!("Try: curl -i http://{address}/john --json '{{\"text\": \"Buy groceries\"}}'");
    become_(server)
}

/// The Worker cannot see which address its clients come by: it knows only the Host, in which they may write what they like.
fn refuse_strangers(flags: &Flags) -> anyhow::Result<()> {
    if !flags.listen.ip().to_canonical().is_loopback() && !flags.insecure_no_auth {
        bail!(
            "--listen {} can be reached from other machines, and there is {NO_AUTHENTICATION} (listen on 127.0.0.1, or say \
             --insecure-no-auth if something in front lets in only whom it should)",
            flags.listen
        );
    }
    Ok(())
}

/// workerd with the Worker of the folder `worker`, on a socket that listens already.
pub(crate) fn server(
    workerd: &Path,
    worker: &Path,
    listener: TcpListener,
    state_dir: &Path,
) -> anyhow::Result<Command> {
    let mut server = Command::new(workerd);
    server.arg("serve").arg(worker.join("workerd.capnp")).env_remove(LETS_ANYBODY_IN);
    let mut folder = std::ffi::OsString::from("--directory-path=users=");
    folder.push(state_dir);
    server.arg(folder);
    hand_over(listener, &mut server)?;
    Ok(server)
}

/// The folder's absolute path, once it is there and takes files.
fn usable(state_dir: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(state_dir)?;
    let probe = state_dir.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, [])?;
    std::fs::remove_file(&probe)?;
    let path = std::path::absolute(state_dir)?;
    if path.to_str().is_none() {
        bail!("its name is not UTF-8");
    }
    Ok(path)
}

/// Gives the server the socket, as what a process inherits without more ado: its standard input.
#[cfg(unix)]
fn hand_over(listener: TcpListener, server: &mut Command) -> anyhow::Result<()> {
    server.arg("--socket-fd=http=0").stdin(std::os::fd::OwnedFd::from(listener));
    Ok(())
}

#[cfg(not(unix))]
fn hand_over(listener: TcpListener, server: &mut Command) -> anyhow::Result<()> {
    server.arg(format!("--socket-addr=http={}", listener.local_addr()?));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_is_made_and_a_file_is_no_folder() {
        let root = std::env::temp_dir().join(format!("ownbase-workerd-{}", std::process::id()));
        let made = usable(&root.join("a/b")).unwrap();
        assert!(made.is_absolute() && made.is_dir());
        assert_eq!(std::fs::read_dir(&made).unwrap().count(), 0);
        std::fs::write(root.join("file"), []).unwrap();
        assert!(usable(&root.join("file")).is_err());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
