//! The HTTP server: one acceptor, and one thread per core with instances of its own.
//!
//! No request crosses threads, but for what SQLite does elsewhere: each thread has a single-threaded runtime, and the
//! acceptor gives a new connection to the thread that has the fewest. When all `--max-connections` are open, the one that has
//! been idle for longest gives way; where none is idle, the newest waits, and those after it in the kernel's queue. The socket is opened once, without SO_REUSEPORT: a second server on the
//! port gets an error and no share of the requests.

mod addresses;
mod answer;
pub(crate) mod authority;
pub(crate) mod connection;
mod dispatch;
mod failure;
pub(crate) mod gate;
pub(crate) mod head;
mod hold;
mod http2;
mod pace;
pub(crate) mod pulse;
mod room;
mod seats;
mod upload;
mod whole;

use crate::app::App;
use crate::instance::{self, Handler, InstanceLimits, Instances};
use crate::request_id::RequestIds;
use addresses::{Addresses, Counted};
use anyhow::{Result, anyhow};
use gate::Gate;
use head::Hosts;
use hyper::server::conn::http1;
use ownbase_spin_sqlite::Databases;
use pulse::{Beat, Pulse};
use room::Room;
use seats::{Seat, Seats};
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// How long the acceptor rests after an error that will not pass at once, such as too many open files.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long an idle connection may take to give way before another one is asked to.
const GIVING_WAY: Duration = Duration::from_millis(20);
/// What the kernel may hold of an answer before it sends it; more stays here, where it is counted and its client judged.
#[cfg(target_os = "linux")]
const MAX_KERNEL_BYTES: u32 = 128 << 10;
/// How long a thread waits at the end for database work that runs beside it.
const BLOCKING_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Bounds of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    /// Threads that serve.
    pub(crate) threads: usize,
    /// Open connections.
    pub(crate) max_connections: usize,
    /// Open connections of one address other than loopback, 0 for no bound.
    pub(crate) max_connections_per_address: usize,
    /// Bytes of long answers that are made and not yet taken.
    pub(crate) max_unsent_bytes: usize,
    /// Requests that run at once on one thread.
    pub(crate) max_running: usize,
    /// Requests that wait for their turn on one thread.
    pub(crate) max_waiting: usize,
    /// Bytes of a request's body.
    pub(crate) max_body_bytes: u64,
    /// Time from a request's head to its answer.
    pub(crate) request_timeout: Duration,
    /// Time for a request's head to arrive.
    pub(crate) header_timeout: Duration,
}

/// What one thread serves with.
pub(crate) struct Thread {
    app: Arc<App>,
    hosts: Arc<Hosts>,
    handlers: Vec<Handler>,
    gate: Gate,
    room: Room,
    /// The turn of long answers, of which a thread makes one at a time.
    long: Semaphore,
    ids: RequestIds,
    http1: http1::Builder,
    /// Places for requests of HTTP/2, of which one connection may have many.
    streams: Arc<Semaphore>,
    limits: ServerLimits,
}

/// A thread from outside: where its connections go, and how many it has.
struct Lane {
    connections: mpsc::UnboundedSender<Connection>,
    open: Arc<()>,
    thread: JoinHandle<()>,
}

/// A connection on its way to its thread. The permit bounds how many there are, also in the channel.
struct Connection {
    stream: std::net::TcpStream,
    seat: Arc<Seat>,
    _open: Arc<()>,
    _counted: Counted,
    _permit: OwnedSemaphorePermit,
}

/// A server that runs; it accepts while `accept` is polled.
pub(crate) struct Server {
    lanes: Vec<Lane>,
    places: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    pulse: Pulse,
    limits: ServerLimits,
}

impl Server {
    /// Starts the threads.
    pub(crate) fn start(
        app: App,
        hosts: Hosts,
        databases: &Databases,
        limits: ServerLimits,
        instances: InstanceLimits,
    ) -> Result<Self> {
        let (app, hosts) = (Arc::new(app), Arc::new(hosts));
        let start = getrandom::u32().map_err(|error| anyhow!("the system has no random numbers: {error}"))?;
        let (stop, stopped) = watch::channel(false);
        let room = Room::new(limits.max_unsent_bytes);
        let (mut lanes, mut pulse) = (Vec::new(), Pulse::default());
        for number in 0..limits.threads {
            let instances_of = |component: &Arc<_>| {
                Handler::new(Instances {
                    component: Arc::clone(component),
                    databases: databases.clone(),
                    limits: instances,
                })
            };
            let thread = Arc::new(Thread {
                app: app.clone(),
                hosts: hosts.clone(),
                handlers: app.components.iter().map(instances_of).collect(),
                gate: Gate::new(limits.max_running, limits.max_waiting),
                room: room.clone(),
                long: Semaphore::new(1),
                ids: RequestIds::new(start, number),
                http1: connection::http(limits.header_timeout),
                streams: Arc::new(Semaphore::new(limits.max_connections.div_ceil(limits.threads))),
                limits,
            });
            let (connections, incoming) = mpsc::unbounded_channel();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                // Each request may wait for SQLite there; fewer threads could leave a transaction's holder without one.
                .max_blocking_threads(limits.max_running + 1)
                .build()?;
            let (stopped, beat) = (stopped.clone(), pulse.add());
            let thread = std::thread::Builder::new()
                .name(format!("serve-{number}"))
                .spawn(move || run(runtime, thread, incoming, beat, stopped))?;
            lanes.push(Lane { connections, open: Arc::new(()), thread });
        }
        Ok(Self { lanes, places: Arc::new(Semaphore::new(limits.max_connections)), stop, pulse, limits })
    }

