// The notes service on Cloudflare Workers: a Worker in front, and an object with an SQLite database for every user.
// JavaScript owns requests, responses, objects and transactions; all that is said is Rust's (src/lib.rs). Only
// JavaScript waits: no call into Rust is open, and no transaction, while anything is awaited.
import { DurableObject } from "cloudflare:workers";
import module from "./notes_worker_bg.wasm";
import { initSync, max_body_bytes, Call, Database, __wbg_reset_state } from "./notes_worker.js";

initSync({ module });
let generation = 0; // of the wasm instance, which all objects of this isolate share
const MAX_BODY_BYTES = max_body_bytes();
const MAX_RECEIVED_BYTES = 1 << 20; // past the limit the rest is discarded, so that the client sees its 413

export class UserDatabase extends DurableObject {
  /** Answers a request about this object's user, given as what makes a Call. */
  async answer(request) {
    const { storage, id } = this.ctx;
    try {
      const answer = rust(() => {
        if (this.generation !== generation) {
          this.database = new Database(storage, id.name);
          this.generation = generation;
        }
        const call = new Call(...request);
        const handle = () => this.database.handle(call);
        // A rollback of the one must not undo the other: the database remembers that it is prepared. An erase works
        // outside transactions only.
        const refusal = storage.transactionSync(() => this.database.prepare(call));
        return refusal ?? (call.erases ? handle() : storage.transactionSync(handle));
      });
      await this.database.erasure();
      return answer;
    } catch (error) {
      this.generation = undefined; // what was rolled back must not be remembered
      throw error;
    }
  }
}

export default {
  async fetch(request, { USERS }) {
    const id = crypto.randomUUID();
    let answer;
    try {
      const headers = new Headers(request.headers);
      headers.set("x-request-id", id);
      const parts = [request.method, request.url, [...headers].flat(), await read(request)];
      const call = rust(() => new Call(...parts));
      answer = rust(() => call.answer()) ?? (await USERS.get(USERS.idFromName(call.label)).answer(parts));
    } catch (error) {
      answer = failure(error, id);
    }
    const [status, headers, body, cause] = answer;
    const log = cause ? console.error : console.log;
    log(`request ${id}: ${request.method} ${status} ${cause ?? ""}`.trimEnd());
    return new Response(body, { status, headers });
  },
};

/** Runs Rust. A panic (or a full stack, or memory) leaves its memory in no known state: what follows gets a new one. */
function rust(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
      __wbg_reset_state();
      generation++;
    }
    throw error;
  }
}

/** A request's body, or as much of it as shows that it is too long. */
async function read(request) {
  const length = request.headers.get("content-length");
  if (length !== null && length <= MAX_BODY_BYTES) return new Uint8Array(await request.arrayBuffer());
  const chunks = [];
  let [kept, received] = [0, 0];
  for await (const chunk of request.body ?? []) {
    received += chunk.length;
    if (received > MAX_RECEIVED_BYTES) break;
    if (kept > MAX_BODY_BYTES) continue;
    chunks.push(chunk);
    kept += chunk.length;
  }
  const body = new Uint8Array(kept);
  chunks.reduce((end, chunk) => (body.set(chunk, end), end + chunk.length), 0);
  return body;
}

/** The answer where Rust has none: as src/problem.rs would have put it. */
function failure(error, id) {
  const [status, title, detail] = error.overloaded || error.retryable
    ? [503, "Service Unavailable", "the database is busy"]
    : [500, "Internal Server Error", "the request could not be carried out"];
  const problem = { type: "about:blank", title, status, detail, request_id: id };
  const headers = [["content-type", "application/problem+json"], ["x-request-id", id]];
  if (status === 503) headers.push(["retry-after", "1"]);
  return [status, headers, JSON.stringify(problem), error.stack ?? String(error)];
}
