//! The command line as a person or a scheduler meets it: the binary is run, and its words, files and exit codes
//! are looked at. One test program, since each costs a link.

mod cli {
    mod bad_configuration;
    mod bills;
    mod end_to_end;
    mod first_steps;
    mod help;
    mod object_storage;
    mod read_back;
    mod recipe;
    mod registry_import;
    pub mod run;
    mod store;
}
