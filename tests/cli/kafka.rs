//! Topics of a real Kafka: every event lands once, whatever is killed, doubled, made anew or poisoned.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kafka_server::{Kafka, Message};
use super::run::{Place, skip};
use super::small_month::{number, place, pod, rows};

const CAUGHT_UP: [&str; 3] = ["ingest", "kafka", "--until-caught-up"];

fn configured(kafka: &Kafka, topic: &str, more: &str) -> Place {
    let place = place();
    configure(&place, &kafka.bootstrap, topic, more);
    place
}

fn configure(place: &Place, brokers: &str, topic: &str, more: &str) {
    let from = if more.contains("from = ") { "" } else { "from = \"earliest\"\n" };
    let section = format!(
        "\n[[kafka]]\nbrokers = \"{brokers}\"\ntopics = [\"{topic}\"]\nclusters = [\"tides\"]\n{from}{more}"
    );
    place.write("hubtally.toml", &(place.read("hubtally.toml") + &section));
}

fn events(range: std::ops::Range<usize>) -> impl Iterator<Item = Message> {
    range.map(|n| Message::structured(pod(&format!("e-{n}"), 1 + u32::try_from(n % 28).unwrap(), &[])))
}

/// What Python's deltalake counts: rows, missing, doubled. Where there is no Python, what we count ourselves.
fn counted(place: &Place) -> (i64, i64, i64) {
    #[expect(clippy::disallowed_methods, reason = "the environment says which Python a test may use")]
    let Ok(python) = std::env::var("HUBTALLY_TEST_PYTHON") else {
        skip("there is no Python with deltalake (make test installs one): rows are counted by ourselves");
        let count = |what: &str| number(place, &format!("SELECT count({what}) FROM pod_usage"));
        let (all, different) = (count("*"), count("DISTINCT event_id"));
        return (all, 0, all - different);
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python/count_events.py");
    let output = Command::new(python).arg(script).arg(place.path("store/tables/pod_usage")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |key: &str| found[key].as_i64().unwrap();
    (number("rows"), number("missing"), number("doubled"))
}

fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn every_event_of_a_topic_lands_once_in_both_modes_and_poison_is_kept() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(3);
    let good = (0..60).map(|n| {
        let event = pod(&format!("e-{n}"), 3, &[]);
        if n % 2 == 0 { Message::structured(event) } else { Message::binary(&event) }
    });
    let poison = [
        Message::structured("no JSON at all"),
        Message::binary(&pod("wrong", 4, &[("/source", json!("/clusters/dunes"))])),
        Message::structured(pod("negative", 5, &[("cpu_request_millicore_ms", json!(-1))])),
    ];
    kafka.send(&topic, 3, good.chain(poison));

    let place = configured(&kafka, &topic, "");
    let read = place.run(&[CAUGHT_UP.as_slice(), &["--json"]].concat()).exits(3).json();
    let told = &read["topics"][0];
    assert_eq!(told["records"], 63, "{told}");
    assert_eq!(told["rows"]["pod_usage"], 60);
    assert_eq!(told["partitions"][0]["begun_at"], 0);
    assert_eq!(counted(&place), (60, 0, 0));

    let refused = rows(&place, "SELECT reason, origin, source, source_position FROM rejects ORDER BY reason");
    let reasons: Vec<&str> = refused.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["malformed", "negative", "wrong_cluster"]);
    // 60 good messages in turn: the poison stands at offset 20 of each partition
    assert_eq!(refused[0]["origin"], format!("{topic}/0:20"));
    assert_eq!(refused[0]["source_position"].to_string().trim_matches('"'), "21");
    let source = refused[0]["source"].as_str().unwrap();
    assert!(source.starts_with("kafka/") && source.contains(&format!("/{topic}@")), "{source}");

    // nothing is read twice, and what comes later is read
    place.run(&CAUGHT_UP).exits(0).prints("nothing new");
    kafka.send(&topic, 3, (60..70).map(|n| Message::structured(pod(&format!("e-{n}"), 3, &[]))));
    place.run(&CAUGHT_UP).exits(0).prints("10 pod_usage");
    assert_eq!(counted(&place), (70, 0, 0));
}

