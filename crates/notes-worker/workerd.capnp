# The Worker on workerd itself: https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp
# It stands beside the files that `cargo xtask worker` makes. Address and folder are given when it is started:
#   workerd serve workerd.capnp --socket-addr=http=127.0.0.1:3000 --directory-path=users=/absolute/folder

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "notes", worker = .notes),
    (name = "users", disk = (writable = true)),
  ],
  sockets = [(name = "http", http = (), service = "notes")],
);

const notes :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "notes_worker.js", esModule = embed "notes_worker.js"),
    (name = "notes_worker_bg.wasm", wasm = embed "notes_worker_bg.wasm"),
  ],
  compatibilityDate = "2026-04-01",
  bindings = [
    (name = "USERS", durableObjectNamespace = "UserDatabase"),
    # Any Host is answered if this is set, else loopback names alone: there is no authentication.
    (name = "INSECURE_NO_AUTH", fromEnvironment = "INSECURE_NO_AUTH"),
  ],
  durableObjectNamespaces = [(className = "UserDatabase", uniqueKey = "users", enableSql = true)],
  durableObjectStorage = (localDisk = "users"),
);
