use proptest::prelude::*;

use super::*;

const CADENCE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

fn cadence() -> Cadence {
    Cadence::new(CADENCE_MS)
}

/// A sample a minute, from one minute to another, both included.
fn minutes(from: i64, to: i64, value: impl Fn(i64) -> i64) -> Vec<Sample> {
    (from..=to).map(|minute| Sample { at_ms: minute * CADENCE_MS, value: value(minute) }).collect()
}

fn request(kind: ContainerKind, resource: Resource, samples: Vec<Sample>) -> Request {
    Request { kind, resource, samples }
}

/// One core and 1,000 bytes on node 7 from minute 0 to 20.
fn pod() -> PodSamples {
    PodSamples {
        running: minutes(0, 20, |_| 1),
        node: minutes(0, 20, |_| 7),
        requests: vec![
            request(ContainerKind::Lasting, Resource::Cpu, minutes(0, 20, |_| 1_000_000)),
            request(ContainerKind::Lasting, Resource::Memory, minutes(0, 20, |_| 1_000)),
        ],
        ..PodSamples::default()
    }
}

fn pieces(pod: &PodSamples) -> Vec<PodPiece> {
    pod_pieces(pod, cadence(), 0, HOUR_MS).unwrap()
}

fn total(pieces: &[PodPiece], of: impl Fn(&PodPiece) -> Option<i64>) -> i64 {
    pieces.iter().filter_map(of).sum()
}

fn counted_minutes(pieces: &[PodPiece]) -> i64 {
    pieces.iter().map(|piece| piece.to_ms - piece.from_ms).sum::<i64>() / CADENCE_MS
}

#[test]
fn a_pod_counts_to_a_step_after_its_last_sample_in_rows_of_five_minutes() {
    let pieces = pieces(&pod());
    assert_eq!(
        pieces.iter().map(|p| (p.to_ms - p.from_ms) / CADENCE_MS).collect::<Vec<_>>(),
        [5, 5, 5, 5, 1]
    );
    assert_eq!(total(&pieces, |p| p.cpu_request), 21 * 60_000 * 1_000);
    assert_eq!(total(&pieces, |p| p.memory_request), 21 * 60_000 * 1_000);
    assert!(pieces.iter().all(|p| p.node == 7 && p.quality == Quality::Observed && p.cpu_usage.is_none()));
}

#[test]
fn a_pod_that_ended_stops_at_its_phase_though_its_series_go_on() {
    let ended = PodSamples { running: minutes(0, 20, |minute| i64::from(minute < 8)), ..pod() };
    assert_eq!(counted_minutes(&pieces(&ended)), 8);
}

#[test]
fn pending_never_counts_with_a_node_or_without() {
    let pending = PodSamples { running: minutes(0, 20, |_| 0), ..pod() };
    assert_eq!(pieces(&pending), []);
    let no_node = PodSamples { running: Vec::new(), node: minutes(0, 20, |_| 0), ..pod() };
    assert_eq!(pieces(&no_node), []);
    // and what its init containers use does not make it count
    let busy = PodSamples { memory: vec![minutes(0, 20, |_| 5)], ..pending };
    assert_eq!(pieces(&busy), []);
}

#[test]
fn the_largest_init_container_counts_against_the_sum_of_the_others() {
    let mut plain = pod();
    plain.requests.push(request(ContainerKind::Lasting, Resource::Cpu, minutes(0, 20, |_| 250_000)));
    plain.requests.push(request(ContainerKind::Init, Resource::Cpu, minutes(0, 20, |_| 1_200_000)));
    plain.requests.push(request(ContainerKind::Init, Resource::Memory, minutes(0, 20, |_| 4_000)));
    plain.requests.push(request(ContainerKind::Init, Resource::Memory, minutes(0, 20, |_| 3_000)));
    let pieces = pieces(&plain);
    assert_eq!(total(&pieces, |p| p.cpu_request), 21 * 60_000 * 1_250);
    assert_eq!(total(&pieces, |p| p.memory_request), 21 * 60_000 * 4_000);
}

#[test]
fn a_pod_shorter_than_a_scrape_stands_for_one_step() {
    let short = PodSamples {
        running: minutes(3, 3, |_| 1),
        node: minutes(3, 3, |_| 7),
        requests: vec![request(ContainerKind::Lasting, Resource::Gpu, minutes(3, 3, |_| 1_000_000))],
        ..PodSamples::default()
    };
    let pieces = pieces(&short);
    assert_eq!(pieces.len(), 1);
    assert_eq!((pieces[0].quality, pieces[0].gpu_request), (Quality::SingleSample, Some(60_000 * 1_000)));
    assert_eq!(pieces[0].cpu_request, None, "missing is not zero");
}