#[test]
fn what_a_topic_was_refused_lands_once_when_it_may_speak_for_the_cluster() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(1);
    let dunes = |n: u32| pod(&format!("e-{n}"), 4, &[("/source", json!("/clusters/dunes"))]);
    kafka.send(
        &topic,
        1,
        [Message::structured(dunes(0)), Message::binary(&dunes(1)), Message::structured("poison")],
    );
    let place = configured(&kafka, &topic, "");
    place.run(&CAUGHT_UP).exits(3).prints("2 wrong_cluster");
    let replay = ["ingest", "replay-rejects"];
    let registry =
        place.read("registry.toml") + "[[cluster]]\nid = \"dunes\"\nprovider = \"aws\"\naccount = \"1111\"\n";
    place.write("registry.toml", &registry);
    place.run(&replay).exits(3).prints("landed   0 records").prints("2 wrong_cluster");
    // the registry alone does not let a topic speak for a cluster
    let configuration =
        place.read("hubtally.toml").replace("clusters = [\"tides\"]", "clusters = [\"tides\", \"dunes\"]");
    place.write("hubtally.toml", &configuration);
    place.run(&replay).exits(3).prints("landed   2 records").prints("1 malformed");
    place.run(&replay).exits(3).prints("landed   0 records (2 landed before)");
    place.run(&["ingest", "replay-rejects", "--reason", "wrong_cluster"]).exits(0);
    place.run(&["ingest", "replay-rejects", "--reason", "poison"]).exits(2).says("wrong_cluster");
    assert_eq!(counted(&place), (2, 0, 0));
    assert_eq!(number(&place, "SELECT count(*) FROM rejects"), 3);
}

/// How many workers are killed: a few, or as many as `make faults` asks for.
#[expect(clippy::disallowed_methods, reason = "make faults says how many workers are killed")]
fn kills() -> usize {
    std::env::var("HUBTALLY_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(6)
}

/// Two workers claim every partition while more and more comes; one after the other is killed, at any moment.
#[test]
fn every_event_lands_once_though_workers_are_killed() {
    let Some(kafka) = Kafka::shared() else { return };
    let (topic, kills) = (kafka.topic(3), kills());
    let place = configured(&kafka, &topic, "batch_rows = 200\nbatch_seconds = 1\n");
    let start = || place.start(&["ingest", "kafka"]);
    let mut workers = [start(), start()];
    let (mut sent, mut chance) = (0, 88_172_645_463_325_252_u64);
    for kill in 0..kills {
        kafka.send(&topic, 3, events(sent..sent + 500));
        sent += 500;
        // xorshift: the same moments in each run, as far as the machine lets them be
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        std::thread::sleep(Duration::from_millis(200 + chance % 1_500));
        let worker = &mut workers[kill % 2];
        assert!(worker.try_wait().unwrap().is_none(), "it was still at work");
        worker.kill().unwrap();
        worker.wait().unwrap();
        *worker = start();
    }
    for mut worker in workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    place.run(&CAUGHT_UP).exits(0);
    let (rows, missing, doubled) = counted(&place);
    println!("kills={} missing={missing} doubled={doubled}", kills + 2);
    assert_eq!((rows, missing, doubled), (i64::try_from(sent).unwrap(), 0, 0));
}

#[test]
fn two_workers_that_claim_every_partition_double_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(4);
    kafka.send(&topic, 4, events(0..3_000));
    let place = configured(&kafka, &topic, "batch_rows = 250\n");
    let workers = [place.start(&CAUGHT_UP), place.start(&CAUGHT_UP)];
    for (code, said) in workers.map(ended) {
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(counted(&place), (3_000, 0, 0));
}

#[test]
fn workers_share_partitions_and_end_in_order_when_told() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(4);
    kafka.send(&topic, 4, events(0..100));
    let place = configured(&kafka, &topic, "");
    let half = place.run(&[CAUGHT_UP.as_slice(), &["--worker", "1/2", "--json"]].concat()).exits(0).json();
    let partitions = half["topics"][0]["partitions"].as_array().unwrap();
    let numbers: Vec<i64> = partitions.iter().map(|one| one["partition"].as_i64().unwrap()).collect();
    assert_eq!((numbers, counted(&place).0), (vec![1, 3], 50));

    // The other half waits in memory, since no limit is reached, until the worker is told to end.
    let worker = place.start(&["ingest", "kafka", "--worker", "0/2", "--listen", "127.0.0.1:0"]);
    let (address, worker) = listening(worker);
    let begun = Instant::now();
    while !get(&address, "/metrics")
        .lines()
        .any(|line| line.starts_with("hubtally_kafka_buffered_bytes") && !line.ends_with(" 0"))
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", get(&address, "/metrics"));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(get(&address, "/healthz").contains("200 OK"));
    assert_eq!(counted(&place).0, 50);
    let told = Command::new("kill").arg(worker.id().to_string()).status().unwrap();
    assert!(told.success());
    let (code, said) = ended(worker);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(counted(&place), (100, 0, 0));
    place.run(&["ingest", "kafka", "--worker", "2/2"]).exits(2).says("expected N/M");
}

