//! What the table of routes is made of: a route says who may use it in the line that adds it, and
//! what it says is what is asked before its handler reads anything.

use std::sync::Arc;

use axum::extract::State;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};

use super::authenticated::Administering;
use super::basic::ProvedClient;
use super::openapi::{Describe, Signature};
use crate::app::App;
use crate::app::administer::Needed;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever asks.
    Public,
    /// Who proves a live session, or proves in the handler's own way who asks.
    SignedIn,
    /// Users and service clients that hold this permission. One that exists in `system` only takes no `?tenant=`.
    Permission(&'static str),
    /// Service clients, by their secret; which scope it takes, the use case says.
    ServiceClient,
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: &'static str,
    /// Its path, as the router matches it.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Methods that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// The arguments of a handler that takes [`Administering`] right behind the state. The first of the
/// tuple is axum's own.
pub(super) trait ProvesPermission {}

macro_rules! proves_permission {
    ($($more:ident),*) => {
        impl<M, $($more),*> ProvesPermission for (M, State<Arc<App>>, Administering, $($more,)*) {}
    };
}

proves_permission!();
proves_permission!(A);
proves_permission!(A, B);
proves_permission!(A, B, C);
proves_permission!(A, B, C, D);

/// The arguments of a handler that takes [`ProvedClient`] right behind the state.
pub(super) trait ProvesClient {}

macro_rules! proves_client {
    ($($more:ident),*) => {
        impl<M, $($more),*> ProvesClient for (M, State<Arc<App>>, ProvedClient, $($more,)*) {}
    };
}

proves_client!(A);
proves_client!(A, B);

/// Routes as they are added.
#[derive(Default)]
pub(super) struct Routes {
    /// The router so far.
    pub(super) router: Router<Arc<App>>,
    /// What was added, and what describes it.
    pub(super) table: Vec<(Route, Describe)>,
}

impl Routes {
    /// Adds one that authenticates nobody.
    pub(super) fn public<H, T>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>> + Signature<T>,
        T: 'static,
    {
        self.add(method, path, Access::Public, handler)
    }

    /// Adds one whose handler proves who asks.
    pub(super) fn signed_in<H, T>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>> + Signature<T>,
        T: 'static,
    {
        self.add(method, path, Access::SignedIn, handler)
    }

    /// Adds one for who holds a permission: no other handlers than those that prove it fit here.
    pub(super) fn permits<H, T>(
        self,
        permission: &'static str,
        method: Method,
        path: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<App>> + Signature<T>,
        T: ProvesPermission + 'static,
    {
        self.add(method, path, Access::Permission(permission), handler)
    }

    /// Adds one for service clients: no other handlers than those that prove one fit here.
    pub(super) fn service<H, T>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>> + Signature<T>,
        T: ProvesClient + 'static,
    {
        self.add(method, path, Access::ServiceClient, handler)
    }

    fn add<H, T>(mut self, method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Arc<App>> + Signature<T>,
        T: 'static,
    {
        let mut route = on(method.filter(), handler);
        if let Access::Permission(permission) = access {
            route = route.route_layer(Extension(Needed {
                permission,
                changes: method != Method::Get,
            }));
        }
        self.router = self.router.route(path, route);
        let route = Route {
            method: method.name(),
            path,
            access,
        };
        self.table.push((route, H::describe));
        self
    }
}
