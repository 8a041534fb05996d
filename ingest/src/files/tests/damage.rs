//! Law L10: what cannot be used is told, kept, and stops nobody.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chrono::NaiveDate;
use hubtally_schemas::tables::{POD_USAGE, REJECTS};
use hubtally_store::{SealLimits, seal};

use super::*;
use crate::error::IngestError;
use crate::files::inputs::{Input, Place};
use crate::files::raw::{RawBytes, identify};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_file_is_read_as_far_as_it_goes_and_the_whole_one_doubles_nothing() {
    let bench = Bench::new();
    let (store, clean) = (bench.store("store").await, bench.store("clean").await);
    let text: Vec<String> = (0..400)
        .map(|n| {
            event(
                "pod",
                &[("/id", json!(format!("event-{n}"))), ("/data/pod_uid", json!(format!("pod-{n}")))],
            )
        })
        .collect();
    let day = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
    let limits = SealLimits::default();
    for (name, packed) in [
        ("a.ndjson.gz", gzip(text.join("\n").as_bytes())),
        ("b.ndjson.zst", zstd::encode_all(text.join("\n").as_bytes(), 1).unwrap()),
    ] {
        let cut = bench.write(&format!("cut/{name}"), &packed[..packed.len() - 20]);
        let report = ingest(&store, &[&cut], &options()).await;
        let file = &report.files[0];
        assert!(file.truncated.as_ref().unwrap().contains("cut off or damaged"), "{file:?}");
        let refusals = &file.counts.rejects["truncated_stream"];
        assert_eq!(refusals.count, 1);
        assert!(refusals.advice.contains("fetch the file again"));
        assert!(refusals.examples[0].origin.ends_with(&format!(":{}", file.counts.records)));
        let again = ingest(&store, &[&cut], &options()).await;
        assert_eq!(again.files[0].already_read, file.counts.records);
        assert!(again.files[0].truncated.is_some(), "said again");

        let whole = bench.write(&format!("whole/{name}"), &packed);
        let report = ingest(&store, &[&whole], &options()).await;
        assert!(report.is_clean(), "{report:?}");
        ingest(&clean, &[&whole], &options()).await;
    }
    seal(&store, &POD_USAGE, day, &limits).await.unwrap();
    seal(&clean, &POD_USAGE, day, &limits).await.unwrap();
    assert_eq!(rows(&store, &POD_USAGE).await.len(), 400);
    assert_eq!(rows(&clean, &POD_USAGE).await.len(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_lines_are_kept_encrypted_and_the_others_are_read() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let mut text = b"\xef\xbb\xbf".to_vec();
    text.extend(event("pod", &[]).as_bytes());
    text.extend(b"\r\n{\"id\": \"\xff\"}\n");
    text.extend(std::iter::repeat_n(b'x', 10_000_000));
    text.extend(b"\n\n");
    text.extend(event("node", &[]).as_bytes());
    let file = bench.write("a.ndjson.gz", gzip(&text));
    let report = ingest(&store, &[&file], &options()).await;
    let counts = &report.total.counts;
    assert_eq!((counts.records, counts.blank, counts.rejected()), (5, 1, 2));
    assert_eq!((counts.rows["pod_usage"], counts.rows["node_usage"]), (1, 1));
    assert!(counts.rejects["too_long"].examples[0].origin.ends_with("a.ndjson.gz:3"));

    let rejects = store.table(&REJECTS).await.unwrap();
    let batches: Vec<RecordBatch> = rejects.read(&[], None).await.unwrap().try_collect().await.unwrap();
    let mut kept = Vec::new();
    for batch in &batches {
        use arrow::array::AsArray;
        for text in batch.column_by_name("bytes_encrypted").unwrap().as_string::<i32>().iter().flatten() {
            kept.push(store.keys().decrypt_reject(text).unwrap());
        }
    }
    kept.sort();
    assert_eq!(kept[0], vec![b'x'; 64 << 10]);
    assert_eq!(kept[1], b"{\"id\": \"\xff\"}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let good = bench.write("b.ndjson", event("pod", &[]));
    bench.write("in/notes.txt", "no events");
    let (missing, folder) =
        (bench.path("none.ndjson").display().to_string(), bench.path("in").display().to_string());
    let strange = "s4://bucket/x".to_owned();
    let report = ingest(&store, &[&missing, &strange, &good, &folder], &options()).await;
    assert_eq!((report.total.counts.records, report.errors.len(), report.ignored.len()), (1, 2, 1));
    assert!(report.errors[0].message.contains("check the name"), "{}", report.errors[0].message);
    assert!(report.errors[1].message.contains("s3://bucket/path"), "{}", report.errors[1].message);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["total"]["rows"]["pod_usage"], 1);
    assert_eq!(json["files"][0]["packing"], "plain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_file_and_a_second_cluster_are_no_fault() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let (empty, blank) = (bench.write("a.ndjson", ""), bench.write("b.ndjson", "\n\n"));
    let other = bench.write("c.ndjson", event("pod", &[("/source", json!("/clusters/anything"))]));
    let report = ingest(&store, &[&empty, &blank, &other], &options()).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.total.files, report.total.counts.blank), (3, 2));
    let again = ingest(&store, &[&empty, &blank], &options()).await;
    assert_eq!((again.total.counts.records, again.total.already_read), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_written_anew_between_the_passes_is_noticed_and_a_growing_one_is_read_so_far() {
    let bench = Bench::new();
    let name = bench.write("a.ndjson", "0123456789");
    let input = Input { name: name.clone(), place: Place::Local(name.clone().into()), is_named: true };
    let identity = identify(&input, &[], &Silent).await.unwrap();
    let second_pass = || {
        let raw = RawBytes::open(&input, &identity, Arc::new(AtomicU64::new(0))).unwrap();
        raw.check(&input, &identity)
    };
    second_pass().unwrap();
    bench.write("a.ndjson", "0123456789 and more");
    second_pass().unwrap();
    for changed in ["x123456789", "0123"] {
        bench.write("a.ndjson", changed);
        let error = second_pass().unwrap_err();
        assert!(matches!(error, IngestError::FileChanged { .. }), "{error}");
        assert!(error.to_string().contains("wait until its writer is done"));
    }
}
