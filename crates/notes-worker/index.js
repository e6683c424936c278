// The notes service on Cloudflare Workers: a Worker in front, and for every user an object with an SQLite database.
// JavaScript owns requests, responses, objects and transactions; what is answered is Rust's (src/lib.rs). Only
// JavaScript waits: while it does, no call into Rust is open, and no transaction.
import { DurableObject } from "cloudflare:workers";
import module from "./notes_worker_bg.wasm";
import { initSync, max_body_bytes, failure, Call, Database, __wbg_reset_state } from "./notes_worker.js";

initSync({ module });
let generation = 0; // of the wasm instance, which all objects of this isolate share
const MAX_BODY_BYTES = max_body_bytes();
const MAX_RECEIVED_BYTES = 1 << 20; // what is past the limit is thrown away, so that the client sees its 413

export class UserDatabase extends DurableObject {
  /** Answers a request about this object's user, given as the arguments of a Call. */
  async answer(request) {
    const { storage, id } = this.ctx;
    try {
      const { answer, erasure } = rust(() => {
        if (this.generation !== generation) {
          this.database = new Database(storage, id.name);
          this.generation = generation;
        }
        const call = new Call(...request);
        const handle = () => this.database.handle(call);
        // Two transactions: the database remembers that it is prepared, whatever becomes of the request. None to erase,
        // which works outside of them only.
        const refusal = storage.transactionSync(() => this.database.prepare(call));
        const answer = refusal ?? (call.erases ? handle() : storage.transactionSync(handle));
        call.free();
        return { answer, erasure: this.database.erasure() };
      });
      await erasure;
      return answer;
    } catch (error) {
      this.generation = undefined; // the database may remember what was rolled back
      throw error;
    }
  }
}

export default {
  async fetch(request, env) {
    const id = crypto.randomUUID();
    const thrown = (error) => rust(() => failure(error, id));
    const [status, headers, body, cause] = await answer(request, env, id).catch(thrown);
    const log = status < 500 ? console.log : console.error;
    log(`request ${id}: ${request.method} ${status} ${cause ?? ""}`.trimEnd());
    return new Response(body, { status, headers });
  },
};

async function answer(request, { USERS, INSECURE_NO_AUTH }, id) {
  const headers = new Headers(request.headers);
  headers.set("x-request-id", id);
  const parts = [request.method, request.url, [...headers].flat(), await read(request)];
  const { answer, label } = rust(() => {
    const call = new Call(...parts);
    const refusal = call.refusal(Boolean(INSECURE_NO_AUTH));
    const found = { answer: refusal ?? call.answer(), label: call.label };
    call.free();
    return found;
  });
  return answer ?? USERS.get(USERS.idFromName(label)).answer(parts);
}

/** The body, or as much of it as shows that it is too long. */
async function read(request) {
  const chunks = [];
  let [kept, received] = [0, 0];
  try {
    for await (const chunk of request.body ?? []) {
      received += chunk.length;
      if (received > MAX_RECEIVED_BYTES) break;
      if (kept > MAX_BODY_BYTES) continue;
      chunks.push(chunk);
      kept += chunk.length;
    }
  } catch {
    throw "the body broke off"; // a string says what the client did wrong
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Runs Rust. A panic, a full stack or full memory leaves it in no known state: whatever follows gets a new instance. */
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
