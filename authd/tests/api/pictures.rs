//! Pictures over HTTP (A57): what is let in, how much of it is read, what is kept, and how it is shown.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use authd::app::tenant;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use common::call::{self, Socket};
use hyper::body::{Frame, SizeHint};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use serde_json::Value;
use tokio::sync::Notify;

use crate::house::{ADA, Answer, Ask, GOOD, House, get, login, send_whole, until};
use crate::support::operator;

const MAX: usize = 5 << 20;

/// A picture of that many pixels a side.
pub(crate) fn photo(side: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(side, side, |x, y| {
        Rgb([
            u8::try_from(x % 256).unwrap(),
            u8::try_from(y % 256).unwrap(),
            90,
        ])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80)
        .write_image(&picture, side, side, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn put(token: &str, kind: &str, bytes: &[u8]) -> Ask {
    Ask {
        method: "PUT",
        ..get("/v1/me/picture").with(token).bytes(kind, bytes)
    }
}

fn delete(token: &str) -> Ask {
    Ask {
        method: "DELETE",
        ..get("/v1/me/picture").with(token)
    }
}

fn url(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["picture_url"].as_str().unwrap().to_owned()
}

fn form(disposition: &str, file: &[u8]) -> Vec<u8> {
    [
        b"--boundary\r\nContent-Disposition: ",
        disposition.as_bytes(),
        b"\r\nContent-Type: image/svg+xml\r\n\r\n",
        file,
        b"\r\n--boundary--\r\n",
    ]
    .concat()
}

const FORM: &str = "multipart/form-data; boundary=boundary";

#[tokio::test]
async fn v5_3_1_a_picture_has_an_address_that_changes_and_dies_with_it() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    house
        .ask(get("/v1/me/picture").with(token))
        .await
        .is(404, "not_found");
    let before = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(before.body["picture_url"], Value::Null);
    let first = house.ask(put(token, "image/jpeg", &photo(600))).await;
    let address = url(&first);
    let bits = address.strip_prefix("/v1/pictures/").unwrap();
    assert_eq!(bits.len(), 32);
    assert!(bits.bytes().all(|b| b"0123456789abcdef".contains(&b)));
    let read = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(read.body, first.body);
    assert_ne!(read.headers["etag"], before.headers["etag"]);
    let shown = house.ask(get(&address)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.bytes.starts_with(&[0xFF, 0xD8, 0xFF]));
    let own = house.ask(get("/v1/me/picture").with(token)).await;
    assert_eq!(own.bytes, shown.bytes);
    // The same file again: another address, and the first one is nobody's.
    let second = url(&house.ask(put(token, "image/jpeg", &photo(600))).await);
    assert_ne!(second, address);
    house.ask(get(&address)).await.is(404, "not_found");
    assert_eq!(house.ask(get(&second)).await.status, 200);
    assert_eq!(house.ask(delete(token)).await.status, 204);
    house.ask(get(&second)).await.is(404, "not_found");
    house.ask(delete(token)).await.is(404, "not_found");
    let read = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(read.body["picture_url"], Value::Null);
}

#[tokio::test]
async fn v3_2_1_v5_4_1_v13_4_6_a_picture_is_shown_and_does_nothing() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let address = url(&house.ask(put(token, "image/png", &photo(32))).await);
    let shown = house.ask(get(&address)).await;
    let header = |answer: &Answer, name: &str| {
        let value = answer.headers.get(name).unwrap_or_else(|| panic!("{name}"));
        value.to_str().unwrap().to_owned()
    };
    // What was made, and not what was said.
    assert_eq!(header(&shown, "content-type"), "image/jpeg");
    assert_eq!(
        header(&shown, "content-disposition"),
        "inline; filename=\"picture.jpg\""
    );
    assert!(header(&shown, "content-security-policy").contains("sandbox"));
    assert!(header(&shown, "content-security-policy").contains("default-src 'none'"));
    assert_eq!(header(&shown, "x-content-type-options"), "nosniff");
    assert_eq!(
        header(&shown, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        header(&shown, "cross-origin-resource-policy"),
        "cross-origin"
    );
    assert!(!shown.headers.contains_key("server"));
    let own = house.ask(get("/v1/me/picture").with(token)).await;
    assert_eq!(header(&own, "cache-control"), "no-store");
    assert!(header(&own, "content-security-policy").contains("sandbox"));
    // What hangs behind changes nothing; nothing may stand behind the bits.
    let queried = house.ask(get(&format!("{address}?v=1&x.svg"))).await;
    assert_eq!(header(&queried, "content-type"), "image/jpeg");
    let mut head = get(&address);
    head.method = "HEAD";
    let head = house.ask(head).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    let bits = address.rsplit('/').next().unwrap();
    for other in [
        "/v1/pictures/".to_owned(),
        "/v1/pictures".to_owned(),
        format!("/v1/pictures/{}", bits.to_uppercase().replace('0', "A")),
        format!("{address}.svg"),
        format!("{address}/"),
        format!("/v1/pictures/%2e%2e%2f{bits}"),
        format!("/v1/pictures/{}", &bits[1..]),
        "/v1/pictures/..%2f..%2fetc%2fpasswd".to_owned(),
    ] {
        house.ask(get(&other)).await.is(404, "not_found");
    }
    let mut trace = get(&address);
    trace.method = "TRACE";
    house.ask(trace).await.is(405, "method_not_allowed");
}

#[tokio::test]
async fn v5_3_2_a_form_gives_its_one_file_whatever_it_is_called() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    for name in [
        "a.png",
        "../../x",
        "/etc/passwd",
        "a\0.png",
        "a\u{22}; x=\u{22}",
    ] {
        let disposition = format!("form-data; name=\"file\"; filename=\"{name}\"");
        let answer = house
            .ask(put(token, FORM, &form(&disposition, &photo(20))))
            .await;
        let shown = house.ask(get(&url(&answer))).await;
        assert_eq!(shown.headers["content-type"], "image/jpeg", "{name:?}");
        assert_eq!(
            shown.headers["content-disposition"],
            "inline; filename=\"picture.jpg\""
        );
    }
    let before = house.ask(get("/v1/me").with(token)).await;
    let other = form("form-data; name=\"avatar\"", &photo(20));
    house
        .ask(put(token, FORM, &other))
        .await
        .is(400, "unknown_field");
    house
        .ask(put(token, FORM, &photo(20)))
        .await
        .is(400, "malformed_request");
    let after = house.ask(get("/v1/me").with(token)).await;
    assert_eq!(after.body, before.body);
}

#[tokio::test]
async fn v5_2_2_v1_3_4_what_is_no_picture_is_refused_and_the_present_one_stays() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let address = url(&house.ask(put(token, "image/jpeg", &photo(20))).await);
    for kind in [
        "image/svg+xml",
        "image/gif",
        "text/html",
        "application/json",
        "application/x-www-form-urlencoded",
        "image/png, text/html",
        "",
    ] {
        house
            .ask(put(token, kind, &photo(20)))
            .await
            .is(415, "unsupported_media_type");
    }
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"></svg>";
    for file in [
        &svg[..],
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"\x7FELF\x02\x01\x01\0",
        b"PK\x03\x04",
        b"GIF89a/*=1;alert(1)*/",
        b"\x89PNG\r\n\x1a\n",
        b"",
    ] {
        let answer = house.ask(put(token, "image/png", file)).await;
        answer.is(422, "validation_failed");
        assert_eq!(answer.body["fields"][0]["path"], "/file", "{answer:?}");
    }
    assert_eq!(house.ask(get(&address)).await.status, 200);
    // What hides behind a picture is not taken over.
    let polyglot = [&photo(20)[..], b"<script>canary</script>"].concat();
    let address = url(&house.ask(put(token, "image/jpeg", &polyglot)).await);
    assert!(!house.ask(get(&address)).await.text.contains("canary"));
}

