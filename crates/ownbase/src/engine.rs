//! The wasmtime engine: how components are compiled, where their memory comes from, and what interrupts them.
//!
//! Instances come from a pool whose address space is reserved at start: that many can run at once, and one is ready in
//! microseconds. Where the address space cannot be had (a container's limit, a small virtual machine), instances are
//! made one by one instead, with a warning. A guest that computes for long is interrupted, every 2 ms once the process
//! is seen to compute, so that others get their turn, and its request's time limit its due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::{Cache, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result};

/// How often a computing guest yields.
const TICK: Duration = Duration::from_millis(2);
/// How often it is asked to while nothing computes, so that an idle server sleeps.
const IDLE_TICK: Duration = Duration::from_millis(10);
/// Core modules of one component: its own, the adapters around it, and some for composed ones.
const CORE_INSTANCES: u32 = 16;
/// Linear memories of one component.
const MEMORIES: u32 = 4;

/// The engine for at most `instances` at once of `max_memory_bytes` each, which finds compiled components in `cache`.
pub(crate) fn new(instances: u32, max_memory_bytes: usize, cache: Option<Cache>) -> Result<Engine> {
    let mut config = config(cache.clone());
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, max_memory_bytes)));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            tracing::warn!(
                "no pool for {instances} instances ({error:#}); making them one by one, which is slower \
                 (allow more address space, or lower --max-instances)"
            );
            let mut config = self::config(cache);
            // Grow memories in place of reserving 4 GiB for each.
            config.memory_reservation(0).memory_guard_size(1 << 16);
            Engine::new(&config)
        }
    }
}

fn config(cache: Option<Cache>) -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true).cache(cache);
    config
}

fn pool(instances: u32, max_memory_bytes: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(instances.saturating_mul(MEMORIES))
        .max_memories_per_component(MEMORIES)
        .total_tables(instances.saturating_mul(CORE_INSTANCES))
        .max_tables_per_component(CORE_INSTANCES)
        .total_stacks(instances.saturating_mul(2))
        .max_memory_size(max_memory_bytes);
    pool
}

/// Advances the engine's epoch until dropped.
pub(crate) struct Ticker {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the one thread that ticks.
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        let thread = std::thread::Builder::new().name("epoch".into()).spawn(move || {
            let (mut pause, mut used_before) = (IDLE_TICK, processor_time());
            while !seen.load(Ordering::Relaxed) {
                std::thread::sleep(pause);
                engine.increment_epoch();
                let used = processor_time();
                // Who computes uses much of it, even where processors are scarce; who waits for disk or clients, little.
                pause = if used.saturating_sub(used_before) > pause / 4 { TICK } else { IDLE_TICK };
                used_before = used;
            }
        })?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The loop above cannot panic.
            let _ = thread.join();
        }
    }
}

/// What this process has used, on all processors.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.try_into().unwrap_or_default()
}
