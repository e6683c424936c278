//! What has to happen to get from one schema to another, and what would be lost on the way.
//!
//! SQLite adds columns at the end and drops plain ones; every other change of a table makes it anew and copies its
//! rows. Foreign keys cannot be switched off inside a migration (it is one transaction), and a DROP of a table that
//! others refer to deletes, by `ON DELETE CASCADE`, their rows. So whatever refers to a table that is made anew is made
//! anew as well, and no table is dropped while another refers to it. Views and triggers that mention such a table are
//! dropped first and made again last.

use std::collections::BTreeSet;

use super::alter::{Alter, by_alter};
use super::mention;
use super::order::{circle, parents_first};
use super::rebuild::Rebuild;
use crate::schema::definition::Definition;
use crate::schema::{Object, Schema, Table, TableKind};

/// The steps, in the order in which `script` writes them.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) drop_triggers: Vec<Object>,
    pub(crate) drop_views: Vec<Object>,
    pub(crate) drop_indexes: Vec<Object>,
    pub(crate) drop_virtual: Vec<Table>,
    pub(crate) alters: Vec<Alter>,
    pub(crate) creates: Vec<Table>,
    /// Parents before their children, which is the order of copying.
    pub(crate) rebuilds: Vec<Rebuild>,
    pub(crate) create_indexes: Vec<Object>,
    /// Children before their parents: tables that are not wanted any more, and those that were made anew.
    pub(crate) drops: Vec<Leaving>,
    pub(crate) create_views: Vec<Object>,
    pub(crate) create_triggers: Vec<Object>,
    /// What is lost, a line each.
    pub(crate) losses: Vec<String>,
}

/// A table on its way out.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// Nobody wants it.
    Table(Table),
    /// It was made anew, and stands aside under this name.
    Aside { name: String, old: Table },
}

impl Plan {
    /// The plan from `current` to `wanted`.
    ///
    /// # Errors
    /// A line for each thing that cannot be done without somebody's decision.
    pub(crate) fn between(current: &Schema, wanted: &Schema) -> Result<Self, Vec<String>> {
        let becomes_virtual = |key: &&String| {
            current.definition(key).is_some() && wanted.tables.contains_key(*key) && wanted.definition(key).is_none()
        };
        if let Some(key) = current.tables.keys().find(becomes_virtual) {
            return Err(vec![format!("table {key} cannot become a virtual one at once: give that another name")]);
        }
        let mut plan = Self::default();
        let rebuilt = plan.sort_tables(current, wanted);
        plan.rebuild(current, wanted, &rebuilt)?;
        plan.drop_tables(current, wanted, &rebuilt)?;
        plan.indexes(current, wanted, &rebuilt);
        plan.views_and_triggers(current, wanted, &rebuilt);
        Ok(plan)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.drop_triggers.is_empty()
            && self.drop_views.is_empty()
            && self.drop_indexes.is_empty()
            && self.drop_virtual.is_empty()
            && self.alters.is_empty()
            && self.creates.is_empty()
            && self.drops.is_empty()
            && self.create_indexes.is_empty()
            && self.create_views.is_empty()
            && self.create_triggers.is_empty()
    }

    /// New and altered tables; returns those that must be made anew.
    fn sort_tables(&mut self, current: &Schema, wanted: &Schema) -> BTreeSet<String> {
        let mut rebuilt = BTreeSet::new();
        for (key, table) in &wanted.tables {
            match current.tables.get(key).map(|old| (old, &old.kind, &table.kind)) {
                None => self.creates.push(table.clone()),
                Some((old, TableKind::Ordinary(from), TableKind::Ordinary(to))) => {
                    if !table.is_like(old) && by_alter(table, from, to).is_none() {
                        rebuilt.insert(key.clone());
                    }
                }
                Some((old, ..)) if table.is_like(old) => {}
                Some((old, ..)) => {
                    self.losses.push(format!("the virtual table {key} is dropped and made anew, without its rows"));
                    self.drop_virtual.push(old.clone());
                    self.creates.push(table.clone());
                }
            }
        }
        self.creates.sort_by_key(|table| table.made);
        close_over_children(&mut rebuilt, current, wanted);
        for (key, table, to) in wanted.ordinary() {
            let Some((old, from)) = current.tables.get(key).zip(current.definition(key)) else { continue };
            if rebuilt.contains(key) || table.is_like(old) {
                continue;
            }
            if let Some(alter) = by_alter(table, from, to) {
                self.losses.extend(alter.losses(from));
                self.alters.push(alter);
            }
        }
        rebuilt
    }