/// A body that counts how often it was asked for more, and may wait before its end.
struct Chunks {
    asked: Arc<AtomicUsize>,
    left: usize,
    hold: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    then: Option<Bytes>,
}

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![0; 65_536])))));
        }
        if let Some(hold) = &mut self.hold {
            if hold.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.hold = None;
        }
        Poll::Ready(self.then.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

fn request(token: Option<&str>, body: Chunks) -> Request<Body> {
    let mut ask = put("", "image/jpeg", b"");
    ask.token = token.map(str::to_owned);
    let (parts, _) = ask.request().into_parts();
    Request::from_parts(parts, Body::new(body))
}

#[tokio::test]
async fn v5_2_1_one_byte_over_the_limit_is_413_while_it_is_still_sent() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let token = session.access();
    let mut file = photo(300);
    file.resize(MAX, 0);
    url(&house.ask(put(token, "image/jpeg", &file)).await);
    let whole = form("form-data; name=\"file\"", &file);
    url(&house.ask(put(token, FORM, &whole)).await);
    file.push(0);
    house
        .ask(put(token, "image/jpeg", &file))
        .await
        .is(413, "body_too_large");
    let whole = form("form-data; name=\"file\"", &file);
    house
        .ask(put(token, FORM, &whole))
        .await
        .is(413, "body_too_large");
    // No length is said, and it would never end: it is read to the limit.
    let asked = Arc::new(AtomicUsize::new(0));
    let endless = |left| Chunks {
        asked: Arc::clone(&asked),
        left,
        hold: None,
        then: None,
    };
    let request_of = |token| request(token, endless(1_000_000));
    let answer = send_whole(&house.router, request_of(Some(token)), Instant::now()).await;
    answer.is(413, "body_too_large");
    let most = MAX / 65_536 + 2;
    assert!(asked.load(Ordering::SeqCst) <= most, "{asked:?}");
    // A length that says so is refused unread, and so is whoever has no token.
    for (token, status, code) in [
        (Some(token), 413, "body_too_large"),
        (None, 401, "missing_token"),
    ] {
        asked.store(0, Ordering::SeqCst);
        let mut request = request_of(token);
        let length = if token.is_some() { MAX + 1 } else { 10 };
        request
            .headers_mut()
            .insert("content-length", length.into());
        let answer = send_whole(&house.router, request, Instant::now()).await;
        answer.is(status, code);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }
    // The limit of other bodies is not lifted.
    let mut other = put(token, "application/json", &vec![b' '; 70_000]);
    (other.method, other.path) = ("PATCH", "/v1/me".to_owned());
    house.ask(other).await.is(413, "body_too_large");
}