/// An instant, told at each of some minutes.
fn told(second: i64, from: i64, to: i64) -> Vec<Sample> {
    minutes(from, to, |_| second * 1_000)
}

#[test]
fn a_pod_counts_from_its_containers_start_to_its_end_where_both_are_told() {
    // The node took it at 2:10, its container started at 2:40, the first scrape came at 3:00; it ended at
    // 8:15, the scrape at 8:00 saw it and the one at 9:00 tells when.
    let known = PodSamples {
        running: minutes(3, 20, |minute| i64::from(minute < 9)),
        node: minutes(3, 20, |_| 7),
        requests: vec![request(ContainerKind::Lasting, Resource::Memory, minutes(3, 20, |_| 1_000))],
        begun: told(130, 3, 20),
        containers_begun: told(160, 3, 20),
        ended: told(495, 9, 20),
        ..PodSamples::default()
    };
    let spans = |pod: &PodSamples| {
        let pieces = pieces(pod);
        assert_eq!(
            total(&pieces, |p| p.memory_request),
            pieces.iter().map(|p| (p.to_ms - p.from_ms) * 1_000).sum::<i64>()
        );
        (pieces[0].from_ms / 1_000, pieces[pieces.len() - 1].to_ms / 1_000)
    };
    assert_eq!(spans(&known), (160, 495));
    // without a container's start that of the pod; without any, the samples
    let unknown = PodSamples { containers_begun: Vec::new(), ..known.clone() };
    assert_eq!(spans(&unknown), (130, 495));
    let samples = PodSamples { begun: Vec::new(), ended: Vec::new(), ..unknown };
    assert_eq!(spans(&samples), (180, 540));
}

#[test]
fn a_start_longer_ago_than_the_gap_says_nothing_about_a_hole() {
    let after_a_hole = PodSamples { begun: told(0, 3, 20), node: minutes(3, 20, |_| 7), ..pod() };
    let after_a_hole = PodSamples { running: minutes(3, 20, |_| 1), ..after_a_hole };
    assert_eq!(pieces(&after_a_hole)[0].from_ms, 180_000);
}

#[test]
fn pending_ends_where_the_container_starts() {
    // a scrape saw it wait at 3:00, its container started at 3:20, the next scrape saw it run
    let waited = PodSamples {
        running: minutes(3, 20, |minute| i64::from(minute > 3)),
        node: minutes(3, 20, |_| 7),
        containers_begun: told(200, 4, 20),
        begun: told(150, 3, 20),
        ..PodSamples::default()
    };
    assert_eq!(pieces(&waited)[0].from_ms, 200_000);
}

#[test]
fn a_pod_that_no_scrape_saw_run_counts_from_start_to_end() {
    let between = PodSamples {
        running: minutes(3, 20, |_| 0),
        node: minutes(3, 20, |_| 7),
        requests: vec![request(ContainerKind::Lasting, Resource::Cpu, minutes(3, 20, |_| 1_000_000))],
        begun: told(130, 3, 20),
        ended: told(155, 3, 20),
        ..PodSamples::default()
    };
    let pieces = pieces(&between);
    assert_eq!(pieces.len(), 1);
    let piece = pieces[0];
    assert_eq!((piece.from_ms, piece.to_ms, piece.node), (130_000, 155_000, 7));
    assert_eq!((piece.cpu_request, piece.quality), (Some(25_000 * 1_000), Quality::SingleSample));
}

#[test]
fn a_counter_counts_from_the_start_of_its_container() {
    let used = PodSamples {
        cpu: vec![CpuCounters {
            runs: vec![vec![minutes(3, 20, |minute| 40_000_000 + (minute - 3) * 60_000_000)]],
            begun: told(140, 3, 20),
            ..CpuCounters::default()
        }],
        containers_begun: told(140, 3, 20),
        running: minutes(3, 20, |_| 1),
        node: minutes(3, 20, |_| 7),
        ..PodSamples::default()
    };
    let pieces = pieces(&used);
    assert_eq!((pieces[0].from_ms, pieces[0].cpu_usage), (140_000, Some(160_000_000)));
    assert_eq!(total(&pieces, |p| p.cpu_usage), 40_000_000 + 17 * 60_000_000);
    assert!(pieces.iter().all(|p| p.quality == Quality::Observed), "a start is no reset");
}

