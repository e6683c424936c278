//! Application variables: their values, and `spin:variables` for the components that ask for them.
//!
//! A value comes from `--variable` or from the manifest's default; all are settled before the application starts.
//! Providers that Spin knows beside these (Vault, Azure, environment variables) do not exist here.

use crate::manifest::Manifest;
use crate::manifest::component::Component;
use crate::manifest::faults::Faults;
use std::collections::BTreeMap;
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
pub(crate) fn settle(manifest: &Manifest, given: &[(String, String)], faults: &mut Faults) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (name, value) in given {
        if !manifest.variables.contains_key(name) {
            let known: Vec<&str> = manifest.variables.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            faults.add(format!("--variable {name}: the manifest has no such variable (it has: {known})"));
        }
        values.insert(name.clone(), value.clone());
    }
    for (name, default) in &manifest.variables {
        match (values.contains_key(name), default) {
            (true, _) => {}
            (false, Some(default)) => drop(values.insert(name.clone(), default.clone())),
            (false, None) => faults.add(format!("variable `{name}` has no value (give it by --variable {name}=…)")),
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

    fn check(given: &[(&str, &str)]) -> (Variables, String) {
        let mut faults = Faults::default();
        let manifest = Manifest::parse(&Source::new("spin.toml", MANIFEST), &mut faults);
        let given: Vec<_> = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let values = settle(&manifest, &given, &mut faults);
        let variables = of_component(&manifest.components["c"], &values, &manifest, &mut faults);
        (variables, faults.to_string())
    }

    #[test]
    fn values_come_from_the_flag_or_the_default() {
        let unknown = "[component.c] variable `x`: there is no variable `nothing` (declare it under [variables])";
        let (variables, faults) = check(&[("key", "k")]);
        assert_eq!(variables.get("url").unwrap(), "http://localhost/k");
        assert_eq!(faults, unknown);
        let (variables, _) = check(&[("key", "k"), ("host", "h")]);
        assert_eq!(variables.get("url").unwrap(), "http://h/k");
    }

    #[test]
    fn missing_and_unknown_names_are_faults() {
        let (_, faults) = check(&[("hots", "h")]);
        assert!(faults.contains("--variable hots: the manifest has no such variable (it has: host, key)"), "{faults}");
        assert!(faults.contains("variable `key` has no value (give it by --variable key=…)"), "{faults}");
    }
}
