//! A small federation of research hubs, generated from a seed: usage, bills, registry, policy.
pub mod dice; pub mod error; pub mod fleet; pub mod machines; pub mod output; pub mod people; pub mod places; pub mod simulate; pub mod wishes;
