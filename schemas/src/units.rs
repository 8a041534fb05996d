//! Units and limits of quantities.
//!
//! A quantity is level × duration in integers: CPU in millicore·ms (10⁻⁶ core-seconds), memory and
//! storage in byte·ms, GPU in milliGPU·ms. `i64` holds one usage row and one (pod, hour);
//! every sum above that is `i128` (Decimal128(38,0) in tables).

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds in a UTC day.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Microseconds in a millisecond: tables hold instants in microseconds.
pub const US_PER_MS: i64 = 1_000;
/// Microseconds in an hour.
pub const HOUR_US: i64 = HOUR_MS * US_PER_MS;
/// Microseconds in a UTC day.
pub const DAY_US: i64 = DAY_MS * US_PER_MS;

/// Bytes in a gibibyte.
pub const GIB: i64 = 1 << 30;

/// The largest CPU level of one pod or node that is believed: 100,000 cores.
pub const MAX_CPU_MILLICORE: i64 = 100_000_000;
/// The largest memory level of one pod that is believed: 2 TiB.
///
/// 2 TiB over an hour is 7.9 × 10¹⁸ byte·ms, the last power of two whose hour `i64` holds.
pub const MAX_POD_MEMORY_BYTE: i64 = 2 << 40;
/// The largest memory level of one node that is believed: 64 TiB (nodes are stored as levels).
pub const MAX_NODE_MEMORY_BYTE: i64 = 64 << 40;
/// The largest GPU level of one pod or node that is believed: 1,000 GPUs.
pub const MAX_GPU_MILLIGPU: i64 = 1_000_000;
/// The largest storage level of one directory, volume or prefix that is believed: 1 EiB.
pub const MAX_STORAGE_BYTE: i64 = 1 << 60;
