//! Random changes of a model, and the renames that whoever made them has to ask for.

use fastrand::Rng;

use crate::model::{Column, Index, Key, Model, NAMES, Reference, Table, Trigger, View};

const ACTIONS: [&str; 5] =
    ["", "ON DELETE CASCADE ON UPDATE CASCADE", "ON DELETE SET NULL", "ON DELETE RESTRICT", "ON DELETE NO ACTION"];
const KEYS: [Key; 6] = [Key::Rowid, Key::Rowid, Key::Autoincrement, Key::Unique, Key::WithoutRowid, Key::Composite];
const CHECKS: [&str; 4] = [
    "@ IS NOT 'never'",
    "length(@) < 1000 OR @ IS NULL",
    "@ NOT LIKE 'x;--%' ESCAPE '\\'",
    "typeof(@) IN ('text', 'null', 'integer', 'real', 'blob')",
];

/// A schema of a few tables.
pub(crate) fn first(random: &mut Rng) -> Model {
    let mut model = Model::default();
    for _ in 0..random.usize(1..4) {
        add_table(&mut model, random);
    }
    for _ in 0..random.usize(0..4) {
        add_beside(&mut model, random);
    }
    model
}

/// Changes the model a little.
pub(crate) fn edit(model: &mut Model, random: &mut Rng) {
    for _ in 0..random.usize(1..4) {
        match random.u8(0..20) {
            0 => add_table(model, random),
            1 => drop_table(model, random),
            2 => rename_table(model, random),
            3 | 4 => rename_column(model, random),
            5 | 6 => add_beside(model, random),
            7 => drop_beside(model, random),
            8 | 9 => drop_column(model, random),
            10..13 => add_column(model, random),
            _ => change(model, random),
        }
    }
}

/// What was renamed between two models, as the flag `--rename` says it.
pub(crate) fn renames(old: &Model, new: &Model) -> Vec<String> {
    let mut renames = Vec::new();
    for (before, after) in old.tables.iter().filter_map(|table| Some((table, new.table(table.number)?))) {
        if before.name != after.name {
            renames.push(format!("{}={}", before.name, after.name));
        }
        for column in &before.columns {
            let renamed = after.columns.iter().find(|other| other.number == column.number && other.name != column.name);
            renames
                .extend(renamed.map(|other| format!("{}.{}={}.{}", before.name, column.name, after.name, other.name)));
        }
    }
    renames
}

fn add_table(model: &mut Model, random: &mut Rng) {
    let number = model.number();
    model.tables.push(Table {
        number,
        name: format!("{} {number}", pick(&NAMES, random)),
        key: pick(&KEYS, random),
        strict: random.u8(0..4) == 0,
        columns: Vec::new(),
        composite: random.bool(),
        check: random.bool(),
    });
    for _ in 0..random.usize(1..5) {
        let column = column(model, model.tables.len() - 1, random);
        model.tables.last_mut().unwrap().columns.push(column);
    }
}

fn column(model: &mut Model, table: usize, random: &mut Rng) -> Column {
    let number = model.number();
    let strict = model.tables[table].strict;
    let kinds = if strict { ["INTEGER", "TEXT", "ANY", "BLOB"] } else { ["INTEGER", "VARCHAR (20)", "", "NUMERIC"] };
    let kind = pick(&kinds, random);
    let generated = (random.u8(0..7) == 0).then(|| random.bool() && kind != "BLOB");
    // A text column can hold both ways of making it.
    let kind = if generated.is_some() && strict { "ANY" } else { kind };
    let defaults = ["1", "-2.5", "x'00ff'", "'it''s'", "(1 + 1)", "CURRENT_TIMESTAMP", "NULL"];
    let fits = |default: &&str| !strict || kind == "ANY" || kind == "INTEGER" && ["1", "(1 + 1)"].contains(default);
    let default = Some(pick(&defaults, random)).filter(fits).filter(|_| random.bool());
    let refers = (random.u8(0..3) == 0).then(|| Reference {
        table: model.tables[random.usize(0..=table)].number,
        action: pick(&ACTIONS, random),
        deferred: random.u8(0..3) == 0,
    });
    let refers = refers.filter(|_| kind != "BLOB" && kind != "TEXT");
    // What is referred to must be there, so a default that is no row's is none here.
    let default = default.filter(|_| refers.is_none());
    Column {
        number,
        name: format!("{}{number}", pick(&NAMES, random)),
        kind,
        not_null: random.u8(0..3) == 0 && default.is_some_and(|default| default != "NULL"),
        default,
        unique: random.u8(0..6) == 0,
        nocase: random.u8(0..6) == 0,
        check: (random.u8(0..4) == 0).then(|| pick(&CHECKS, random)),
        refers,
        generated,
    }
}