    /// Whether the threads still turn.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Accepts connections and deals them out, for ever.
    pub(crate) async fn accept(&self, listener: TcpListener) {
        let (mut seats, mut addresses) = (Seats::new(), Addresses::new(self.limits.max_connections_per_address));
        // Accepted sockets inherit it.
        #[cfg(target_os = "linux")]
        if let Err(error) = socket2::SockRef::from(&listener).set_tcp_notsent_lowat(MAX_KERNEL_BYTES) {
            tracing::warn!("the kernel does not bound what it holds of answers: {error}");
        }
        loop {
            let accepted = listener.accept().await.and_then(|(stream, peer)| Ok((stream.into_std()?, peer.ip())));
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("a connection was not accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(counted) = addresses.count(address) else {
                addresses.tell(address);
                continue;
            };
            let permit = self.place(&mut seats).await;
            // The semaphore is never closed.
            let Some(permit) = permit else { return };
            self.deal(stream, seats.take(), counted, permit);
        }
    }

    /// A place for a connection, in the last resort that of the one that has been idle for longest.
    async fn place(&self, seats: &mut Seats) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone();
        if let Ok(permit) = place.clone().try_acquire_owned() {
            return Some(permit);
        }
        let mut place = pin!(place.acquire_owned());
        loop {
            seats.ask_longest_idle();
            if let Ok(permit) = tokio::time::timeout(GIVING_WAY, place.as_mut()).await {
                return permit.ok();
            }
        }
    }

    /// Each open connection holds one reference to its lane's counter.
    fn deal(&self, stream: std::net::TcpStream, seat: Arc<Seat>, counted: Counted, permit: OwnedSemaphorePermit) {
        if let Some(lane) = self.lanes.iter().min_by_key(|lane| Arc::strong_count(&lane.open)) {
            let connection = Connection { stream, seat, _open: lane.open.clone(), _counted: counted, _permit: permit };
            if lane.connections.send(connection).is_err() {
                tracing::error!("a serving thread is gone; its connections are closed");
            }
        }
    }

    /// Lets running requests finish, for as long as one may take, and ends the threads.
    pub(crate) async fn finish(self) {
        // Receivers exist as long as the threads do.
        let _ = self.stop.send(true);
        let all = u32::try_from(self.limits.max_connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(self.limits.request_timeout, self.places.acquire_many(all)).await.is_err() {
            tracing::warn!("requests still ran after {:?} and were broken off", self.limits.request_timeout);
        }
        for lane in self.lanes {
            drop(lane.connections);
            let ended = tokio::task::spawn_blocking(move || lane.thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("a serving thread ended by a panic");
            }
        }
    }
}

/// Drops instances that nobody needs any more, for ever.
async fn drop_idle(thread: Arc<Thread>) {
    loop {
        tokio::time::sleep(instance::IDLE_TIMEOUT).await;
        thread.handlers.iter().for_each(Handler::drop_idle);
    }
}

/// One thread's life: until nobody can send it connections any more.
fn run(
    runtime: tokio::runtime::Runtime,
    thread: Arc<Thread>,
    mut incoming: mpsc::UnboundedReceiver<Connection>,
    beat: Beat,
    stop: watch::Receiver<bool>,
) {
    runtime.block_on(async move {
        tokio::spawn(drop_idle(thread.clone()));
        tokio::spawn(beat.answer());
        while let Some(connection) = incoming.recv().await {
            let (thread, stop) = (thread.clone(), stop.clone());
            tokio::spawn(async move {
                let Connection { stream, seat, _open, _counted, _permit } = connection;
                match TcpStream::from_std(stream) {
                    Ok(stream) => connection::serve(thread, stream, seat, stop).await,
                    Err(error) => tracing::warn!("a connection was lost: {error}"),
                }
            });
        }
    });
    runtime.shutdown_timeout(BLOCKING_TIME_LIMIT);
}
