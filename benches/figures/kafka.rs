//! `kafka_vs_decode`, `kafka_memory_mib`: messages of a topic to committed Parquet by one worker on one core, beside
//! a consumer of the same build that decodes each message into the borrowed event and throws it away.
//!
//! Broker and worker have a core each, so that neither waits for the other's turn.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hubtally_ingest::events::{Judgement, Read, Record, read_record};
use hubtally_schemas::Instant as At;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;

use crate::figure::{Failed, Figure, Goal, median, runs};
use crate::place::{root, variable};
use crate::run::{hubtally, measured};

/// The argument that makes this program the peer: brokers, topic and `decode` or `bare` follow.
pub const PEER: &str = "--kafka-peer";
const TOPIC: &str = "usage";
const PARTITIONS: i32 = 4;
/// Later than every event.
const NOW: &str = "2026-07-01T00:00:00Z";
const SOON: Duration = Duration::from_mins(1);

const REGISTRY: &str = "[organisation]\nname = \"Hubs\"\n[[cluster]]\nid = \"tides\"\nprovider = \"aws\"\naccount = \"1111\"\n\
                        [[account]]\nid = \"1111\"\nprovider = \"aws\"\n[[account.owner]]\nowner = \"organisation\"\n";

/// How many messages are read in one run.
fn messages() -> u64 {
    variable("HUBTALLY_BENCH_MESSAGES").and_then(|count| count.parse().ok()).unwrap_or(3_000_000)
}

/// Ours and the peer's in turn, each on the first core alone; the broker on the second.
pub fn measure() -> Result<Vec<Figure>, Failed> {
    let folder = root()?.join("kafka");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let broker = Broker::start(&folder.join("broker"))?;
    let bytes = fill(&broker.bootstrap)?;
    configure(&folder, &broker.bootstrap)?;
    let (mut ours, mut decode, mut bare, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..runs() {
        let (seconds, bytes) = ingest(&folder)?;
        ours.push(per_second(seconds));
        peak = peak.max(bytes);
        decode.push(per_second(peer(&broker.bootstrap, "decode")?));
        bare.push(per_second(peer(&broker.bootstrap, "bare")?));
    }
    let (ours, decode, bare) = (median(ours), median(decode), median(bare));
    let memory = mib(peak);
    let told = |rate: f64| format!("{rate:.0}/s");
    Ok(vec![
        Figure {
            name: "kafka_vs_decode",
            value: ours / decode,
            goal: Goal::AtLeast(0.5),
            ours: told(ours),
            peer: told(decode),
            notes: vec![
                ("bare_consumer", told(bare)),
                ("of_bare", format!("{:.2}", ours / bare)),
                ("bytes_a_message", (bytes / messages()).to_string()),
            ],
        },
        Figure {
            name: "kafka_memory_mib",
            value: memory,
            goal: Goal::AtMost(512.0),
            ours: format!("{memory:.0}MiB"),
            peer: "-".to_owned(),
            notes: vec![("backlog_mib", format!("{:.0}", mib(bytes)))],
        },
    ])
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(seconds: f64) -> f64 {
    messages() as f64 / seconds
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1_u32 << 20)
}

/// A broker on the second core, stopped when the measuring ends.
struct Broker {
    script: PathBuf,
    folder: PathBuf,
    bootstrap: String,
}

impl Broker {
    fn start(folder: &Path) -> Result<Self, Failed> {
        let script = variable("HUBTALLY_TEST_KAFKA_SCRIPT")
            .ok_or("HUBTALLY_TEST_KAFKA_SCRIPT says which script starts a Kafka: make bench sets it")?;
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "1", &script, "start"]).arg(folder);
        let output = command.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let bootstrap = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self { script: script.into(), folder: folder.to_owned(), bootstrap })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(&self.folder).status();
    }
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// Makes the topic and fills it with events of about 300 bytes; gives their bytes.
fn fill(bootstrap: &str) -> Result<u64, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(1));
    for made in runtime.block_on(admin.create_topics(&[topic], &AdminOptions::new()))? {
        made.map_err(|(topic, code)| format!("{topic} cannot be made: {code}"))?;
    }
    let producer: BaseProducer = config(bootstrap)
        .set("linger.ms", "20")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "200000")
        .create()?;
    let (mut event, mut bytes) = (String::new(), 0);
    for (n, partition) in (0..messages()).zip((0..PARTITIONS).cycle()) {
        event.clear();
        let (day, hour) = (1 + n % 28, n / 28 % 24);
        write!(
            event,
            "{{\"specversion\":\"1.0\",\"id\":\"event-{n:08}\",\"source\":\"/clusters/tides\",\"type\":\"hubtally.pod.v1\",\"data\":{{\
             \"pod_uid\":\"uid-{n:08}\",\"namespace\":\"prod\",\"pod\":\"jupyter-{}\",\"user\":\"user-{}\",\"role\":\"singleuser\",\
             \"start\":\"2026-06-{day:02}T{hour:02}:00:00Z\",\"end\":\"2026-06-{day:02}T{hour:02}:05:00Z\",\
             \"cpu_request_millicore_ms\":3600000}}}}",
            n % 500,
            n % 500,
        )?;
        bytes += event.len() as u64;
        let mut record: BaseRecord<'_, (), String> =
            BaseRecord::to(TOPIC).partition(partition).payload(&event);
        while let Err((error, again)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(10));
            record = again;
        }
        if n % 10_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(SOON)?;
    Ok(bytes)
}

