//! The pages behind mailed links, as bytes: what they may load, how they are kept, and that a GET
//! does nothing. How they behave in a browser is an end-to-end test.

use crate::house::{House, get};

const PAGES: [&str; 3] = ["/confirm-email", "/reset-password", "/verify-email"];
const FILES: [(&str, &str); 5] = [
    ("/confirm-email", "text/html; charset=utf-8"),
    ("/reset-password", "text/html; charset=utf-8"),
    ("/verify-email", "text/html; charset=utf-8"),
    ("/pages/link.js", "text/javascript; charset=utf-8"),
    ("/pages/pages.css", "text/css; charset=utf-8"),
];

#[tokio::test]
async fn v3_4_3_the_pages_load_from_their_own_origin_alone() {
    let house = House::new().await;
    for (path, kind) in FILES {
        let answer = house.ask(get(path)).await;
        assert_eq!(answer.status, 200, "{path}");
        let header = |name: &str| answer.headers[name].to_str().unwrap();
        assert_eq!(header("content-type"), kind);
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-cache");
    }
    for path in PAGES {
        let page = house.ask(get(path)).await.text;
        for inline in [
            "<style",
            "style=",
            "onclick",
            "onload",
            "javascript:",
            "http",
        ] {
            let found = page.replace("http-equiv", "").contains(inline);
            assert!(!found, "{inline} in {page}");
        }
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[tokio::test]
async fn pages_are_asked_for_again_and_not_sent_again() {
    let house = House::new().await;
    let mut tags = Vec::new();
    for (path, _) in FILES {
        let first = house.ask(get(path)).await;
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for asked in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
            let again = house.ask(get(path).header("if-none-match", &asked)).await;
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{asked}");
            assert_eq!(again.headers["etag"], tag.as_str());
        }
        let other = house.ask(get(path).header("if-none-match", "\"x\"")).await;
        assert_eq!(other.text, first.text);
        let mut head = get(path);
        head.method = "HEAD";
        let head = house.ask(head).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        assert_eq!(head.headers["etag"], tag.as_str());
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
}

#[tokio::test]
async fn a87_a_query_on_the_page_changes_nothing() {
    let house = House::new().await;
    for path in PAGES {
        let plain = house.ask(get(path)).await;
        let with = get(&format!("{path}?utm_source=mail&token=x"));
        let with = house.ask(with).await;
        assert_eq!((with.status, &with.text), (200, &plain.text));
        let mut post = get(path);
        post.method = "POST";
        house.ask(post).await.is(405, "method_not_allowed");
    }
}
