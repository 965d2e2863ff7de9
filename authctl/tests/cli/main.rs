//! The real binary against a daemon made of a thread: what it sends, what it shows, how it ends.
//! Every test has its own folder, an empty environment and no clock to wait for.

#![cfg(test)]

mod apply;
mod audit;
mod backups;
mod changes;
mod clients;
mod daemon;
mod doctor;
mod ends;
mod every_list;
mod explain;
mod help;
mod keys;
mod lists;
mod logs;
mod mails;
mod objects;
mod pictures;
mod registrations;
mod roles;
mod secrets;
mod states;
mod steering;
mod streams;
mod tokens;
