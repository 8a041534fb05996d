use super::*;

fn hub(cluster: &str, namespace: &str) -> (ClusterId, Namespace) {
    (ClusterId::new(cluster).unwrap(), Namespace::new(namespace).unwrap())
}

#[test]
fn the_same_folder_gives_the_same_ids_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, namespace) = hub("tides", "prod");
    let keys = Keys::create(folder.path()).unwrap();
    let again = Keys::open(folder.path()).unwrap().unwrap();
    assert_eq!(keys.check(), again.check());
    let id = keys.user_id(&cluster, &namespace, "Åsa@x.org").unwrap();
    assert_eq!(id.as_str().len(), 32);
    assert_eq!(id, again.user_id(&cluster, &namespace, "Åsa@x.org").unwrap());
    assert_eq!(id, keys.user_id(&cluster, &namespace, "Åsa@x.org").unwrap());
    let sealed = keys.encrypt_name(&cluster, &namespace, "Åsa@x.org").unwrap();
    assert_eq!(sealed, again.encrypt_name(&cluster, &namespace, "Åsa@x.org").unwrap());
    assert_eq!(again.decrypt_name(&cluster, &namespace, &sealed).as_deref(), Some("Åsa@x.org"));
}

#[test]
fn hubs_and_cases_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::create(folder.path()).unwrap();
    let (tides, prod) = hub("tides", "prod");
    let (ridge, _) = hub("ridge", "prod");
    let id = |c: &ClusterId, raw: &str| keys.user_id(c, &prod, raw).unwrap();
    assert_ne!(id(&tides, "ann"), id(&tides, "Ann"));
    assert_ne!(id(&tides, "ann"), id(&ridge, "ann"));
    let sealed = keys.encrypt_name(&tides, &prod, "ann").unwrap();
    assert_eq!(keys.decrypt_name(&ridge, &prod, &sealed), None);
}

#[test]
fn a_destroyed_key_forgets_names_and_is_not_made_by_reading() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, namespace) = hub("tides", "prod");
    let keys = Keys::create(folder.path()).unwrap();
    let sealed = keys.encrypt_name(&cluster, &namespace, "ann").unwrap();
    let (path, _) = keys.hub_file(&cluster, &namespace);
    std::fs::remove_file(&path).unwrap();
    let later = Keys::open(folder.path()).unwrap().unwrap();
    assert_eq!(later.decrypt_name(&cluster, &namespace, &sealed), None);
    assert!(!path.exists());
}

#[test]
fn rejects_come_back_and_damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::create(folder.path()).unwrap();
    let sealed = keys.encrypt_reject(b"\xff\x00broken").unwrap();
    assert_eq!(keys.decrypt_reject(&sealed).as_deref(), Some(&b"\xff\x00broken"[..]));
    assert_eq!(keys.decrypt_reject("AAAA"), None);
    assert_eq!(keys.decrypt_reject(&sealed.replace(&sealed[40..44], "AAAA")), None);
}

#[test]
#[cfg(unix)]
fn key_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    Keys::create(&folder.path().join("keys")).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("keys/store.key")), 0o600);
    assert_eq!(mode(&folder.path().join("keys")), 0o700);
}

#[test]
fn many_makers_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let (cluster, namespace) = hub("tides", "prod");
    Keys::create(folder.path()).unwrap();
    let ids: Vec<UserId> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let keys = Keys::open(folder.path()).unwrap().unwrap();
                    keys.user_id(&cluster, &namespace, "ann").unwrap()
                })
            })
            .collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_damaged_key_file_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    Keys::create(folder.path()).unwrap();
    std::fs::write(folder.path().join("store.key"), "hubtally key 1\nstore\nabcd\n").unwrap();
    let error = Keys::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("store.key") && error.contains("not complete"), "{error}");
}
