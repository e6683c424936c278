//! The flags that bound what the server may use.

use clap::Args;

/// How much the server may use; each has a bound.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitFlags {
    /// Threads that serve, each with its own instances [default: the machine's cores]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Open connections; at a further one that which has been idle for longest is closed, and where none is idle the
    /// further ones wait. As many requests of HTTP/2 are taken in at once; past it the answer is 503 with Retry-After
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_connections: u32,
    /// Open connections from one address other than loopback (an IPv6 address counts with its /64); further ones are closed
    /// at once. 0 = no bound, for a server behind a proxy
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) max_connections_per_address: u32,
    /// Answers of more than 64 KiB that are made and not yet taken by their clients, in bytes, and those that are being made
    /// with a quarter of this each; a request that needs room waits for it, and past half of --request-timeout-ms the
    /// answer is 503 with Retry-After
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20, value_parser = clap::value_parser!(u64).range(65_536..=1_099_511_627_776))]
    pub(crate) max_unsent_bytes: u64,
    /// Requests that run at once, each in an instance, shared out evenly to the threads
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max_instances: u32,
    /// Requests that wait for an instance; past it the answer is 503 with Retry-After
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) max_queued_requests: u32,
    /// Requests that one instance serves, one after the other, before it is replaced; 1 = a fresh one for each, which is
    /// what components of WASI 0.2 always get
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_instance_reuse_count: u32,
    /// Memory of one instance, in bytes: all its linear memories and tables together, a table's element as 8 bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(65_536..=4_294_967_296))]
    pub(crate) max_memory_bytes: u64,
    /// Body of a request, in bytes; past it the answer is 413
    #[arg(long, value_name = "BYTES", default_value_t = 131_072, value_parser = clap::value_parser!(u64).range(0..=1_073_741_824))]
    pub(crate) max_body_bytes: u64,
    /// Time from a request's head to its answer, in milliseconds; past it the answer is 504. A client is cut off if it takes
    /// less than 4,096 bytes a second of what waits for it, on average over 30 seconds of waiting, or over this time if it
    /// is shorter
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) request_timeout_ms: u64,
    /// Time for a request's head to arrive on an open connection, in milliseconds; past it the connection is closed (on
    /// a new one, and with HTTP/2, at twice that at the latest)
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) header_timeout_ms: u64,
    /// Time that one SQL statement may run, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) statement_timeout_ms: u64,
    /// Time that a request waits for a database that another one holds, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
    pub(crate) busy_timeout_ms: u64,
    /// Databases held open at once, of four file descriptors each
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) max_open_databases: u32,
}