/// The address that a worker says it listens at.
fn listening(mut worker: Child) -> (String, Child) {
    let mut said = Vec::new();
    let stderr = worker.stderr.as_mut().unwrap();
    loop {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
        let text = String::from_utf8_lossy(&said);
        if let Some(rest) = text.split("http://").nth(1)
            && let Some((address, _)) = rest.split_once("/metrics")
        {
            return (address.to_owned(), worker);
        }
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_topic_that_is_made_anew_is_another_source() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(1);
    kafka.send(&topic, 1, events(0..30));
    let place = configured(&kafka, &topic, "batch_seconds = 1\n");
    place.run(&CAUGHT_UP).exits(0).prints("30 pod_usage");
    kafka.delete(&topic);
    place.run(&CAUGHT_UP).exits(1).says("has no topic");
    kafka.make(&topic, 1, &[]);
    // more than before: read at the old offset, only ten of them would be seen
    kafka.send(&topic, 1, events(30..70));
    place.run(&CAUGHT_UP).exits(0).prints("40 pod_usage");
    assert_eq!(counted(&place), (70, 0, 0));

    // the same while a worker reads on
    let mut worker = place.start(&["ingest", "kafka"]);
    std::thread::sleep(Duration::from_secs(2));
    kafka.delete(&topic);
    kafka.make(&topic, 1, &[]);
    kafka.send(&topic, 1, events(70..170));
    let begun = Instant::now();
    while counted(&place).0 < 170 && begun.elapsed() < Duration::from_secs(40) {
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(worker.try_wait().unwrap().is_none());
    worker.kill().unwrap();
    let (_, said) = ended(worker);
    assert_eq!(counted(&place), (170, 0, 0), "{said}");
    assert_eq!(number(&place, "SELECT count(DISTINCT source) FROM pod_usage"), 3);
}

#[test]
fn what_the_broker_deleted_before_it_was_read_is_a_declared_gap() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(1);
    kafka.send(&topic, 1, events(0..10));
    let place = configured(&kafka, &topic, "");
    place.run(&CAUGHT_UP).exits(0);
    // ten more that nobody reads in time
    kafka.send(&topic, 1, events(10..20));
    kafka.set(&topic, &[("retention.ms", "1"), ("segment.ms", "100"), ("file.delete.delay.ms", "1")]);
    let begun = Instant::now();
    while kafka.offsets(&topic, 0).0 < 20 {
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", kafka.offsets(&topic, 0));
        std::thread::sleep(Duration::from_millis(200));
    }
    kafka.set(&topic, &[("retention.ms", "-1")]);
    kafka.send(&topic, 1, events(20..25));
    place.run(&CAUGHT_UP).exits(3).prints("the broker deleted the offsets 10 to 19 before they were read");
    assert_eq!(counted(&place), (15, 10, 0));
    let gap = rows(&place, "SELECT reason, detail FROM rejects");
    assert_eq!((gap.len(), &gap[0]["reason"]), (1, &json!("retention_gap")));
    place.run(&CAUGHT_UP).exits(0);
    // and every close of the month says so
    let closed = place.run(&["close", "--period", "2026-06", "--json"]).exits(3);
    assert!(closed.stdout.contains("retention_gap"), "{}", closed.stdout);
}

#[test]
fn the_first_start_begins_where_it_is_told_and_remembers_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic(2);
    let place = configured(&kafka, &topic, "from = \"latest\"\n");
    // nothing is there yet: that the end was offset 0 is remembered too
    place.run(&CAUGHT_UP).exits(0).prints("begun at offset 0");
    kafka.send(&topic, 2, events(0..10));
    place.run(&CAUGHT_UP).exits(0).prints("10 pod_usage");

    let late = configured(&kafka, &topic, "from = \"latest\"\n");
    late.run(&CAUGHT_UP).exits(0).prints("begun at offset 5");
    kafka.send(&topic, 2, events(10..12));
    late.run(&CAUGHT_UP).exits(0).prints("2 pod_usage");

    let by_time = configured(&kafka, &topic, "from = \"2020-01-01\"\n");
    by_time.run(&CAUGHT_UP).exits(0).prints("begun at offset 0");
    assert_eq!(counted(&by_time), (12, 0, 0));
    let from_future = configured(&kafka, &topic, "from = \"2200-01-01\"\n");
    from_future.run(&CAUGHT_UP).exits(0).prints("begun at offset 6");
}

