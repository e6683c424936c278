//! Application variables: their values, and `spin:variables` for the components that ask for them.
//!
//! A value comes from `--variable`, else from the environment, else from the manifest's default; all are settled before
//! the application starts. Providers that Spin knows beside these (Vault, Azure) do not exist here.

mod given;

use crate::manifest::Manifest;
use crate::manifest::component::Component;
use crate::manifest::faults::Faults;
pub(crate) use given::{Given, GivenParser};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker};

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "ownbase:host/imports",
        imports: { default: async | trappable },
    });
}
use generated::spin::variables::variables as wit;

/// What one component may ask for, by name.
pub(crate) type Variables = Arc<BTreeMap<String, String>>;

/// The values of all application variables; a required one without a value is a fault, as is a name nobody declared.
pub(crate) fn settle(
    manifest: &Manifest,
    given: &[Given],
    environment: impl Fn(&str) -> Option<OsString>,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for given in given {
        let name = &given.name;
        if !manifest.variables.contains_key(name) {
            let known: Vec<&str> = manifest.variables.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            faults.add(format!("--variable {name}: the manifest has no such variable (it has: {known})"));
        }
        let value = given.value().unwrap_or_else(|why| {
            faults.add(format!("--variable {name}: {why}"));
            String::new()
        });
        values.insert(name.clone(), value);
    }
    for (name, default) in &manifest.variables {
        if values.contains_key(name) {
            continue;
        }
        match given::of_environment(name, &environment).map(|value| value.or_else(|| default.clone())) {
            Ok(Some(value)) => drop(values.insert(name.clone(), value)),
            Ok(None) => faults.add(format!(
                "variable `{name}` has no value (give it by --variable {name}=…, --variable {name}=@FILE or {})",
                given::key(name)
            )),
            Err(why) => faults.add(why),
        }
    }
    values
}

/// A component's own variables, with its templates filled; a name that the manifest lacks is a fault.
pub(crate) fn of_component(
    component: &Component,
    values: &BTreeMap<String, String>,
    manifest: &Manifest,
    faults: &mut Faults,
) -> Variables {
    let mut variables = BTreeMap::new();
    for (name, template) in &component.variables {
        for unknown in template.names().filter(|needed| !manifest.variables.contains_key(*needed)) {
            let place = format!("[component.{}] variable `{name}`", component.id);
            faults.add(format!("{place}: there is no variable `{unknown}` (declare it under [variables])"));
        }
        // A hole that stays open has its fault already, here or in `settle`.
        if let Some(value) = template.fill(|needed| values.get(needed).map(String::as_str)) {
            variables.insert(name.clone(), value);
        }
    }
    Arc::new(variables)
}

/// Adds `spin:variables/variables@3.0.0`; `view` finds the component's variables in the store's data.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> &mut Variables,
) -> wasmtime::Result<()> {
    wit::add_to_linker::<T, Host>(linker, view)
}

struct Host;

impl HasData for Host {
    type Data<'a> = &'a mut Variables;
}

impl wit::Host for &mut Variables {}

impl<T: Send> wit::HostWithStore<T> for Host {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, wit::Error>> {
        let variables = accessor.with(|mut access| access.get().clone());
        Ok(variables.get(&name).cloned().ok_or_else(|| wit::Error::Undefined(format!("no variable `{name}`"))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::faults::Source;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2
        application.name = "a"
        variables.host = { default = "localhost" }
        variables.key = { required = true }
        trigger.http = [{ route = "/...", component = "c" }]
        component.c = { source = "c.wasm", variables = { url = "http://{{ host }}/{{ key }}", x = "{{ nothing }}" } }
    "#;

    fn check(given: &[&str], environment: &[(&str, &str)]) -> (Variables, String) {
        let mut faults = Faults::default();
        let manifest = Manifest::parse(&Source::new("spin.toml", MANIFEST), &mut faults);
        let given: Vec<_> = given.iter().map(|text| Given::parse(text).unwrap()).collect();
        let environment = |key: &str| environment.iter().find(|(name, _)| *name == key).map(|(_, value)| value.into());
        let values = settle(&manifest, &given, environment, &mut faults);
        let variables = of_component(&manifest.components["c"], &values, &manifest, &mut faults);
        (variables, faults.to_string())
    }

    #[test]
    fn values_come_from_the_flag_or_the_environment_or_the_default() {
        let unknown = "[component.c] variable `x`: there is no variable `nothing` (declare it under [variables])";
        let environment = [("SPIN_VARIABLE_HOST", "e"), ("SPIN_VARIABLE_KEY", "e"), ("SPIN_VARIABLE_OTHER", "e")];
        for (given, environment, url) in [
            (&["key=k"][..], &[][..], "http://localhost/k"),
            (&["key=k", "host=h"], &[], "http://h/k"),
            (&[], &environment, "http://e/e"),
            (&["key=k"], &environment, "http://e/k"),
        ] {
            let (variables, faults) = check(given, environment);
            assert_eq!((variables["url"].as_str(), faults.as_str()), (url, unknown));
        }
    }

    #[test]
    fn missing_and_unknown_names_are_faults() {
        let (_, faults) = check(&["hots=hunter2"], &[]);
        assert!(faults.contains("--variable hots: the manifest has no such variable (it has: host, key)"), "{faults}");
        let missing =
            "variable `key` has no value (give it by --variable key=…, --variable key=@FILE or SPIN_VARIABLE_KEY)";
        assert!(faults.contains(missing) && !faults.contains("hunter2"), "{faults}");
        let (_, faults) = check(&["key=@/nowhere/hunter2"], &[("SPIN_VARIABLE_KEY", "unused")]);
        assert!(faults.contains("--variable key: its file cannot be read"), "{faults}");
        assert!(!faults.contains("has no value") && !faults.contains("hunter2"), "{faults}");
    }
}
