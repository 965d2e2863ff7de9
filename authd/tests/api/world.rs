//! Two tenants and `system`, with users whose rights a test chooses: for what administrators do over
//! the API.

use std::sync::atomic::{AtomicU32, Ordering};

use authd::app::{permission, role, user};
use common::call::client::Create as NewClient;
use common::call::permission::Define;
use common::call::role::Create as MakeRole;
use common::call::user::Create;
use common::call::{Socket, UserRef};
use common::id::{TenantId, TenantKind};
use common::view::TenantStatus;
use domain::audit::AuditRow;
use domain::picture::{Picture, PictureAddress, PictureKind};
use domain::rights::Right;
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{AuditFilter, PageRequest, StoreError, WriteTx};

use crate::clients::{Service, creating};
use crate::house::{Answer, Ask, GOOD, House, get, post};
use crate::mailing::Mailing;
use crate::support::{NOW, Plan, new_tenant, new_user, operator, plan};

/// Somebody who acts.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
}

pub(crate) struct World {
    pub(crate) mailing: Mailing,
    made: AtomicU32,
}

impl World {
    /// Tenants `acme` with the role `clerk`, which grants nothing, and `globex`; a post; `system`.
    pub(crate) async fn new() -> Self {
        let mut plan = plan();
        plan.settings.default_max_users = 5000;
        Self::with(plan).await
    }

    pub(crate) async fn with(plan: Plan) -> Self {
        let mailing = Mailing::with(plan).await;
        let world = Self {
            mailing,
            made: AtomicU32::new(0),
        };
        let house = world.house();
        house.tenant(new_tenant("globex")).await;
        let id = house.app.new_id::<TenantKind>(NOW).unwrap();
        house
            .write(move |tx| tx.tenants_mut().insert(&system(id)))
            .await;
        for tenant in ["acme", "globex"] {
            world.role(Some(tenant), "clerk", &[]).await;
        }
        world
    }

    pub(crate) fn house(&self) -> &House {
        &self.mailing.house
    }