#[test]
fn a_secured_broker_is_read_by_who_has_the_password_and_tells_others_within_seconds() {
    let Some(kafka) = Kafka::shared() else { return };
    let secured = Kafka::secured();
    let topic = kafka.topic(1);
    kafka.send(&topic, 1, events(0..5));
    let ca = format!("tls = true\nca = \"file:{}\"\n", secured.ca);
    let place_with = |more: &str| {
        let place = place();
        configure(&place, &secured.bootstrap, &topic, more);
        place
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let login = format!(
            "{ca}user = \"{}\"\npassword = \"env:KAFKA_PASSWORD\"\nmechanism = \"{mechanism}\"\n",
            secured.user
        );
        let place = place_with(&login);
        place.run(&CAUGHT_UP).exits(2).says("KAFKA_PASSWORD, which is not set");
        place.run_with(&CAUGHT_UP, &[("KAFKA_PASSWORD", &secured.password)]).exits(0).prints("5 pod_usage");
        let begun = Instant::now();
        place
            .run_with(&CAUGHT_UP, &[("KAFKA_PASSWORD", "wrong")])
            .exits(1)
            .says("refuses the credentials")
            .says("uthentication");
        // a run that would go on for ever ends as well: waiting mends no password
        place
            .run_with(&["ingest", "kafka"], &[("KAFKA_PASSWORD", "wrong")])
            .exits(1)
            .says("refuses the credentials");
        assert!(begun.elapsed() < Duration::from_secs(20), "{mechanism}: {:?}", begun.elapsed());
    }
    // a certificate that nobody vouches for
    let login = format!("tls = true\nuser = \"{}\"\npassword = \"env:P\"\n", secured.user);
    place_with(&login).run_with(&CAUGHT_UP, &[("P", &secured.password)]).exits(1).says("certificate");
}

#[test]
fn nobody_there_a_deleted_topic_and_a_hanging_broker_are_told_within_seconds() {
    let begun = Instant::now();
    let place = place();
    configure(&place, "127.0.0.1:9", "usage", "");
    place.run(&CAUGHT_UP).exits(1).says("no broker of 127.0.0.1:9 answers").says("refused");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());

    let Some(kafka) = Kafka::own() else { return };
    let topic = kafka.topic(1);
    kafka.send(&topic, 1, events(0..10));
    let place = configured(&kafka, &topic, "batch_seconds = 1\n");
    let worker = place.start(&["ingest", "kafka", "--listen", "127.0.0.1:0"]);
    let (address, mut worker) = listening(worker);
    let well = |wanted: bool, within_s: u64, words: &str| {
        let begun = Instant::now();
        loop {
            let answer = get(&address, "/healthz");
            if answer.contains("200 OK") == wanted && answer.contains(words) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(within_s), "{words}: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    while counted(&place).0 < 10 {
        assert!(begun.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(200));
    }
    well(true, 5, "ok");
    kafka.broker("pause");
    well(false, 20, "");
    kafka.broker("cont");
    well(true, 30, "ok");
    kafka.broker("kill");
    well(false, 20, "");
    kafka.broker("up");
    well(true, 60, "ok");
    kafka.send(&topic, 1, events(10..20));
    let begun = Instant::now();
    while counted(&place).0 < 20 {
        assert!(begun.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(200));
    }
    kafka.delete(&topic);
    well(false, 20, "has no topic");
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(counted(&place), (20, 0, 0));
}

#[test]
fn a_kafka_of_an_unknown_cluster_or_none_at_all_is_a_mistake_of_the_configuration() {
    let place = Place::initialised();
    place.run(&["ingest", "kafka"]).exits(2).says("no Kafka topic is configured");
    configure(&place, "127.0.0.1:9", "usage", "");
    place.run(&["ingest", "kafka"]).exits(2).says("names the cluster \"tides\"");
}
