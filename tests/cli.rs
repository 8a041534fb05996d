//! The command line as a person or a scheduler meets it: the binary is run, and its words, files and exit codes
//! are looked at. One test program, since each costs a link.

mod cli {
    mod bad_bills;
    mod bad_configuration;
    mod bad_events;
    mod bad_registry;
    mod bills;
    mod doctor;
    mod end_to_end;
    mod first_steps;
    mod full_disk;
    mod help;
    mod hub_logs;
    mod kafka;
    mod kafka_server;
    mod object_storage;
    mod prometheus;
    mod prometheus_recordings;
    mod prometheus_server;
    mod read_back;
    mod recipe;
    mod refused_later;
    mod registry_import;
    mod rough_edges;
    pub mod run;
    pub mod small_month;
    mod store;
    mod user_names;
}