fn configure(folder: &Path, bootstrap: &str) -> Result<(), Failed> {
    measured(hubtally(folder, &folder.join("store"), &["init"]))?;
    std::fs::write(folder.join("registry.toml"), REGISTRY)?;
    let file = folder.join("hubtally.toml");
    let section = format!(
        "\n[[kafka]]\nbrokers = \"{bootstrap}\"\ntopics = [\"{TOPIC}\"]\nclusters = [\"tides\"]\nfrom = \"earliest\"\n"
    );
    std::fs::write(&file, std::fs::read_to_string(&file)? + &section)?;
    Ok(())
}

/// Seconds and peak memory of one ingest into an empty store, from the start of the process to its end.
fn ingest(folder: &Path) -> Result<(f64, u64), Failed> {
    let store = folder.join("copy");
    let _ = std::fs::remove_dir_all(&store);
    measured(hubtally(folder, &store, &["init", "--keep"]))?;
    let whole = hubtally(folder, &store, &["ingest", "kafka", "--until-caught-up", "--json"]);
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(whole.get_program()).args(whole.get_args());
    command.current_dir(folder).env("HUBTALLY_STORE", &store);
    let ran = measured(command)?;
    let read: Value = serde_json::from_str(&ran.stdout)?;
    let topic = &read["topics"][0];
    if topic["rows"]["pod_usage"].as_u64() != Some(messages()) {
        return Err(format!("{} messages went in, and this came: {topic}", messages()).into());
    }
    Ok((ran.seconds, ran.peak_bytes))
}

/// Seconds of the peer, as it tells them.
fn peer(bootstrap: &str, mode: &str) -> Result<f64, Failed> {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(std::env::current_exe()?).args([PEER, bootstrap, TOPIC, mode]);
    Ok(measured(command)?.stdout.trim().parse()?)
}

/// The peer: reads the topic, decodes each message, or does not, and prints the seconds.
pub fn be_peer(arguments: &[String]) -> Result<(), Failed> {
    let [bootstrap, topic, mode] = arguments else { return Err("brokers, topic and mode".into()) };
    let begun = Instant::now();
    let judgement = Judgement { now: At::parse(NOW).map_err(|error| error.to_string())?, clusters: None };
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", "peer")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let mut read = 0;
    while read < messages() {
        let Some(message) = consumer.poll(SOON) else { return Err("nothing comes".into()) };
        let message = message?;
        let value = message.payload().unwrap_or_default();
        if mode == "decode" && !matches!(read_record(Record::whole(value), false, &judgement), Read::Event(_))
        {
            return Err(format!("no event at {}", message.offset()).into());
        }
        read += 1;
    }
    println!("{}", begun.elapsed().as_secs_f64());
    // Leaving the group takes its time, which is none of the reading's.
    std::process::exit(0);
}