/// Starts an upload that waits before its last bytes.
async fn held(house: &House, token: &str) -> (Arc<Notify>, tokio::task::JoinHandle<Answer>) {
    let go = Arc::new(Notify::new());
    let waiting = Arc::clone(&go);
    let asked = Arc::new(AtomicUsize::new(0));
    let body = Chunks {
        asked: Arc::clone(&asked),
        left: 0,
        hold: Some(Box::pin(async move { waiting.notified().await })),
        then: Some(photo(30).into()),
    };
    let (router, request) = (house.router.clone(), request(Some(token), body));
    let upload = tokio::spawn(async move { send_whole(&router, request, Instant::now()).await });
    until(async || asked.load(Ordering::SeqCst) > 0).await;
    (go, upload)
}

#[tokio::test]
async fn v15_2_2_a_slow_upload_holds_its_own_place_alone() {
    let house = House::new().await;
    house.user("acme", "eve@acme.test").await;
    let (ada, eve) = (
        house.sign_in().await,
        house.ask(login("eve@acme.test", GOOD)).await,
    );
    let (go, upload) = held(&house, ada.access()).await;
    let second = house.ask(put(ada.access(), "image/jpeg", &photo(30))).await;
    second.is(503, "overloaded");
    assert!(second.headers.contains_key("retry-after"));
    url(&house.ask(put(eve.access(), "image/jpeg", &photo(30))).await);
    go.notify_one();
    url(&upload.await.unwrap());
    // The place is free again, also behind what was refused or cut off.
    house
        .ask(put(ada.access(), "image/jpeg", b"no"))
        .await
        .is(422, "validation_failed");
    let (_go, upload) = held(&house, ada.access()).await;
    upload.abort();
    upload.await.unwrap_err();
    until(async || {
        let answer = house.ask(put(ada.access(), "image/jpeg", &photo(30))).await;
        answer.status == 200
    })
    .await;
}

#[tokio::test]
async fn g16_a_picture_whose_owner_was_disabled_meanwhile_is_not_kept() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let (go, upload) = held(&house, session.access()).await;
    house.disable().await;
    go.notify_one();
    upload.await.unwrap().is(401, "session_revoked");
    house.enable(ADA).await;
    let again = house.sign_in().await;
    let user = house.ask(get("/v1/me").with(again.access())).await;
    assert_eq!(user.body["picture_url"], Value::Null);
}

#[tokio::test]
async fn r4_no_picture_is_taken_where_the_disk_is_as_good_as_full() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let address = url(&house
        .ask(put(session.access(), "image/jpeg", &photo(20)))
        .await);
    house.app.room.set(24, 100);
    let refused = house
        .ask(put(session.access(), "image/jpeg", &photo(20)))
        .await;
    refused.is(503, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    // What is there is shown, and can go.
    assert_eq!(house.ask(get(&address)).await.status, 200);
    house.app.room.set(26, 100);
    url(&house
        .ask(put(session.access(), "image/jpeg", &photo(20)))
        .await);
    house.app.room.set(0, 100);
    assert_eq!(house.ask(delete(session.access())).await.status, 204);
}

#[tokio::test]
async fn a_picture_goes_with_its_tenant_and_comes_back_with_it() {
    let house = House::new().await;
    let session = house.sign_in().await;
    let address = url(&house
        .ask(put(session.access(), "image/jpeg", &photo(20)))
        .await);
    let app = &house.app;
    let delete = call::tenant::Delete {
        tenant: "acme".to_owned(),
        confirm: Some("acme".to_owned()),
        reason: None,
    };
    tenant::delete(app, &operator(Socket::Admin), delete)
        .await
        .unwrap();
    house.ask(get(&address)).await.is(404, "not_found");
    let restore = call::tenant::Restore {
        tenant: "acme".to_owned(),
        reason: None,
    };
    tenant::restore(app, &operator(Socket::Admin), restore)
        .await
        .unwrap();
    assert_eq!(house.ask(get(&address)).await.status, 200);
}
