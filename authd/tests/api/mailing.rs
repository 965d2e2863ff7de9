//! A house from which mails leave, into a post that keeps them.

use std::sync::Arc;

use authd::app::mail;
use authd::mail::Letter;
use domain::mail::Message;
use serde_json::json;
use store::{MessageFilter, PageRequest};

use crate::house::{ADA, Answer, Ask, House, post};
use crate::support::{FakePost, Plan, plan};

pub(crate) struct Mailing {
    pub(crate) house: House,
    pub(crate) post: Arc<FakePost>,
}

impl Mailing {
    pub(crate) async fn new() -> Self {
        Self::with(plan()).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        let post = Arc::new(FakePost::default());
        let house = House::with(Plan {
            post: Some(Arc::clone(&post) as _),
            ..plan
        })
        .await;
        let mailing = Self { house, post };
        mailing.delivered().await;
        mailing
    }

    pub(crate) async fn forgot(&self, email: &str) -> Answer {
        self.house.ask(forgot("acme", email)).await
    }

    /// Sends all that is due, and hands it out.
    pub(crate) async fn delivered(&self) -> Vec<Letter> {
        mail::work(&self.house.app).await.unwrap();
        self.post.take()
    }

    /// The token of the one mail that is sent after a wish for it.
    pub(crate) async fn token(&self) -> String {
        self.forgot(ADA).await.is(202, "");
        let letters = self.delivered().await;
        assert_eq!(letters.len(), 1);
        token_of(&letters[0])
    }

    pub(crate) async fn reset(&self, token: &str, password: &str) -> Answer {
        self.house.ask(reset(token, password)).await
    }

    /// What the outbox holds, sent or not.
    pub(crate) async fn rows(&self) -> Vec<Message> {
        let page = PageRequest {
            limit: 200,
            after: None,
        };
        let read = self
            .house
            .app
            .store
            .read(move |tx| tx.outbox().page(&MessageFilter::default(), &page));
        read.await.unwrap()
    }

    /// What is not sent.
    pub(crate) async fn waiting(&self) -> Vec<Message> {
        let rows = self.rows().await;
        rows.into_iter()
            .filter(|row| row.state != domain::mail::MessageState::Sent)
            .collect()
    }
}

pub(crate) fn forgot(tenant: &str, email: &str) -> Ask {
    post(
        "/v1/auth/password/forgot",
        json!({"tenant": tenant, "email": email}),
    )
}

pub(crate) fn reset(token: &str, password: &str) -> Ask {
    post(
        "/v1/auth/password/reset",
        json!({"token": token, "new_password": password}),
    )
}

pub(crate) fn token_of(letter: &Letter) -> String {
    let link = letter.facts.link.as_ref().unwrap().expose();
    of_link(link)
}

pub(crate) fn of_link(link: &str) -> String {
    let page = "http://127.0.0.1:8440/reset-password#";
    link.strip_prefix(page).unwrap().to_owned()
}
