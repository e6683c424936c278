-- The wanted schema. Change it here, then `cargo xtask migration generate NAME` writes the migration that leads to it.

-- A user's notes. `seq` alone orders them and makes cursors: clocks step back, and plain rowids are used again.
-- Times are milliseconds since the epoch.
CREATE TABLE notes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
);
