//! What README tells developers of applications to type: a page behind nginx, guarded.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use harness::{Exit, Home, Program, binary, free_address};

use super::{example, text_of};
use crate::scene::DevDaemon;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// The fenced blocks of commands below a heading.
fn blocks(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(README).expect("README.md");
    let (_, section) = text.split_once(heading).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned());
    blocks.collect()
}

/// A folder with everything where README expects it, and ports that nobody else has.
struct Clone<'a> {
    home: &'a Home,
    ports: [(&'static str, String); 3],
}

impl Clone<'_> {
    fn ours(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (of_readme, ours) in &self.ports {
            text = text.replace(of_readme, ours);
        }
        text
    }

    /// Lays out what a clone has after README's first command.
    fn lay_out(&self) {
        let at = |path: &str| self.home.path(path);
        fs::create_dir_all(at("target/release")).expect("a folder");
        fs::create_dir_all(at("packaging/examples")).expect("a folder");
        std::os::unix::fs::symlink(binary("authctl"), at("target/release/authctl"))
            .expect("a link");
        for entry in fs::read_dir(example("")).expect("the examples") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            if example(&name).is_file() {
                let to = at("packaging/examples").join(&*name);
                fs::write(to, self.ours(&text_of(&name))).expect("a copy");
            }
        }
    }

    fn shell(&self, script: &str) -> std::process::Command {
        let mut shell = Program::command("/bin/sh", "dash", &self.home.path(""));
        shell.args(["-e", "-c", &self.ours(script)]);
        shell
    }
}

#[test]
fn the_readme_guards_a_page_with_nginx() {
    let home = Home::new();
    let daemon = DevDaemon::start(&home, &[], Stdio::null());
    let (page, proxy) = (free_address(), free_address());
    let clone = Clone {
        home: &home,
        ports: [
            ("127.0.0.1:8440", daemon.address.to_string()),
            ("127.0.0.1:8080", proxy.to_string()),
            ("127.0.0.1:3000", page.to_string()),
        ],
    };
    clone.lay_out();
    // Alice comes from the first section; its first block starts the daemon.
    let start = blocks("\n## Start\n");
    let commands = start.get(1).expect("the commands of the start");
    let exit = Exit::of(clone.shell(commands), "", Duration::from_secs(60));
    assert_eq!(exit.code, Some(0), "{exit:?}");

    let blocks = blocks("\n## For developers of applications\n");
    let [servers, commands] = blocks.as_slice() else {
        panic!("two blocks of commands, not {blocks:?}");
    };
    let servers: Vec<String> = servers
        .lines()
        .map(|line| {
            line.replace(
                "127.0.0.1 --directory packaging/examples 3000",
                &format!("127.0.0.1 --directory packaging/examples {}", page.port()),
            )
        })
        .collect();
    let [of_page, of_proxy] = servers.as_slice() else {
        panic!("a command for each terminal: {servers:?}");
    };
    assert!(
        Path::new("/usr/sbin/nginx").exists(),
        "apt-get install nginx-light"
    );
    let _page = Program::start(clone.shell(of_page), page);
    let _proxy = Program::start(clone.shell(of_proxy), proxy);
    let exit = Exit::of(clone.shell(commands), "", Duration::from_secs(60));
    assert_eq!(exit.code, Some(0), "{exit:?}");
    // Nobody is refused, Alice gets the page.
    let refused = exit
        .stdout
        .find("HTTP/1.1 401 Unauthorized")
        .expect("a refusal");
    let page = exit
        .stdout
        .find(text_of("verify.py").lines().next().expect("a line"));
    assert!(page.is_some_and(|at| at > refused), "{exit:?}");
    assert_eq!(
        exit.stdout.matches("Verifies access tokens").count(),
        1,
        "{exit:?}"
    );
    daemon.stop();
}
