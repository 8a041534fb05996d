//! Every environment variable that hubtally reads: named here and read here, nowhere else.

/// The configuration file, where `--config` is not given.
pub const CONFIG: &str = "HUBTALLY_CONFIG";
/// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `hubtally_store=debug`.
pub const LOG: &str = "HUBTALLY_LOG";
/// Set to anything: no colours (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";

/// Each scalar key of `hubtally.toml`, by its path, with the variable that overrides it.
pub const SCALAR_KEYS: &[(&[&str], &str)] = &[
    (&["store"], "HUBTALLY_STORE"),
    (&["keys"], "HUBTALLY_KEYS"),
    (&["registry"], "HUBTALLY_REGISTRY"),
    (&["policy"], "HUBTALLY_POLICY"),
    (&["statements"], "HUBTALLY_STATEMENTS"),
    (&["templates"], "HUBTALLY_TEMPLATES"),
    (&["limits", "memory_mib"], "HUBTALLY_LIMITS_MEMORY_MIB"),
    (&["limits", "threads"], "HUBTALLY_LIMITS_THREADS"),
    (&["limits", "spill_folder"], "HUBTALLY_LIMITS_SPILL_FOLDER"),
];

/// The value of a variable; `None` if it is not set, is empty, or is no UTF-8.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
pub fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folder for temporary files (`TMPDIR`).
pub fn temporary_folder() -> std::path::PathBuf {
    std::env::temp_dir()
}
