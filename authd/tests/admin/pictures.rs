//! `user picture`: the operator's way to what users do for themselves over the API.

use authd::admin::routes::router;
use authd::app::user;
use authd::http::body::BodyLimit;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::call::UserRef;
use common::call::user::{FileBytes, GetPicture, PictureFile, RemovePicture, SetPicture};
use common::error::ErrorCode;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde_json::json;
use tower::ServiceExt;

use crate::desk::{Desk, reference, running};

const BOB: &str = "bob@acme.test";

/// A grey picture of that many pixels a side.
pub(crate) fn photo(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = vec![90; usize::try_from(side * side * 3).unwrap()];
    JpegEncoder::new_with_quality(&mut bytes, 80)
        .write_image(&pixels, side, side, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn set(user: UserRef, file: Vec<u8>) -> SetPicture {
    SetPicture {
        user,
        content: FileBytes(file),
    }
}

async fn stored(desk: &Desk) -> Result<PictureFile, ErrorCode> {
    let request = GetPicture {
        tenant: Some("acme".to_owned()),
        user: BOB.to_owned(),
    };
    let found = user::picture(&desk.app, &desk.admin(), request).await;
    found.map_err(|error| error.code)
}

#[tokio::test]
async fn s15_an_operator_sets_fetches_and_removes_a_picture() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", BOB).await;
    let bob = || reference("acme", BOB);
    assert_eq!(stored(&desk).await.unwrap_err(), ErrorCode::NotFound);
    let change = user::set_picture(&desk.app, &desk.admin(), set(bob(), photo(600))).await;
    assert!(change.unwrap().changed);
    let first = stored(&desk).await.unwrap();
    assert_eq!(first.media_type, "image/jpeg");
    let made = image::load_from_memory(&first.content.0).unwrap();
    assert_eq!((made.width(), made.height()), (512, 512), "made anew");
    for refused in [b"no picture".to_vec(), Vec::new()] {
        let refused = user::set_picture(&desk.app, &desk.admin(), set(bob(), refused)).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
    }
    let nobody = set(reference("acme", "nobody@acme.test"), photo(8));
    let nobody = user::set_picture(&desk.app, &desk.admin(), nobody).await;
    assert_eq!(nobody.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(stored(&desk).await.unwrap().content, first.content);
    for is_there in [true, false] {
        let request = RemovePicture { user: bob() };
        let change = user::remove_picture(&desk.app, &desk.admin(), request).await;
        assert_eq!(change.unwrap().changed, is_there);
    }
    assert_eq!(stored(&desk).await.unwrap_err(), ErrorCode::NotFound);
    let told: Vec<String> = desk
        .audit(acme)
        .await
        .into_iter()
        .map(|row| row.entry.action)
        .filter(|action| action.ends_with("picture"))
        .collect();
    assert_eq!(told, ["user.set_picture", "user.remove_picture"]);
}

async fn sent(desk: &Desk, body: Body) -> StatusCode {
    let request = Request::builder()
        .method("POST")
        .uri("/v1/user/picture/set")
        .header("content-type", "application/json")
        .extension(desk.admin())
        // That of the door, which is for everything else.
        .extension(BodyLimit(1 << 20))
        .body(body)
        .unwrap();
    let router = router(&desk.app, &running());
    router.oneshot(request).await.unwrap().status()
}

/// The limit is that of the file, however it is written; one byte more is refused.
#[tokio::test]
async fn v5_2_1_the_body_of_a_picture_has_a_limit_of_its_own() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.user("acme", BOB).await;
    let most = desk.app.settings().picture.max_bytes;
    let mut file = photo(64);
    // Bytes behind the end of a picture are not looked at.
    file.resize(most, 0);
    let body = |file: &[u8]| {
        let file = FileBytes(file.to_vec());
        Body::from(json!({"user": reference("acme", BOB), "content": file}).to_string())
    };
    assert!(FileBytes::encoded(most) > 1 << 20);
    assert_eq!(sent(&desk, body(&file)).await, StatusCode::OK);
    file.push(0);
    assert_eq!(
        sent(&desk, body(&file)).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let endless = vec![b' '; FileBytes::encoded(most) + (65 << 10)];
    let endless = sent(&desk, Body::from(endless)).await;
    assert_eq!(endless, StatusCode::PAYLOAD_TOO_LARGE);
    let unread = json!({"user": reference("acme", BOB), "content": "no base64"});
    let unread = sent(&desk, Body::from(unread.to_string())).await;
    assert_eq!(unread, StatusCode::BAD_REQUEST);
}
