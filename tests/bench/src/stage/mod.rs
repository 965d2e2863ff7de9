//! What stands around a measurement: processes and their figures, the machine, databases with many
//! rows, tokens. It measures nothing itself.

mod build;
mod machine;
mod process;
mod seed;
mod subject;

pub(crate) use build::build;
pub(crate) use machine::{Machine, sync_time};
pub(crate) use process::{Figures, Floor, Pin, generate, said};
pub(crate) use subject::{Size, Subject, stopped};