#[test]
fn a_restart_keeps_what_was_used_and_a_second_job_adds_nothing() {
    // 0.5 cores; the counter falls at minute 10; another job tells the same, and one has more to say
    let counter = minutes(0, 20, |minute| (minute % 10) * 30_000_000);
    let run = vec![counter.clone(), counter.clone()];
    let used = PodSamples {
        cpu: vec![CpuCounters {
            runs: vec![run],
            others: vec![minutes(0, 20, |minute| minute * 30_000_000)],
            begun: Vec::new(),
        }],
        memory: vec![minutes(0, 20, |_| 10), minutes(0, 20, |_| 1)],
        ..pod()
    };
    let pieces = pieces(&used);
    // two resets counted from zero, at minutes 10 and 20
    assert_eq!(total(&pieces, |p| p.cpu_usage), 18 * 30_000_000);
    let reset: Vec<bool> = pieces.iter().map(|p| p.quality == Quality::Reset).collect();
    assert_eq!(reset, [false, true, false, true, false]);
    assert_eq!(total(&pieces, |p| p.memory_usage), 21 * 60_000 * 11);
    assert_eq!(pieces[4].cpu_usage, None, "no counter was seen after minute 20");
}

#[test]
fn usage_counts_where_nothing_else_tells_of_the_pod() {
    let known = PodSamples {
        running: minutes(0, 5, |_| 1),
        node: minutes(0, 5, |_| 7),
        memory: vec![minutes(0, 11, |_| 10)],
        usage_node: 9,
        ..PodSamples::default()
    };
    let told: Vec<_> = pieces(&known).iter().map(|p| (p.from_ms / 1_000, p.to_ms / 1_000, p.node)).collect();
    // within two and a half minutes of the last sample that tells, usage proves nothing
    assert_eq!(told, [(0, 300, 7), (300, 360, 7), (450, 600, 9), (600, 720, 9)]);
}

#[test]
fn a_quantity_past_64_bits_is_an_error() {
    let huge = PodSamples {
        requests: vec![request(ContainerKind::Lasting, Resource::Memory, minutes(0, 20, |_| i64::MAX / 2))],
        ..pod()
    };
    let error = pod_pieces(&huge, cadence(), 0, HOUR_MS).unwrap_err();
    assert!(error.to_string().contains("memory request"), "{error}");
}

