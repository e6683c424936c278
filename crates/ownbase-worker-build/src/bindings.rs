//! JavaScript bindings by wasm-bindgen, in the form in which a Worker takes them: an ES module that is handed the compiled
//! wasm (a Worker must not compile any itself), and that can start anew on a fresh instance after a panic.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use wasm_bindgen_cli_support::Bindgen;

/// The files made.
pub(crate) struct Bindings {
    pub(crate) wasm: PathBuf,
    pub(crate) javascript: PathBuf,
}

/// Writes `NAME.js` and `NAME_bg.wasm` into `out`.
pub(crate) fn make(wasm: &Path, name: &str, out: &Path) -> anyhow::Result<Bindings> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name(name).typescript(false).omit_default_module_path(true).reset_state_function(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    // wasm-bindgen's reasons fill paragraphs.
    let one_line =
        |error: anyhow::Error| anyhow!("{}", format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" "));
    bindgen.web(true).and_then(|bindgen| bindgen.generate(out)).map_err(one_line)?;
    Ok(Bindings { wasm: out.join(format!("{name}_bg.wasm")), javascript: out.join(format!("{name}.js")) })
}
