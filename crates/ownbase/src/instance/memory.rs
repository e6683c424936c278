//! What one instance may use of the machine's memory: one sum of all its linear memories and tables.
//!
//! A table's element counts as 8 bytes, which is what wasmtime takes for it. A call that is not expected to need much may
//! be kept to [`USUAL_GROWTH_BYTES`] above what the instance had at its start: past that it traps, and is known to need more.

use wasmtime::{ResourceLimiter, Result, bail};

/// What an instance may grow by during a call for which no room was taken: enough to make an answer of 1 MiB.
pub(crate) const USUAL_GROWTH_BYTES: usize = 4 << 20;
/// What an element of a table counts.
const ELEMENT_BYTES: usize = 8;

/// The memory of one instance.
#[derive(Debug)]
pub(crate) struct Memory {
    max_bytes: usize,
    used_bytes: usize,
    /// What the last growth added, which may still fail.
    last_bytes: usize,
    /// What it used once it had been started.
    start_bytes: usize,
    is_kept_usual: bool,
    wanted_more: bool,
}

impl Memory {
    /// At most `max_bytes` in all.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, used_bytes: 0, last_bytes: 0, start_bytes: 0, is_kept_usual: false, wanted_more: false }
    }

    /// The instance has been started; what it uses from now on is growth.
    pub(crate) fn started(&mut self) {
        self.start_bytes = self.used_bytes;
    }

    /// A call begins, which may use all, or is kept to the usual growth.
    pub(crate) fn begin(&mut self, may_use_all: bool) {
        self.is_kept_usual = !may_use_all;
        self.wanted_more = false;
    }

    /// Whether the call was stopped since it wanted more than the usual growth.
    pub(crate) fn wanted_more(&self) -> bool {
        self.wanted_more
    }

    /// Whether the instance has grown past what is usual; it never shrinks.
    pub(crate) fn has_grown(&self) -> bool {
        self.used_bytes > self.usual_bytes()
    }

    fn usual_bytes(&self) -> usize {
        self.start_bytes.saturating_add(USUAL_GROWTH_BYTES)
    }

    fn grow(&mut self, more_bytes: usize) -> Result<bool> {
        let wanted_bytes = self.used_bytes.saturating_add(more_bytes);
        self.last_bytes = 0;
        if wanted_bytes > self.max_bytes {
            return Ok(false);
        }
        if self.is_kept_usual && wanted_bytes > self.usual_bytes() {
            self.wanted_more = true;
            bail!("the call needs more memory than is usual");
        }
        (self.used_bytes, self.last_bytes) = (wanted_bytes, more_bytes);
        Ok(true)
    }

    fn give_back_last(&mut self) {
        self.used_bytes -= std::mem::take(&mut self.last_bytes);
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(desired.saturating_sub(current))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.give_back_last();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(desired.saturating_sub(current).saturating_mul(ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.give_back_last();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PAGE: usize = 64 << 10;

    #[test]
    fn memories_and_tables_are_one_sum() {
        let mut memory = Memory::new(4 * PAGE);
        assert!(memory.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(memory.memory_growing(0, PAGE, None).unwrap());
        assert!(!memory.table_growing(0, PAGE / 8 + 1, None).unwrap());
        assert!(memory.table_growing(0, PAGE / 8, None).unwrap());
        assert!(!memory.memory_growing(PAGE, 2 * PAGE, None).unwrap());
    }

    #[test]
    fn what_fails_counts_nothing() {
        let mut memory = Memory::new(2 * PAGE);
        assert!(memory.memory_growing(0, PAGE, None).unwrap());
        assert!(!memory.memory_growing(PAGE, 2 * PAGE, Some(PAGE)).unwrap());
        // Told of a refused growth, which had added nothing.
        assert!(!memory.memory_growing(PAGE, 4 * PAGE, None).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("refused")).unwrap();
        assert!(memory.memory_growing(PAGE, 2 * PAGE, None).unwrap());
        memory.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert!(memory.memory_growing(PAGE, 2 * PAGE, None).unwrap());
    }

    #[test]
    fn a_usual_call_is_stopped_and_then_known() {
        let mut memory = Memory::new(USUAL_GROWTH_BYTES + 4 * PAGE);
        assert!(memory.memory_growing(0, 2 * PAGE, None).unwrap());
        memory.started();
        memory.begin(false);
        assert!(memory.memory_growing(2 * PAGE, 2 * PAGE + USUAL_GROWTH_BYTES, None).unwrap());
        assert!(!memory.has_grown());
        assert!(memory.memory_growing(2 * PAGE, 3 * PAGE, None).is_err() && memory.wanted_more());
        memory.begin(true);
        assert!(memory.memory_growing(2 * PAGE, 3 * PAGE, None).unwrap() && memory.has_grown());
        assert!(!memory.wanted_more());
    }
}
