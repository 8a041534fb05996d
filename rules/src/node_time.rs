//! When a node was there and what it could give, from the samples of its series (laws L3, L4).

use crate::timeline::{CELL_MS, Cadence, Held, Sample, cell_of, held};

/// The samples of one node; each list sorted by time, each instant once.
#[derive(Debug, Clone, Default)]
pub struct NodeSamples {
    /// Any series that tells that it is there.
    pub there: Vec<Sample>,
    /// CPU capacity, millicores.
    pub cpu: Vec<Sample>,
    /// Memory capacity, bytes.
    pub memory: Vec<Sample>,
    /// Physical GPUs, milliGPU.
    pub gpu: Vec<Sample>,
    /// CPU that pods may request, millicores.
    pub cpu_allocatable: Vec<Sample>,
    /// Memory that pods may request, bytes.
    pub memory_allocatable: Vec<Sample>,
}

/// What a node can give; `None` is "not observed".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeLevels {
    /// Millicores.
    pub cpu: Option<i64>,
    /// Bytes.
    pub memory: Option<i64>,
    /// MilliGPU.
    pub gpu: Option<i64>,
    /// Millicores that pods may request.
    pub cpu_allocatable: Option<i64>,
    /// Bytes that pods may request.
    pub memory_allocatable: Option<i64>,
}

/// One node over one stretch of time within a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePiece {
    /// First instant.
    pub from_ms: i64,
    /// First instant after.
    pub to_ms: i64,
    /// What it could give.
    pub levels: NodeLevels,
    /// Whether one sample stands for a step.
    pub lone: bool,
}

/// The node's pieces whose cells lie in the window `[from_ms, to_ms)`; both are rounded down to cells. A
/// piece ends where a level changes.
pub fn node_pieces(node: &NodeSamples, cadence: Cadence, from_ms: i64, to_ms: i64) -> Vec<NodePiece> {
    let series =
        [&node.there, &node.cpu, &node.memory, &node.gpu, &node.cpu_allocatable, &node.memory_allocatable];
    let steps: Vec<Vec<Held>> = series.iter().map(|samples| held(samples, cadence)).collect();
    let (from_ms, to_ms) = (cell_of(from_ms), cell_of(to_ms));
    let mut edges: Vec<i64> = steps.iter().flatten().flat_map(|held| [held.from_ms, held.to_ms]).collect();
    edges.retain(|at| from_ms < *at && *at < to_ms);
    edges.extend((from_ms..to_ms).step_by(usize::try_from(CELL_MS).unwrap_or(usize::MAX)));
    edges.push(to_ms);
    edges.sort_unstable();
    edges.dedup();

    let mut pieces: Vec<NodePiece> = Vec::new();
    for edge in edges.windows(2) {
        let at = |of: usize| at(&steps[of], edge[0]);
        let held: [Option<Held>; 6] = std::array::from_fn(at);
        if held.iter().all(Option::is_none) {
            continue;
        }
        let level = |of: usize| held[of].map(|held| held.value);
        let levels = NodeLevels {
            cpu: level(1),
            memory: level(2),
            gpu: level(3),
            cpu_allocatable: level(4),
            memory_allocatable: level(5),
        };
        let lone = held.iter().flatten().all(|held| held.lone);
        match pieces.last_mut() {
            Some(last)
                if last.to_ms == edge[0]
                    && last.levels == levels
                    && cell_of(last.from_ms) == cell_of(edge[0]) =>
            {
                last.to_ms = edge[1];
                last.lone |= lone;
            }
            _ => pieces.push(NodePiece { from_ms: edge[0], to_ms: edge[1], levels, lone }),
        }
    }
    pieces
}

fn at(steps: &[Held], at_ms: i64) -> Option<Held> {
    let next = steps.partition_point(|held| held.to_ms <= at_ms);
    steps.get(next).copied().filter(|held| held.from_ms <= at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(from: i64, to: i64, value: i64) -> Vec<Sample> {
        (from..=to).map(|minute| Sample { at_ms: minute * 60_000, value }).collect()
    }

    #[test]
    fn a_level_that_appears_later_starts_a_new_piece() {
        let node = NodeSamples {
            there: minutes(0, 8, 1),
            cpu: minutes(0, 8, 4_000),
            memory: minutes(0, 8, 1 << 34),
            gpu: minutes(2, 8, 1_000),
            ..NodeSamples::default()
        };
        let pieces = node_pieces(&node, Cadence::new(60_000), 0, 3_600_000);
        let told: Vec<_> =
            pieces.iter().map(|p| (p.from_ms / 60_000, p.to_ms / 60_000, p.levels.gpu)).collect();
        assert_eq!(told, [(0, 2, None), (2, 5, Some(1_000)), (5, 9, Some(1_000))]);
        assert!(pieces.iter().all(|p| p.levels.cpu == Some(4_000) && p.levels.cpu_allocatable.is_none()));
    }

    #[test]
    fn l3_any_tiling_of_windows_gives_the_same_node_rows() {
        let cadence = Cadence::new(60_000);
        let node = NodeSamples {
            there: [minutes(0, 8, 1), minutes(11, 11, 1), minutes(40, 59, 1)].concat(),
            ..NodeSamples::default()
        };
        let whole = node_pieces(&node, cadence, 0, 3_600_000);
        assert!(whole.iter().any(|piece| piece.lone));
        for cell in 1..12 {
            let cut = cell * CELL_MS;
            let reader = |from: i64, to: i64| {
                let inside =
                    |s: &&Sample| from - cadence.margin_ms() < s.at_ms && s.at_ms <= to + cadence.margin_ms();
                let there = node.there.iter().filter(inside).copied().collect();
                node_pieces(&NodeSamples { there, ..NodeSamples::default() }, cadence, from, to)
            };
            assert_eq!([reader(0, cut), reader(cut, 3_600_000)].concat(), whole, "cut at {cut}");
        }
    }
}
