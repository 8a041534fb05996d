//! `registry import` on the published cluster files, where they are at hand.

use std::path::PathBuf;

use super::run::Place;

#[expect(clippy::disallowed_methods, reason = "where the published cluster files lie")]
fn clusters() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared = std::env::var_os("HUBTALLY_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = shared.join("data/2i2c-clusters");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no shared folder");
    None
}

#[test]
fn a_folder_of_cluster_files_becomes_a_registry_that_check_accepts() {
    let Some(folder) = clusters() else { return };
    let place = Place::empty();
    let folder = folder.to_str().unwrap();
    let counts =
        place.run(&["registry", "import", folder, "--json", "--out", "registry.toml"]).exits(0).json();
    assert_eq!((counts["clusters"].as_u64(), counts["hubs"].as_u64()), (Some(30), Some(171)));
    place.run(&["check", "--registry", "registry.toml"]).exits(0).prints("30 clusters, 171 hubs");
    place.run(&["registry", "import", folder, "--out", "registry.toml"]).exits(2).says("already there");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    Place::empty().run(&["registry", "import", "nowhere"]).exits(1).says("nowhere");
}
