//! `prometheus_day_seconds`: a day of one cluster of 200 pods from a Prometheus beside us, to committed rows.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::figure::{Failed, Figure, Goal, median, runs, seconds};
use crate::place::variable;
use crate::run::{Ran, hubtally, measured};

const PODS: usize = 200;
const NODES: usize = 10;
const MINUTES: i64 = 24 * 60;
/// 2026-06-01T00:00:00Z.
const START: i64 = 1_780_272_000;

/// By remote read and by queries in turn; both must give the same number of rows.
pub fn measure() -> Result<Vec<Figure>, Failed> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/prometheus.sh");
    let root = variable("HUBTALLY_BENCH").map_or_else(std::env::temp_dir, PathBuf::from).join("prometheus");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root)?;
    let text = root.join("day.openmetrics");
    let samples = write_day(&text)?;
    let server = Server::start(&script, &root, &text)?;
    fs::remove_file(&text)?;
    let (mut remote, mut queries, mut peak_bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..runs() {
        let ours = read_day(&root, &server.url, "remote-read")?;
        let theirs = read_day(&root, &server.url, "query")?;
        if rows_of(&ours.stdout) != rows_of(&theirs.stdout) {
            return Err(format!("other rows by queries:\n{}\n{}", ours.stdout, theirs.stdout).into());
        }
        peak_bytes = peak_bytes.max(ours.peak_bytes);
        remote.push(ours.seconds);
        queries.push(theirs.seconds);
    }
    let (remote, queries) = (median(remote), median(queries));
    Ok(vec![Figure {
        name: "prometheus_day_seconds",
        value: remote,
        goal: Goal::AtMost(60.0),
        ours: seconds(remote),
        peer: format!("{} by queries", seconds(queries)),
        notes: vec![("samples", samples.to_string()), ("MiB", (peak_bytes >> 20).to_string())],
    }])
}

/// Reads the day into a new store.
fn read_day(root: &Path, url: &str, transport: &str) -> Result<Ran, Failed> {
    let folder = root.join(transport);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let store = folder.join("store");
    measured(hubtally(&folder, &store, &["init"]))?;
    let registry = "[organisation]\nname = \"Hubs\"\n[[cluster]]\nid = \"tides\"\nprovider = \"aws\"\n";
    fs::write(folder.join("registry.toml"), registry)?;
    let config = folder.join("hubtally.toml");
    let section = format!(
        "\n[[prometheus]]\ncluster = \"tides\"\nurl = \"{url}\"\nfrom = \"2026-06-01\"\ntransport = \"{transport}\"\n"
    );
    fs::write(&config, fs::read_to_string(&config)? + &section)?;
    measured(hubtally(&folder, &store, &["ingest", "prometheus", "--until", "2026-06-02"]))
}

/// What a run says of rows, without the folder's name and what came over the wire.
fn rows_of(stdout: &str) -> Vec<&str> {
    stdout.lines().filter(|line| line.contains("pod_usage") || line.contains("node_usage")).collect()
}