/// Samples at any time with small gaps, some large ones, and values that fall now and then.
fn any_samples(values: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Sample>> {
    let gap = prop_oneof![9 => 1_000_i64..150_000, 1 => 150_000_i64..2_000_000];
    prop::collection::vec((gap, values), 0..60).prop_map(|gaps| {
        let mut at_ms = 0;
        let sample = |(gap, value)| {
            at_ms += gap;
            Sample { at_ms, value }
        };
        gaps.into_iter().map(sample).collect()
    })
}

fn any_pod() -> impl Strategy<Value = PodSamples> {
    let kind = prop_oneof![Just(ContainerKind::Lasting), Just(ContainerKind::Init)];
    let resource = prop_oneof![Just(Resource::Cpu), Just(Resource::Memory), Just(Resource::Gpu)];
    let request = (kind, resource, any_samples(0..5_000_000)).prop_map(|(kind, resource, samples)| Request {
        kind,
        resource,
        samples,
    });
    let run = prop::collection::vec(any_samples(0..9_000_000_000), 1..3);
    let cpu = (
        prop::collection::vec(run, 0..3),
        prop::collection::vec(any_samples(0..9_000_000_000), 0..2),
        any_instants(),
    );
    let cpu = cpu.prop_map(|(runs, others, begun)| CpuCounters { runs, others, begun });
    let told = (any_samples(0..2), any_samples(0..3), prop::collection::vec(request, 0..4));
    let usage =
        (prop::collection::vec(cpu, 0..3), prop::collection::vec(any_samples(0..1_000_000_000), 0..3));
    (told, usage, any_instants(), any_instants(), any_instants(), any::<bool>()).prop_map(
        |((running, node, requests), (cpu, memory), containers_begun, begun, ended, together)| {
            // One exporter tells all at the same instants, and two do not.
            let at_once = |samples: Vec<Sample>| -> Vec<Sample> {
                let same = |(sample, at): (Sample, &Sample)| Sample { at_ms: at.at_ms, ..sample };
                if together { samples.into_iter().zip(&running).map(same).collect() } else { samples }
            };
            // An instant stays as far before the sample that tells it.
            let told_at_once = |samples: Vec<Sample>| -> Vec<Sample> {
                let same = |(told, at): (Sample, &Sample)| Sample {
                    at_ms: at.at_ms,
                    value: at.at_ms - (told.at_ms - told.value),
                };
                if together { samples.into_iter().zip(&running).map(same).collect() } else { samples }
            };
            PodSamples {
                node: at_once(node),
                requests: requests
                    .into_iter()
                    .map(|request| Request { samples: at_once(request.samples), ..request })
                    .collect(),
                containers_begun: told_at_once(containers_begun),
                begun: told_at_once(begun),
                ended: told_at_once(ended),
                running,
                cpu,
                memory,
                usage_node: 9,
            }
        },
    )
}

/// Instants that are told, most of them soon after, some before they come.
fn any_instants() -> impl Strategy<Value = Vec<Sample>> {
    let before = prop_oneof![9 => 0_i64..160_000, 1 => -70_000_i64..2_000_000];
    (any_samples(0..1), prop::collection::vec(before, 60)).prop_map(|(samples, before)| {
        let told = |(sample, before): (Sample, i64)| Sample { value: sample.at_ms - before, ..sample };
        samples.into_iter().zip(before).map(told).collect()
    })
}

/// What a reader of one window gets to see.
fn seen(pod: &PodSamples, from_ms: i64, to_ms: i64) -> PodSamples {
    let margin = cadence().margin_ms();
    let cut = |samples: &Vec<Sample>| -> Vec<Sample> {
        let inside = |sample: &&Sample| {
            from_ms - margin < sample.at_ms && sample.at_ms <= to_ms + cadence().max_gap_ms()
        };
        samples.iter().filter(inside).copied().collect()
    };
    PodSamples {
        running: cut(&pod.running),
        node: cut(&pod.node),
        requests: pod.requests.iter().map(|r| Request { samples: cut(&r.samples), ..r.clone() }).collect(),
        cpu: pod
            .cpu
            .iter()
            .map(|counters| CpuCounters {
                runs: counters.runs.iter().map(|run| run.iter().map(cut).collect()).collect(),
                others: counters.others.iter().map(cut).collect(),
                begun: cut(&counters.begun),
            })
            .collect(),
        memory: pod.memory.iter().map(cut).collect(),
        usage_node: pod.usage_node,
        containers_begun: cut(&pod.containers_begun),
        begun: cut(&pod.begun),
        ended: cut(&pod.ended),
    }
}

proptest! {
    #[test]
    fn l3_any_tiling_of_windows_gives_the_same_rows(pod in any_pod(), cuts in prop::collection::vec(1_i64..40, 0..12)) {
        let (start, end) = (0, 40 * CELL_MS);
        let whole = pod_pieces(&pod, cadence(), start, end).unwrap();
        let mut cuts: Vec<i64> = cuts.into_iter().map(|cell| cell * CELL_MS).chain([start, end]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let tiles: Vec<PodPiece> = cuts
            .windows(2)
            .flat_map(|w| pod_pieces(&seen(&pod, w[0], w[1]), cadence(), w[0], w[1]).unwrap())
            .collect();
        prop_assert_eq!(whole, tiles);
    }

    #[test]
    fn pieces_are_in_order_apart_and_within_their_cells(pod in any_pod()) {
        let pieces = pod_pieces(&pod, cadence(), 0, 40 * CELL_MS).unwrap();
        for piece in &pieces {
            prop_assert!(piece.from_ms < piece.to_ms);
            prop_assert_eq!(cell_of(piece.from_ms), cell_of(piece.to_ms - 1));
        }
        for pair in pieces.windows(2) {
            prop_assert!(pair[0].to_ms <= pair[1].from_ms);
        }
    }

    #[test]
    fn l3_what_a_counter_counted_is_in_the_rows(samples in any_samples(0..9_000_000_000)) {
        let expected: i64 = counted(&samples, cadence()).iter().map(|part| part.amount).sum();
        let cpu = vec![CpuCounters { runs: vec![vec![samples]], ..CpuCounters::default() }];
        let pod = PodSamples { cpu, usage_node: 9, ..PodSamples::default() };
        let pieces = pod_pieces(&pod, cadence(), 0, 500 * CELL_MS).unwrap();
        prop_assert_eq!(total(&pieces, |p| p.cpu_usage), expected);
    }
}
