//! `api`: a call by its method and path, its answer unchanged. The calls are those of the protocol, with
//! the sockets and the confirmations that each has.

use std::io::Read;
use std::path::Path;

use common::call::CallInfo;

use crate::args::ApiArgs;
use crate::commands::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Most bytes of a body.
const BODY_LIMIT: u64 = 8 << 20;

/// Makes the call.
///
/// # Errors
/// A call that there is none of; a file that cannot be read; those of the call, after its body.
pub(crate) async fn run(context: &mut Context, args: ApiArgs) -> Result<Exit, Error> {
    let method = args.method.to_ascii_uppercase();
    let call = find(&method, &args.path)?;
    let body = match &args.file {
        None if method == "POST" => b"{}".to_vec(),
        None => Vec::new(),
        Some(_) if method == "GET" => {
            return Err(Error::usage("a GET takes no body")
                .hint("Write what it asks for into PATH: ?NAME=VALUE"));
        }
        Some(file) => read(file)?,
    };
    let Context {
        client, printer, ..
    } = context;
    let mut last = None;
    let answered = client
        .raw(&call, &args.path, body, &mut |part| {
            last = part.last().copied().or(last);
            printer.bytes(part)?;
            printer.flush()
        })
        .await;
    if last.is_some_and(|byte| byte != b'\n') {
        printer.text("\n")?;
    }
    answered.map(|()| Exit::Done)
}

/// The call of this method and path.
fn find(method: &str, target: &str) -> Result<CallInfo, Error> {
    let path = target.split('?').next().unwrap_or_default();
    let calls = common::call::all();
    let found = calls
        .iter()
        .find(|call| call.path == path && call.method == method);
    if let Some(call) = found {
        return Ok(call.clone());
    }
    if let Some(call) = calls.iter().find(|call| call.path == path) {
        return Err(Error::usage(format!("{path} takes {} alone", call.method)));
    }
    let error = Error::usage(format!("there is no call {method} {path}"));
    let near = common::suggest::nearest(path, calls.iter().map(|call| call.path));
    Err(match near {
        Some(near) => error.hint(format!("Did you mean {near}?")),
        None => error.hint("Paths are those of the commands: user list is GET /v1/user/list."),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let failed =
        |error: std::io::Error| Error::usage(format!("cannot read {}: {error}", file.display()));
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(BODY_LIMIT)
            .read_to_end(&mut bytes)
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(BODY_LIMIT).read_to_end(&mut bytes)
    };
    read.map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_by_method_and_path_with_their_query() {
        assert_eq!(
            find("GET", "/v1/user/list?limit=5").unwrap().name,
            "user list"
        );
        assert_eq!(
            find("POST", "/v1/user/disable").unwrap().name,
            "user disable"
        );
        let wrong = find("POST", "/v1/user/list").unwrap_err();
        assert!(
            wrong.message().contains("takes GET alone"),
            "{}",
            wrong.message()
        );
        let unknown = find("GET", "/v1/user/lst").unwrap_err();
        assert_eq!(unknown.first_hint(), Some("Did you mean /v1/user/list?"));
    }
}
