//! L5: what a namespace, an account or a hub is, is asked at the instant of use.

use chrono::NaiveDate;
use hubtally_schemas::HubId;
use hubtally_schemas::registry::{Contract, Dates, Organisation, Owner, PaidBy};
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Option<NaiveDate> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn at(text: &str) -> Instant {
    Instant::at_midnight(text.parse().unwrap())
}

fn community(id: &str) -> Community {
    Community {
        id: CommunityId::new(id).unwrap(),
        name: id.to_owned(),
        contracts: vec![],
        attributes: [].into(),
    }
}

fn cluster(id: &str, account: &str) -> Cluster {
    Cluster {
        id: ClusterId::new(id).unwrap(),
        provider: "aws".to_owned(),
        account: (!account.is_empty()).then(|| AccountId::new(account).unwrap()),
        tag_name: None,
        region: None,
        from: None,
        to: None,
    }
}

fn owned(owner: Owner, from: &str, to: &str) -> AccountOwner {
    AccountOwner { owner, among: vec![], paid_by: PaidBy::Organisation, from: day(from), to: day(to) }
}

fn account(id: &str, owners: Vec<AccountOwner>) -> Account {
    Account {
        id: AccountId::new(id).unwrap(),
        name: None,
        provider: "aws".to_owned(),
        period_basis: None,
        owners,
    }
}

fn hub(id: &str, cluster: &str, namespace: &str, community: &str, from: &str, to: &str) -> Hub {
    Hub {
        id: HubId::new(id).unwrap(),
        name: None,
        cluster: ClusterId::new(cluster).unwrap(),
        namespace: Namespace::new(namespace).unwrap(),
        tag_name: None,
        community: (!community.is_empty()).then(|| CommunityId::new(community).unwrap()),
        staging: false,
        shared_directories: vec![],
        from: day(from),
        to: day(to),
    }
}

/// One account, one cluster, a hub that is renamed and changes hands on 15 June.
fn registry() -> Registry {
    Registry {
        organisation: Organisation { name: "Hubs".to_owned(), contact: None },
        communities: vec![community("geo"), community("tides")],
        accounts: vec![account("111", vec![owned(Owner::Organisation, "", "")])],
        clusters: vec![cluster("north", "111")],
        hubs: vec![
            hub("sea", "north", "tide", "tides", "", "2026-06-15"),
            hub("sea", "north", "ocean", "geo", "2026-06-15", ""),
        ],
    }
}

fn problems(change: impl FnOnce(&mut Registry)) -> Vec<String> {
    let mut registry = registry();
    change(&mut registry);
    check_registry(&registry).iter().map(|p| format!("{:?} {p}", p.severity)).collect()
}

/// Exactly one problem, with all these words.
fn one(words: &[&str], change: impl FnOnce(&mut Registry)) {
    let found = problems(change);
    assert_eq!(found.len(), 1, "{found:#?}");
    for word in words {
        assert!(found[0].contains(word), "{word:?} is not in {:?}", found[0]);
    }
}

#[test]
fn l5_a_renamed_hub_is_found_under_each_name_in_its_own_time() {
    let view = RegistryView::new(registry()).unwrap();
    assert!(view.warnings().is_empty());
    let north = ClusterId::new("north").unwrap();
    let find = |namespace: &str, day: &str| {
        let hub = view.hub_at(&north, &Namespace::new(namespace).unwrap(), at(day))?;
        Some((hub.id.to_string(), hub.community.clone()?.to_string()))
    };
    let sea = |community: &str| Some(("sea".to_owned(), community.to_owned()));
    assert_eq!(find("tide", "2026-06-14"), sea("tides"));
    assert_eq!(find("tide", "2026-06-15"), None);
    assert_eq!(find("ocean", "2026-06-14"), None);
    assert_eq!(find("ocean", "2026-06-15"), sea("geo"));
    assert_eq!(view.hub_by_tag(&north, "ocean", at("2026-07-01")).unwrap().id.as_str(), "sea");
    assert_eq!(view.hubs_of(&north, at("2026-06-15")).len(), 1);
    assert!(view.hubs_of(&ClusterId::new("south").unwrap(), at("2026-06-15")).is_empty());
}

#[test]
fn l5_a_namespace_means_nothing_without_its_cluster() {
    let mut registry = registry();
    registry.clusters.push(cluster("south", "111"));
    registry.hubs.push(hub("south-tide", "south", "tide", "geo", "", ""));
    let view = RegistryView::new(registry).unwrap();
    assert_eq!(view.hub_at_text("south", "tide", at("2026-06-01")).unwrap().id.as_str(), "south-tide");
    assert_eq!(view.hub_at_text("north", "tide", at("2026-06-01")).unwrap().id.as_str(), "sea");
}

