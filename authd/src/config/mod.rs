//! Configuration: files, drop-ins, environment, --set; one struct a section.
