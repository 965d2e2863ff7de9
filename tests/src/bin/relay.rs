//! The mail server of the tests as a program, for `packaging/smoke.sh`: it demands a password and
//! STARTTLS, writes the certificate of its authority, and every letter's text as a file of its own.
//! usage: relay ADDRESS NAME USER PASSWORD FOLDER

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use harness::{Conduct, MailServer, MailTls};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, name, user, password, folder] = arguments.as_slice() else {
        return Err("usage: relay ADDRESS NAME USER PASSWORD FOLDER".into());
    };
    let folder = Path::new(folder);
    let server = MailServer::start_at(
        address,
        Conduct {
            name: name.clone(),
            credentials: Some((user.clone(), password.clone())),
            ..Conduct::new(MailTls::Starttls)
        },
    );
    server.authority().write(&folder.join("authority.crt"));
    let mut written = 0;
    loop {
        for letter in server.letters().iter().skip(written) {
            written += 1;
            let to = letter.header("To").unwrap_or_default();
            let text = format!("To: {to}\n\n{}", letter.text());
            // Renamed into place: who waits for it finds it whole.
            fs::write(folder.join("draft"), text)?;
            fs::rename(folder.join("draft"), folder.join(format!("{written}.txt")))?;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
