//! `Cargo.lock` holds one copy of each crate whose types cross our rooms.
//!
//! A second arrow or object_store compiles, and then refuses the batches and stores of the first.

/// Crates of which there must be one.
const ONE_COPY: &[&str] = &[
    "arrow-array",
    "arrow-schema",
    "parquet",
    "object_store",
    "datafusion",
    "datafusion-common",
    "deltalake-core",
];

#[test]
fn the_lock_holds_one_copy_of_each_shared_crate() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    let lock = std::fs::read_to_string(path).expect("Cargo.lock stands beside Cargo.toml");
    for wanted in ONE_COPY {
        let versions = versions_of(&lock, wanted);
        assert_eq!(
            versions.len(),
            1,
            "{wanted} is locked at {versions:?}; `cargo tree -i {wanted}@VERSION` shows who brings the second"
        );
    }
}

fn versions_of<'a>(lock: &'a str, wanted: &str) -> Vec<&'a str> {
    lock.split("[[package]]")
        .filter(|package| field(package, "name") == Some(wanted))
        .filter_map(|package| field(package, "version"))
        .collect()
}

fn field<'a>(package: &'a str, name: &str) -> Option<&'a str> {
    package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
}
