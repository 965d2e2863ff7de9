//! Requests that are prepared before the clock runs: written by the stage, read by the generator.
//! A file of them is each one's length (four bytes, little endian) and its bytes. It judges none.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;

use crate::Result;

/// The bytes of a request whose head says all that the server needs.
pub(crate) fn get(address: SocketAddr, path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The bytes of a request with a JSON body.
pub(crate) fn post(address: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The bytes of a request that rotates a refresh token.
pub(crate) fn refresh(address: SocketAddr, token: &str) -> Vec<u8> {
    let body = format!("{{\"refresh_token\":\"{token}\"}}");
    post(address, "/v1/auth/refresh", &body)
}

/// Writes a plan.
pub(crate) fn write(path: &Path, requests: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for request in requests {
        file.write_all(&u32::try_from(request.len())?.to_le_bytes())?;
        file.write_all(&request)?;
    }
    Ok(file.flush()?)
}

/// Reads a plan; one without requests is an error.
pub(crate) fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = std::fs::read(path)?;
    let mut rest = bytes.as_slice();
    let mut requests = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length))?;
        let cut = after.split_at_checked(length);
        let (request, after) = cut.ok_or("the plan ends within a request")?;
        requests.push(request.to_vec());
        rest = after;
    }
    if requests.is_empty() {
        return Err("the plan holds no request".into());
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan");
        let address = SocketAddr::from(([127, 0, 0, 1], 8440));
        let requests = vec![get(address, "/v1/me", "abc"), refresh(address, "rt_1")];
        write(&path, requests.clone()).unwrap();
        assert_eq!(read(&path).unwrap(), requests);
        std::fs::write(&path, [9, 0, 0, 0, 1]).unwrap();
        assert!(read(&path).is_err());
        std::fs::write(&path, []).unwrap();
        assert!(read(&path).is_err());
    }
}