#[test]
fn owners_and_contracts_are_dated() {
    let mut registry = registry();
    let tides = CommunityId::new("tides").unwrap();
    registry.accounts[0].owners = vec![
        owned(Owner::Community(tides.clone()), "", "2026-06-15"),
        owned(Owner::Organisation, "2026-06-15", ""),
    ];
    let contract = |id: &str, from: &str, to: &str| Contract {
        id: id.to_owned(),
        dates: Dates { from: day(from), to: day(to) },
    };
    registry.communities[1].contracts =
        vec![contract("D-2", "2026-06-15", ""), contract("D-1", "2026-01-01", "2026-06-01")];
    let view = RegistryView::new(registry).unwrap();
    let id = AccountId::new("111").unwrap();
    assert_eq!(view.owner_at(&id, at("2026-06-14")).unwrap().owner, Owner::Community(tides.clone()));
    assert_eq!(view.owner_at(&id, at("2026-06-15")).unwrap().owner, Owner::Organisation);
    assert_eq!(view.contract_at(&tides, at("2026-05-31")), Some("D-1"));
    assert_eq!(view.contract_at(&tides, at("2026-06-01")), None);
    assert_eq!(view.contract_at(&tides, at("2026-06-15")), Some("D-2"));
}

#[test]
fn a_tag_that_two_clusters_use_names_neither_unless_the_account_tells() {
    let mut registry = registry();
    registry.accounts.push(account("222", vec![owned(Owner::Organisation, "", "")]));
    registry.clusters.push(Cluster { tag_name: Some("north".to_owned()), ..cluster("other", "222") });
    let view = RegistryView::new(registry).unwrap();
    assert_eq!(view.warnings().len(), 1);
    let now = at("2026-06-01");
    assert!(view.cluster_by_tag("north", now).is_none());
    let account = AccountId::new("222").unwrap();
    assert_eq!(view.cluster_by_tag_in_account(&account, "north", now).unwrap().id.as_str(), "other");
    assert_eq!(view.clusters_of_account(&account, now).len(), 1);
}

#[test]
fn console_names_find_their_account_unless_two_share_one() {
    let mut registry = registry();
    registry.accounts[0].name = Some("ocean lab".to_owned());
    let view = RegistryView::new(registry.clone()).unwrap();
    assert_eq!(view.account_by_name("ocean lab").unwrap().id.as_str(), "111");
    let twin = Account {
        name: Some("ocean lab".to_owned()),
        ..account("222", vec![owned(Owner::Organisation, "", "")])
    };
    registry.accounts.push(twin);
    assert!(RegistryView::new(registry).unwrap().account_by_name("ocean lab").is_none());
}

#[test]
fn overlaps_are_errors_that_name_both_entries() {
    one(&["Error hub[3] \"sea2\"", "hub[2] \"sea\"", "`to`"], |r| {
        r.hubs.push(hub("sea2", "north", "ocean", "geo", "2026-06-20", ""));
    });
    one(&["Error hub[3] \"sea\"", "the id \"sea\""], |r| {
        r.hubs.push(hub("sea", "north", "lake", "geo", "2026-06-20", ""));
    });
    one(&["Error hub[3]", "hub tag \"ocean\""], |r| {
        let mut lake = hub("lake", "north", "lake", "geo", "", "");
        lake.tag_name = Some("ocean".to_owned());
        r.hubs.push(lake);
    });
    one(&["Error account[1] \"111\"", "share days"], |r| {
        r.accounts[0].owners.push(owned(
            Owner::Community(CommunityId::new("geo").unwrap()),
            "2026-06-01",
            "",
        ));
    });
}

#[test]
fn unknown_ids_name_the_nearest() {
    one(&["Error hub[1] \"sea\"", "did you mean \"tides\"?"], |r| {
        r.hubs[0].community = Some(CommunityId::new("tide").unwrap());
        r.accounts[0].owners = vec![AccountOwner {
            among: vec![CommunityId::new("tides").unwrap()],
            ..owned(Owner::Shared, "", "")
        }];
    });
    one(&["Error hub[2] \"sea\"", "did you mean \"north\"?"], |r| {
        r.hubs[1].cluster = ClusterId::new("nroth").unwrap();
    });
    one(&["Error cluster[1]", "account \"999999\"", "111"], |r| {
        r.clusters[0].account = Some(AccountId::new("999999").unwrap());
    });
    one(&["Error account[1]", "did you mean \"geo\"?"], |r| {
        r.accounts[0].owners[0].owner = Owner::Community(CommunityId::new("ggeo").unwrap());
    });
}

