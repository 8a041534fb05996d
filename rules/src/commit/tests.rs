//! L2 in a small model: workers that crash at every step, races and lost replies on a store that
//! compares and swaps. Whatever happens, each table holds each of its records once, in order.

use std::collections::{HashSet, VecDeque};

use proptest::prelude::*;

use super::*;

#[test]
fn a_batch_is_new_half_new_done_or_a_rivals() {
    assert_eq!(decide(None, 0, 5), Decision::Commit { drop_below: 0 });
    assert_eq!(decide(Some(3), 0, 5), Decision::Commit { drop_below: 3 });
    assert_eq!(decide(Some(5), 0, 5), Decision::AlreadyDone);
    assert_eq!(decide(Some(9), 0, 5), Decision::AlreadyDone);
    assert_eq!(decide(Some(3), 4, 5), Decision::Rival);
    assert_eq!(decide(None, 4, 5), Decision::Rival);
    assert_eq!(decide(None, 0, 0), Decision::Commit { drop_below: 0 }, "where a source begins is noted");
    assert_eq!(decide(Some(0), 0, 0), Decision::AlreadyDone);
    assert_eq!(after_conflict(Some(5), 5), Decision::AlreadyDone);
    assert_eq!(after_conflict(Some(4), 5), Decision::Rival);
    assert_eq!(after_conflict(None, 5), Decision::Rival);
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Table {
    position: Option<i64>,
    /// Versions only grow; a commit built on an older one conflicts when the position moved since.
    moved: u32,
    rows: Vec<i64>,
}

/// Where a worker stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Worker {
    Down,
    /// Holds a batch and has read the table that is next; the snapshot's `moved` is kept.
    Ready {
        from: i64,
        to: i64,
        table: usize,
        snapshot: (Option<i64>, u32),
    },
    /// Asked the store and does not know what happened.
    Unsure {
        from: i64,
        to: i64,
        table: usize,
    },
}

/// What the world does at one step of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Event {
    /// The worker goes on, taking `size` records when it starts a batch.
    Go {
        size: i64,
    },
    /// As `Go`, but the reply of a commit is lost.
    LoseReply,
    /// The commit is refused though nothing was stored.
    FalseConflict,
    Crash,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    tables: Vec<Table>,
    workers: Vec<Worker>,
    records: i64,
}

/// Every table takes each record that its number divides, so batches differ between tables.
fn belongs(record: i64, table: usize) -> bool {
    table == 0 || record % i64::try_from(table + 1).unwrap() == 0
}

impl World {
    fn new(workers: usize, tables: usize, records: i64) -> Self {
        Self { tables: vec![Table::default(); tables], workers: vec![Worker::Down; workers], records }
    }

    fn snapshot(&self, table: usize) -> (Option<i64>, u32) {
        (self.tables[table].position, self.tables[table].moved)
    }

    fn open(&self, size: i64) -> Worker {
        let from = self.tables.iter().map(|t| t.position.unwrap_or(0)).min().unwrap_or(0);
        if from >= self.records {
            return Worker::Down;
        }
        let to = (from + size).min(self.records);
        Worker::Ready { from, to, table: 0, snapshot: self.snapshot(0) }
    }

    fn next_table(&self, from: i64, to: i64, table: usize) -> Worker {
        if table + 1 < self.tables.len() {
            Worker::Ready { from, to, table: table + 1, snapshot: self.snapshot(table + 1) }
        } else {
            Worker::Down
        }
    }

    /// The store: stores when nothing moved the position since the snapshot.
    fn try_commit(&mut self, table: usize, snapshot: u32, drop_below: i64, to: i64) -> bool {
        let stored = &mut self.tables[table];
        if stored.moved != snapshot {
            return false;
        }
        stored.rows.extend((drop_below + 1..=to).filter(|record| belongs(*record, table)));
        stored.position = Some(to);
        stored.moved += 1;
        true
    }

    fn step(&mut self, worker: usize, event: Event) {
        if event == Event::Crash {
            self.workers[worker] = Worker::Down;
            return;
        }
        let next = match self.workers[worker].clone() {
            Worker::Down => match event {
                Event::Go { size } => self.open(size),
                _ => Worker::Down,
            },
            Worker::Ready { from, to, table, snapshot: (position, moved) } => {
                match decide(position, from, to) {
                    Decision::Rival => Worker::Down,
                    Decision::AlreadyDone => self.next_table(from, to, table),
                    Decision::Commit { drop_below } => {
                        let told = event != Event::FalseConflict
                            && self.try_commit(table, moved, drop_below, to)
                            && event != Event::LoseReply;
                        if told {
                            self.next_table(from, to, table)
                        } else {
                            Worker::Unsure { from, to, table }
                        }
                    }
                }
            }
            Worker::Unsure { from, to, table } => match after_conflict(self.tables[table].position, to) {
                Decision::AlreadyDone => self.next_table(from, to, table),
                Decision::Rival | Decision::Commit { .. } => Worker::Down,
            },
        };
        self.workers[worker] = next;
    }

    /// Each table holds exactly its records up to its position, once, in order.
    fn holds(&self) -> bool {
        self.tables.iter().enumerate().all(|(number, table)| {
            let taken = table.position.unwrap_or(0);
            table.rows == (1..=taken).filter(|record| belongs(*record, number)).collect::<Vec<_>>()
        })
    }

    /// Left alone, any one worker brings the source to its end.
    fn finishes(mut self) -> bool {
        for _ in 0..100 {
            self.step(0, Event::Go { size: 2 });
        }
        self.holds() && self.tables.iter().all(|table| table.position == Some(self.records))
    }
}

#[test]
fn l2_every_interleaving_of_two_workers_neither_loses_nor_doubles() {
    let events =
        [Event::Go { size: 1 }, Event::Go { size: 2 }, Event::LoseReply, Event::FalseConflict, Event::Crash];
    let start = World::new(2, 2, 3);
    let mut seen = HashSet::from([start.clone()]);
    let mut open = VecDeque::from([start]);
    while let Some(world) = open.pop_front() {
        assert!(world.holds(), "{world:?}");
        for worker in 0..world.workers.len() {
            for event in events {
                let mut next = world.clone();
                next.step(worker, event);
                if seen.insert(next.clone()) {
                    open.push_back(next);
                }
            }
        }
    }
    assert!(seen.len() > 500, "the model is too small: {} states", seen.len());
    assert!(seen.into_iter().all(World::finishes));
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_i64..5).prop_map(|size| Event::Go { size }),
        2 => Just(Event::LoseReply),
        1 => Just(Event::FalseConflict),
        2 => Just(Event::Crash),
    ]
}

proptest! {
    #[test]
    fn l2_many_workers_crashes_and_lost_replies_neither_lose_nor_double(
        workers in 1_usize..6, tables in 1_usize..5, records in 0_i64..30,
        script in prop::collection::vec((any::<prop::sample::Index>(), any_event()), 0..400),
    ) {
        let mut world = World::new(workers, tables, records);
        for (worker, event) in script {
            world.step(worker.index(workers), event);
            prop_assert!(world.holds());
        }
        prop_assert!(records == 0 || world.finishes());
    }
}