fn add_column(model: &mut Model, random: &mut Rng) {
    let Some(table) = any(model, random) else { return };
    let mut column = column(model, table, random);
    // Rows that are there would all have the same.
    column.unique &= column.default.is_none();
    let columns = &mut model.tables[table].columns;
    let at = if random.u8(0..4) == 0 { random.usize(0..=columns.len()) } else { columns.len() };
    columns.insert(at, column);
}

fn drop_column(model: &mut Model, random: &mut Rng) {
    let Some(table) = any(model, random) else { return };
    let columns = &mut model.tables[table].columns;
    if columns.len() > 1 {
        let number = columns.remove(random.usize(0..columns.len())).number;
        model.indexes.retain(|index| index.column != Some(number));
    }
}

fn drop_table(model: &mut Model, random: &mut Rng) {
    let Some(table) = any(model, random).filter(|_| model.tables.len() > 1) else { return };
    let number = model.tables.remove(table).number;
    for column in model.tables.iter_mut().flat_map(|table| &mut table.columns) {
        if column.refers.as_ref().is_some_and(|refers| refers.table == number) {
            column.refers = None;
        }
    }
    model.indexes.retain(|index| index.table != number);
    model.triggers.retain(|trigger| trigger.on != number && trigger.touches != number);
    let mut gone: Vec<String> = Vec::new();
    model.views.retain(|view| {
        let stays = match &view.of {
            Ok(table) => *table != number,
            Err(name) => !gone.contains(name),
        };
        gone.extend((!stays).then(|| view.name.clone()));
        stays
    });
}

fn rename_table(model: &mut Model, random: &mut Rng) {
    let number = model.number();
    let Some(table) = any(model, random) else { return };
    model.tables[table].name = format!("{}_{number}", pick(&NAMES, random));
}

fn rename_column(model: &mut Model, random: &mut Rng) {
    let number = model.number();
    let Some(table) = any(model, random) else { return };
    let columns = &mut model.tables[table].columns;
    let at = random.usize(0..columns.len());
    columns[at].name = format!("{}_{number}", pick(&NAMES, random));
}

fn add_beside(model: &mut Model, random: &mut Rng) {
    let number = model.number();
    let Some(table) = any(model, random) else { return };
    let of = &model.tables[table];
    let (table, name) = (of.number, format!("{} beside {number}", pick(&NAMES, random)));
    match random.u8(0..3) {
        0 => {
            let column = of.columns.get(random.usize(0..=of.columns.len())).map(|column| column.number);
            model.indexes.push(Index { name, table, column, partial: random.bool(), expression: random.bool() });
        }
        1 => {
            let view = model.views.last().filter(|_| random.bool()).map(|view| view.name.clone());
            model.views.push(View { name, of: view.map_or(Ok(table), Err) });
        }
        _ => {
            let touches = model.tables[random.usize(0..model.tables.len())].number;
            model.triggers.push(Trigger { name, on: table, touches });
        }
    }
}

fn drop_beside(model: &mut Model, random: &mut Rng) {
    match random.u8(0..3) {
        0 => drop(model.indexes.pop()),
        1 => drop(model.triggers.pop()),
        _ => drop(model.views.pop()),
    }
}

/// What SQLite cannot alter, mostly.
fn change(model: &mut Model, random: &mut Rng) {
    let Some(table) = any(model, random) else { return };
    let table = &mut model.tables[table];
    match random.u8(0..8) {
        0 => table.check = !table.check,
        1 => table.composite = !table.composite,
        2 => table.key = pick(&KEYS, random),
        3 => {
            let at = random.usize(0..table.columns.len());
            table.columns[at].nocase = !table.columns[at].nocase;
        }
        4 => {
            let at = random.usize(0..table.columns.len());
            table.columns[at].unique = !table.columns[at].unique;
        }
        5 => {
            let at = random.usize(0..table.columns.len());
            table.columns[at].check = Some(pick(&CHECKS, random)).filter(|_| random.bool());
        }
        6 => {
            let at = random.usize(0..table.columns.len());
            let column = &mut table.columns[at];
            column.not_null = !column.not_null && column.default.is_some_and(|default| default != "NULL");
        }
        _ => random.shuffle(&mut table.columns),
    }
}

fn any(model: &Model, random: &mut Rng) -> Option<usize> {
    (!model.tables.is_empty()).then(|| random.usize(0..model.tables.len()))
}

fn pick<T: Copy>(list: &[T], random: &mut Rng) -> T {
    list[random.usize(0..list.len())]
}
