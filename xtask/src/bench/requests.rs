//! What `wrk` sends, as the Lua script that it asks for the next request.
//!
//! Where all requests are the same, wrk makes them without asking Lua, which leaves more of the processors to the server.
//! What is drawn by lot is drawn with a fixed seed, so every contender gets the same requests.

/// The text of every note that is written.
pub(crate) const TEXT: &str = "Buy groceries";
/// As a JSON body; a Lua string in single quotes holds it as it is.
pub(crate) const BODY: &str = r#"{"text": "Buy groceries"}"#;
/// How uneven the mix is: that of YCSB.
const ZIPF_EXPONENT: f64 = 0.99;
/// One request of so many writes.
const WRITES_ONE_IN: u64 = 10;

/// The requests of one load. Paths must not need quoting.
pub(crate) enum Requests {
    Get {
        path: String,
    },
    Patch {
        path: String,
    },
    Post {
        path: String,
    },
    /// To `/user-0` and following, in turn.
    PostInTurn {
        users: u64,
    },
    /// Each to a user of its own, `/PREFIX-THREAD-N`, with N from 1.
    PostNew {
        prefix: String,
    },
    /// Reads and writes of `/user-0` and following, the first of them most often.
    Mix {
        users: u64,
    },
}

impl Requests {
    /// The script, which ends by printing one line of figures. `threads` are those of wrk.
    pub(crate) fn lua(&self, threads: u32) -> String {
        let requests = match self {
            Self::Get { path } => format!("wrk.path = '{path}'\n"),
            Self::Patch { path } => format!("wrk.method, wrk.path, wrk.body = 'PATCH', '{path}', '{BODY}'\n{JSON}"),
            Self::Post { path } => format!("wrk.method, wrk.path, wrk.body = 'POST', '{path}', '{BODY}'\n{JSON}"),
            Self::PostInTurn { users } => written(&format!("'/user-' .. (writes * {threads} + id) % {users}")),
            Self::PostNew { prefix } => written(&format!("'/{prefix}-' .. id .. '-' .. writes")),
            Self::Mix { users } => mix(*users),
        };
        format!("{SETUP}{requests}{DONE}")
    }
}

const JSON: &str = "wrk.headers['content-type'] = 'application/json'\n";

/// Each request a POST to the path that the Lua expression gives.
fn written(path: &str) -> String {
    format!(
        "request = function()\n  writes = writes + 1\n  \
         return wrk.format('POST', {path}, {{ ['content-type'] = 'application/json' }}, '{BODY}')\nend\n"
    )
}

/// A user's share is 1 / rank ^ exponent: their sums, one user after the other, are searched for a number drawn by lot.
fn mix(users: u64) -> String {
    format!(
        "local sums, sum = {{}}, 0
for rank = 1, {users} do
  sum = sum + rank ^ -{ZIPF_EXPONENT}
  sums[rank] = sum
end
local function user()
  local drawn, low, high = math.random() * sum, 1, {users}
  while low < high do
    local middle = math.floor((low + high) / 2)
    if sums[middle] < drawn then low = middle + 1 else high = middle end
  end
  return '/user-' .. low - 1
end
init = function()
  math.randomseed(1 + id)
end
request = function()
  if math.random({WRITES_ONE_IN}) > 1 then return wrk.format('GET', user() .. '?limit=10') end
  writes = writes + 1
  return wrk.format('POST', user(), {{ ['content-type'] = 'application/json' }}, '{BODY}')
end
"
    )
}

/// Gives each of wrk's threads a number and a count of what it wrote.
const SETUP: &str = "local threads = {}
setup = function(thread)
  thread:set('id', #threads)
  thread:set('writes', 0)
  table.insert(threads, thread)
end
";

/// One line for `wrk.rs` to read: counts, and times in microseconds.
const DONE: &str = "done = function(summary, latency)
  local e, writes = summary.errors, 0
  for _, thread in ipairs(threads) do writes = writes + thread:get('writes') end
  print('measured', summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), writes,
    e.status, e.timeout, e.connect + e.read + e.write)
end
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_requests_need_no_function() {
        let script = Requests::Post { path: "/writer".to_owned() }.lua(2);
        assert!(script.contains("wrk.method, wrk.path, wrk.body = 'POST', '/writer', '{\"text\": \"Buy groceries\"}'"));
        assert!(!script.contains("request ="));
    }

    #[test]
    fn threads_share_out_the_users() {
        let script = Requests::PostInTurn { users: 1000 }.lua(2);
        assert!(script.contains("'/user-' .. (writes * 2 + id) % 1000"));
    }

    #[test]
    fn the_mix_is_the_same_every_time() {
        let script = Requests::Mix { users: 100_000 }.lua(2);
        assert!(script.contains("for rank = 1, 100000 do"));
        assert!(script.contains("math.randomseed(1 + id)"));
        assert!(script.contains("rank ^ -0.99"));
        assert!(script.contains("math.random(10) > 1"));
    }
}