    fn rebuild(&mut self, current: &Schema, wanted: &Schema, rebuilt: &BTreeSet<String>) -> Result<(), Vec<String>> {
        let order = parents_first(wanted, rebuilt);
        let mut faults: Vec<String> = circle(wanted, &order).map(|circle| in_a_circle(&circle)).into_iter().collect();
        for key in order {
            let Some((old, new)) = current.tables.get(&key).zip(wanted.tables.get(&key)) else { continue };
            let (Some(from), Some(to)) = (old.definition(), new.definition()) else { continue };
            match Rebuild::of(old, from, new, to, &free_name(&key, current, wanted)) {
                Ok(rebuild) => {
                    self.losses.extend(rebuild.losses.iter().cloned());
                    self.rebuilds.push(rebuild);
                }
                Err(mut more) => faults.append(&mut more),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn drop_tables(
        &mut self,
        current: &Schema,
        wanted: &Schema,
        rebuilt: &BTreeSet<String>,
    ) -> Result<(), Vec<String>> {
        let dropped = current.tables.keys().filter(|key| !wanted.tables.contains_key(*key));
        let dropped: BTreeSet<String> = dropped.cloned().collect();
        let mut going: Vec<String> = parents_first(current, &dropped.union(rebuilt).cloned().collect());
        if let Some(circle) = circle(current, &going) {
            return Err(vec![in_a_circle(&circle)]);
        }
        going.reverse();
        for key in going {
            let Some(old) = current.tables.get(&key) else { continue };
            if rebuilt.contains(&key) {
                let name = free_name(&key, current, wanted);
                self.drops.push(Leaving::Aside { name, old: old.clone() });
            } else {
                self.losses.push(format!("the table {} is dropped", old.name));
                self.drops.push(Leaving::Table(old.clone()));
            }
        }
        Ok(())
    }

    fn indexes(&mut self, current: &Schema, wanted: &Schema, rebuilt: &BTreeSet<String>) {
        let stays = |key: &String, object: &Object| {
            !rebuilt.contains(&object.table) && wanted.indexes.get(key).is_some_and(|other| other.form == object.form)
        };
        for (key, object) in &current.indexes {
            let goes_with_its_table = !wanted.tables.contains_key(&object.table) && !wanted.indexes.contains_key(key);
            if !stays(key, object) && !goes_with_its_table {
                self.drop_indexes.push(object.clone());
            }
        }
        let is_new =
            |(key, _): &(&String, &Object)| !current.indexes.get(*key).is_some_and(|object| stays(key, object));
        self.create_indexes = in_order(wanted.indexes.iter().filter(is_new).map(|(_, object)| object));
    }

    fn views_and_triggers(&mut self, current: &Schema, wanted: &Schema, rebuilt: &BTreeSet<String>) {
        let stays = |object: &Object, set: &std::collections::BTreeMap<String, Object>| {
            set.get(&object.name.to_ascii_lowercase()).is_some_and(|other| other.form == object.form)
        };
        let mut touched: BTreeSet<String> = rebuilt.clone();
        touched.extend(self.alters.iter().filter(|alter| !alter.drop.is_empty()).map(|alter| alter.key.clone()));
        touched.extend(current.tables.keys().filter(|key| !wanted.tables.contains_key(*key)).cloned());
        touched.extend(self.drop_virtual.iter().map(|table| table.name.to_ascii_lowercase()));
        let changed = current.views.iter().filter(|(_, view)| !stays(view, &wanted.views));
        touched.extend(changed.map(|(key, _)| key.clone()));
        mention::close_over_views(&mut touched, current);

        let going = |object: &&Object, set| !stays(object, set) || mention::names_any(&object.sql, &touched);
        self.drop_triggers = in_order(current.triggers.values().filter(|object| going(object, &wanted.triggers)));
        self.drop_views = in_order(current.views.values().filter(|object| going(object, &wanted.views)));
        // What was made later may name what was made earlier.
        self.drop_views.reverse();
        let gone =
            |list: &[Object], object: &Object| list.iter().any(|other| other.name.eq_ignore_ascii_case(&object.name));
        let is_made = |list: &[Object], had: &std::collections::BTreeMap<String, Object>, object: &Object| {
            gone(list, object) || !had.contains_key(&object.name.to_ascii_lowercase())
        };
        let views = wanted.views.values().filter(|object| is_made(&self.drop_views, &current.views, object));
        self.create_views = in_order(views);
        let triggers =
            wanted.triggers.values().filter(|object| is_made(&self.drop_triggers, &current.triggers, object));
        self.create_triggers = in_order(triggers);
    }
}

/// Adds every table that refers to one of the set, before or after the change.
fn close_over_children(rebuilt: &mut BTreeSet<String>, current: &Schema, wanted: &Schema) {
    loop {
        let refers = |definition: Option<&Definition>| {
            definition.is_some_and(|definition| definition.foreign_keys().any(|key| rebuilt.contains(&key.parent)))
        };
        let is_child = |key: &&String| {
            let is_kept = current.definition(key).is_some() && wanted.definition(key).is_some();
            is_kept && !rebuilt.contains(*key) && (refers(current.definition(key)) || refers(wanted.definition(key)))
        };
        let children: Vec<String> = wanted.tables.keys().filter(is_child).cloned().collect();
        if children.is_empty() {
            return;
        }
        rebuilt.extend(children);
    }
}

fn in_a_circle((child, parent): &(String, String)) -> String {
    format!(
        "{child} and {parent} refer to one another by foreign keys that are not DEFERRABLE INITIALLY DEFERRED: neither \
         can be filled or dropped before the other; write the steps by hand (`migration new`)"
    )
}

/// A name for the old table while the new one is filled.
fn free_name(key: &str, current: &Schema, wanted: &Schema) -> String {
    let is_taken = |name: &String| {
        [current, wanted].iter().any(|schema| {
            schema.tables.contains_key(name) || schema.indexes.contains_key(name) || schema.views.contains_key(name)
        })
    };
    let mut name = format!("old_{key}");
    while is_taken(&name) {
        name = format!("old_{name}");
    }
    name
}

fn in_order<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Object> {
    let mut objects: Vec<Object> = objects.cloned().collect();
    objects.sort_by_key(|object| object.made);
    objects
}
