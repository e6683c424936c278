//! Spin's runtime configuration file, as far as it concerns databases.
//!
//! Ownbase keeps every database under its state directory and needs no such file. One that was written for Spin is
//! checked, so that nothing in it is silently without effect: `[sqlite_database.<label>]` of type "spin" is what
//! Ownbase does anyway, `allow_attach_file` concerns only the way that the service takes on Spin; all else is refused.

use crate::manifest::faults::{Faults, Source};
use crate::manifest::section::Section;

/// Adds a fault for everything that Ownbase could not honour.
pub(crate) fn check(source: &Source<'_>, faults: &mut Faults) {
    let Some(mut root) = Section::root(source, faults) else { return };
    for (_, mut database) in root.named_sections("sqlite_database", faults) {
        match database.required("type", "write type = \"spin\"", faults).as_deref() {
            None | Some("spin") => {}
            Some(other) => {
                let what = format!("type \"{other}\" is not supported (write type = \"spin\")");
                database.fault(None, what, faults);
                continue;
            }
        }
        database.refuse("path", "databases stand under the state directory (remove it, and see --state-dir)", faults);
        database.ignore(&["allow_attach_file"]);
        database.finish(faults);
    }
    for other in ["key_value_store", "llm_compute", "variables_provider", "config_provider", "outbound_http"] {
        root.refuse(other, "only [sqlite_database.*] means something here (remove it)", faults);
    }
    root.refuse("state_dir", "say --state-dir (remove it)", faults);
    root.finish(faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut faults = Faults::default();
        super::check(&Source::new("runtime-config.toml", text), &mut faults);
        let found = faults.into_result().err().map(|faults| faults.to_string()).unwrap_or_default();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_spin_uses_is_accepted() {
        check("", "");
        check("[sqlite_database.users]\ntype = \"spin\"\nallow_attach_file = true", "");
    }

    #[test]
    fn what_would_have_no_effect_is_refused_by_name() {
        check(
            "[sqlite_database.users]\ntype = \"libsql\"\nurl = \"x\"",
            "runtime-config.toml:1: [sqlite_database.users] type \"libsql\" is not supported (write type = \"spin\")",
        );
        check(
            "[sqlite_database.users]\ntype = \"spin\"\npath = \"x\"",
            "runtime-config.toml:3: [sqlite_database.users] `path` is not supported: databases stand under the state directory (remove it, and see --state-dir)",
        );
        check(
            "[key_value_store.default]\ntype = \"spin\"",
            "runtime-config.toml:1: `key_value_store` is not supported: only [sqlite_database.*] means something here (remove it)",
        );
        check(
            "[sqlite_databases.users]\ntype = \"spin\"",
            "runtime-config.toml:1: `sqlite_databases` is not a known key (did you mean `sqlite_database`?)",
        );
    }
}