    /// A name that was not used yet.
    pub(crate) fn name(&self) -> String {
        format!("n{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a role; returns its id.
    pub(crate) async fn role(&self, tenant: Option<&str>, name: &str, rights: &[&str]) -> String {
        let request = MakeRole {
            tenant: tenant.map(str::to_owned),
            name: name.to_owned(),
            description: None,
            permissions: rights.iter().map(ToString::to_string).collect(),
        };
        let made = role::create(&self.house().app, &operator(Socket::Admin), request).await;
        made.unwrap().id.unwrap()
    }

    pub(crate) async fn define(&self, permission: &str) {
        let request = Define {
            tenant: Some("acme".to_owned()),
            name: permission.to_owned(),
            description: None,
        };
        permission::define(&self.house().app, &operator(Socket::Admin), request)
            .await
            .unwrap();
    }

    /// Somebody who is invited and has not signed in, with a role of these rights; its id.
    pub(crate) async fn invited(&self, tenant: &str, rights: &[&str]) -> String {
        let name = self.name();
        let mut request = new_user(tenant, &format!("{name}@{tenant}.test"), GOOD);
        if !rights.is_empty() {
            request.roles = self.roles_of(tenant, &name, rights).await;
        }
        self.make(request).await
    }

    /// Roles that grant these rights together: what exists in `system` only comes by a system role,
    /// and has no effect elsewhere.
    async fn roles_of(&self, tenant: &str, name: &str, rights: &[&str]) -> Vec<String> {
        let is_wide = |right: &&str| {
            let right: Right = right.parse().unwrap();
            tenant != "system" && matches!(right, Right::One(right) if right.is_system_only())
        };
        let (wide, own): (Vec<&str>, Vec<&str>) = rights.iter().partition(|right| is_wide(right));
        let mut roles = Vec::new();
        if !own.is_empty() {
            roles.push(self.role(Some(tenant), name, &own).await);
        }
        if !wide.is_empty() {
            roles.push(self.role(None, &format!("system:{name}"), &wide).await);
        }
        roles
    }

    pub(crate) async fn make(&self, request: Create) -> String {
        let made = user::create(&self.house().app, &operator(Socket::Admin), request).await;
        made.unwrap().id.unwrap()
    }

    /// Somebody signed in, with a role of these rights; the flag where they are `flag`.
    pub(crate) async fn actor(&self, tenant: &str, rights: &[&str]) -> Actor {
        let name = self.name();
        let email = format!("{name}@{tenant}.test");
        let is_admin = rights == ["flag"];
        let mut request = Create {
            permanent: true,
            tenant_admin: is_admin,
            ..new_user(tenant, &email, GOOD)
        };
        if !rights.is_empty() && !is_admin {
            request.roles = self.roles_of(tenant, &name, rights).await;
        }
        let id = self.make(request).await;
        let token = self.sign_in(tenant, &email).await;
        Actor { id, email, token }
    }

    /// A service client without scopes, with roles of these rights.
    pub(crate) async fn service(&self, tenant: &str, rights: &[&str]) -> Service {
        let name = self.name();
        let request = NewClient {
            name: name.clone(),
            roles: self.roles_of(tenant, &name, rights).await,
            ..creating(tenant, &[])
        };
        Service::make(self.house(), request).await
    }

    /// An access token of a new login.
    pub(crate) async fn sign_in(&self, tenant: &str, email: &str) -> String {
        let body = json!({"tenant": tenant, "email": email, "password": GOOD});
        let answer = self.ask(post("/v1/auth/login", body)).await;
        answer.access().to_owned()
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        self.house().ask(ask).await
    }

    /// A user as the database has it.
    pub(crate) async fn user(&self, tenant: TenantId, id: &str) -> Option<domain::user::User> {
        let id = id.parse().unwrap();
        let read = self
            .house()
            .app
            .store
            .read(move |tx| tx.tenant(tenant).users().by_id(id));
        read.await.unwrap()
    }

    /// The id of a live session of a user of `acme`.
    pub(crate) async fn session_of(&self, id: &str) -> Option<String> {
        let open = self.house().sessions(id.parse().ok()?).await;
        open.first().map(|session| session.id.to_string())
    }

    /// Gives a user of `acme` a picture.
    pub(crate) async fn picture(&self, id: &str) {
        let (tenant, user) = (self.house().acme, id.parse().unwrap());
        let picture = Picture {
            address: PictureAddress::from_bytes(self.house().app.random_bytes().unwrap()),
            kind: PictureKind::Png,
            bytes: vec![1, 2, 3],
            created_at: NOW,
        };
        let put = move |tx: &dyn WriteTx| {
            assert!(tx.tenant_mut(tenant).pictures_mut().put(user, &picture)?);
            Ok(())
        };
        self.house().write(put).await;
    }

    /// How many audit rows each chain has, and how many mails there are.
    pub(crate) async fn traces(&self) -> (Vec<u64>, usize) {
        let read = self.house().app.store.read(|tx| {
            let chains = tx.audit().chains()?.into_iter();
            chains
                .map(|chain| Ok(tx.audit().head(chain)?.number))
                .collect::<Result<_, StoreError>>()
        });
        let mails = self.mailing.rows().await.len();
        assert!(mails < 200, "no more are counted");
        (read.await.unwrap(), mails)
    }

    /// The one audit row of an action.
    pub(crate) async fn row(&self, action: &str) -> AuditRow {
        let mut rows = self.rows(action).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// The audit rows of an action, the newest first.
    pub(crate) async fn rows(&self, action: &str) -> Vec<AuditRow> {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        let page = PageRequest {
            limit: 200,
            after: None,
        };
        let store = &self.house().app.store;
        let read = store.read(move |tx| tx.audit().list(&filter, &page));
        read.await.unwrap()
    }
}

/// A request of any method.
pub(crate) fn request(method: &'static str, path: &str, body: Option<Value>) -> Ask {
    Ask {
        method,
        body,
        ..get(path)
    }
}

/// A user as the operator names it.
pub(crate) fn named(id: &str) -> UserRef {
    UserRef {
        tenant: None,
        name: id.to_owned(),
    }
}

fn system(id: TenantId) -> Tenant {
    Tenant {
        id,
        slug: "system".parse().unwrap(),
        name: "system".to_owned(),
        status: TenantStatus::Active,
        time_zone: "UTC".to_owned(),
        plan: "free".to_owned(),
        ends_at: None,
        max_users: None,
        created_at: NOW,
        updated_at: NOW,
    }
}