/// A server that stops when it is dropped.
struct Server {
    script: PathBuf,
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start(script: &Path, root: &Path, text: &Path) -> Result<Self, Failed> {
        let folder = root.join("server");
        let run = |arguments: &[&std::ffi::OsStr]| -> Result<String, Failed> {
            let ended = Command::new(script).args(arguments).output()?;
            if !ended.status.success() {
                return Err(String::from_utf8_lossy(&ended.stderr).into_owned().into());
            }
            Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
        };
        run(&["fetch".as_ref()])?;
        run(&["import".as_ref(), folder.as_ref(), text.as_ref()])?;
        let url = run(&["start".as_ref(), folder.as_ref()])?;
        Ok(Self { script: script.to_owned(), folder, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(&self.folder).status();
    }
}

/// Writes what kube-state-metrics and kubelets tell of the day, a sample a minute; gives how many samples.
fn write_day(path: &Path) -> Result<u64, Failed> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut samples = 0;
    let mut series =
        |out: &mut BufWriter<File>, text: &str, value: &dyn Fn(i64) -> String| -> Result<(), Failed> {
            for minute in 0..MINUTES {
                writeln!(out, "{text} {} {}", value(minute), START + minute * 60 + 7)?;
                samples += 1;
            }
            Ok(())
        };
    let constant = |value: &str| {
        let value = value.to_owned();
        move |_: i64| value.clone()
    };
    for pod in 0..PODS {
        let node = format!("ip-10-0-1-{}.us-west-2.compute.internal", pod % NODES);
        let uid = format!("{pod:08x}-af82-423b-ab1e-9f595d4b7f61");
        let of = format!(
            "instance=\"10.1.0.29:8080\",namespace=\"prod\",pod=\"jupyter-user-{pod}\",uid=\"{uid}\""
        );
        let on = format!("{of},node=\"{node}\"");
        let container = format!("{on},container=\"notebook\"");
        let started = START - 600;
        for (text, value) in [
            (format!("kube_pod_status_phase{{{of},phase=\"Running\"}}"), "1"),
            (format!("kube_pod_status_phase{{{of},phase=\"Unknown\"}}"), "0"),
            (format!("kube_pod_info{{{on}}}"), "1"),
            (format!("kube_pod_container_resource_requests{{{container},resource=\"cpu\"}}"), "0.5"),
            (
                format!("kube_pod_container_resource_requests{{{container},resource=\"memory\"}}"),
                "2147483648",
            ),
            (format!("kube_pod_labels{{{of},label_component=\"singleuser-server\"}}"), "1"),
            (format!("kube_pod_annotations{{{of},annotation_hub_jupyter_org_username=\"user-{pod}\"}}"), "1"),
            (
                format!(
                    "kube_pod_container_info{{{container},image_spec=\"images.example/pangeo:2026.06\"}}"
                ),
                "1",
            ),
            (format!("kube_pod_start_time{{{of}}}"), &started.to_string()),
            (
                format!("kube_pod_container_state_started{{{of},container=\"notebook\"}}"),
                &started.to_string(),
            ),
        ] {
            series(&mut out, &text, &constant(value))?;
        }
        let path = uid.replace('-', "_");
        let used = format!(
            "instance=\"{node}\",namespace=\"prod\",pod=\"jupyter-user-{pod}\",container=\"notebook\",id=\"/kubepods.slice/kubepods-pod{path}.slice/c.scope\""
        );
        let seed = i64::try_from(pod)?;
        series(&mut out, &format!("container_cpu_usage_seconds_total{{{used}}}"), &|minute| {
            let micro = minute * 17_483_911 + (minute * seed * 7_919) % 9_000_000;
            format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
        })?;
        series(&mut out, &format!("container_memory_working_set_bytes{{{used}}}"), &|minute| {
            format!("{}", 400_000_000 + (minute * seed * 104_729) % 300_000_000 / 4_096 * 4_096)
        })?;
        series(
            &mut out,
            &format!("container_start_time_seconds{{{used}}}"),
            &constant(&started.to_string()),
        )?;
    }
    for node in 0..NODES {
        let of = format!("node=\"ip-10-0-1-{node}.us-west-2.compute.internal\"");
        for (text, value) in [
            (format!("kube_node_info{{{of},provider_id=\"aws:///us-west-2a/i-{node:017x}\"}}"), "1"),
            (format!("kube_node_labels{{{of},label_hub_jupyter_org_node_purpose=\"user\"}}"), "1"),
            (format!("kube_node_status_capacity{{{of},resource=\"cpu\"}}"), "16"),
            (format!("kube_node_status_capacity{{{of},resource=\"memory\"}}"), "137438953472"),
            (format!("kube_node_status_allocatable{{{of},resource=\"cpu\"}}"), "15.5"),
            (format!("kube_node_status_allocatable{{{of},resource=\"memory\"}}"), "130000000000"),
        ] {
            series(&mut out, &text, &constant(value))?;
        }
    }
    writeln!(out, "# EOF")?;
    out.flush()?;
    Ok(samples)
}