#[test]
fn gaps_of_ownership_are_warnings_that_name_the_days() {
    one(&["Warning account[1]", "2026-03-01", "2026-04-01"], |r| {
        r.accounts[0].owners =
            vec![owned(Owner::Organisation, "2026-04-01", ""), owned(Owner::Organisation, "", "2026-03-01")];
    });
    one(&["Warning account[1]", "ends on 2026-03-01", "\"north\""], |r| {
        r.accounts[0].owners[0].to = day("2026-03-01");
    });
    one(&["Warning account[1]", "2026-01-01", "2026-03-01"], |r| {
        r.accounts[0].owners[0].from = day("2026-03-01");
        r.clusters[0].from = day("2026-01-01");
    });
    one(&["Warning account[1]", "no owner"], |r| r.accounts[0].owners.clear());
}

#[test]
fn entries_without_counterparts_are_warnings() {
    one(&["Warning hub[3]", "no_community"], |r| r.hubs.push(hub("lake", "north", "lake", "", "", "")));
    one(&["Warning community[3] \"lonely\"", "no hub"], |r| r.communities.push(community("lonely")));
    one(&["Warning organisation"], |r| r.organisation.name.clear());
    one(&["Warning account[1]", "`among`"], |r| {
        r.accounts[0].owners[0].among.push(CommunityId::new("geo").unwrap());
    });
    one(&["Warning hub[3]", "never meet"], |r| {
        r.clusters.push(Cluster { to: day("2026-01-01"), ..cluster("gone", "111") });
        r.hubs.push(hub("late", "gone", "late", "geo", "2026-02-01", ""));
    });
}

#[test]
fn what_cannot_be_read_in_one_way_is_an_error() {
    one(&["Error community[3] \"geo\"", "community[1]"], |r| r.communities.push(community("geo")));
    one(&["Error cluster[2] \"north\"", "cluster[1]"], |r| r.clusters.push(cluster("north", "111")));
    one(&["Error account[2] \"111\"", "account[1]"], |r| {
        r.accounts.push(account("111", vec![owned(Owner::Organisation, "", "")]));
    });
    one(&["Error hub[3]", "not after its first day"], |r| {
        r.hubs.push(hub("lake", "north", "lake", "geo", "2026-06-02", "2026-06-02"));
    });
    one(&["Error account[1]", "among nobody"], |r| r.accounts[0].owners[0].owner = Owner::Shared);
    let named = problems(|r| r.communities.push(community("Geo Lab")));
    assert!(named[0].contains("lower-case"), "{named:?}");
}

#[test]
fn a_refused_registry_comes_with_all_its_problems() {
    let mut registry = registry();
    registry.communities.clear();
    let refused = RegistryView::new(registry).unwrap_err();
    assert_eq!(refused.iter().filter(|p| p.severity == Severity::Error).count(), 2);
}

proptest! {
    #[test]
    fn l5_an_accepted_registry_answers_with_at_most_one_hub(
        entries in prop::collection::vec((0_usize..3, 0_usize..3, 0_u64..60, 1_u64..40), 0..8), on in 0_u64..100,
    ) {
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let mut registry = registry();
        registry.hubs.clear();
        for (number, (namespace, tag, from, length)) in entries.into_iter().enumerate() {
            let mut entry = hub(&format!("h{number}"), "north", &format!("n{namespace}"), "geo", "", "");
            entry.tag_name = Some(format!("t{tag}"));
            entry.from = Some(first + chrono::Days::new(from));
            entry.to = Some(first + chrono::Days::new(from + length));
            registry.hubs.push(entry);
        }
        let instant = Instant::at_midnight(first + chrono::Days::new(on));
        let living = |fits: &dyn Fn(&Hub) -> bool| {
            registry.hubs.iter().filter(|hub| fits(hub) && hub.dates().contain(instant)).count()
        };
        if let Ok(view) = RegistryView::new(registry.clone()) {
            let north = ClusterId::new("north").unwrap();
            for name in 0..3 {
                let (namespace, tag) = (format!("n{name}"), format!("t{name}"));
                let by_namespace = living(&|hub| hub.namespace.as_str() == namespace);
                prop_assert!(by_namespace <= 1);
                prop_assert_eq!(view.hub_at_text("north", &namespace, instant).is_some(), by_namespace == 1);
                prop_assert_eq!(
                    view.hub_by_tag(&north, &tag, instant).is_some(),
                    living(&|hub| hub.tag_name.as_ref() == Some(&tag)) == 1
                );
            }
        }
    }
}
