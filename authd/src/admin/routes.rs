//! Every call of the admin channel on one page, and the one way in which each is served: the socket
//! must carry the call before anything of the request is read (G21), then its query or body is read
//! strictly, then the use case answers.

use std::any::{Any, TypeId};
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use common::call::{AdminCall, Change, Method, Socket};
use common::error::ErrorCode;
use tracing::Instrument;

use crate::admin::{
    apply, attempt, audit, backup, cache, client, daemon, db, explain, job, key, lockout, mail,
    permission, registration, role, session, setting, status, tenant, token, user,
};
use crate::app::job::{Reporter, line};
use crate::app::status::Running;
use crate::app::{App, Error, Operator};
use crate::http::body::{BodyLimit, JsonAnswer, JsonBody};
use crate::http::error::Refusal;
use crate::http::extract::{NoQuery, QueryParams};

/// The calls, each at its path. The layers of the admin channel's door go around it; they put the
/// [`Operator`] into each request, and give refusals their shape.
pub fn router(app: &Arc<App>, running: &Arc<Running>) -> Router {
    all(running).router.with_state(Arc::clone(app))
}

fn all(running: &Arc<Running>) -> Routes {
    let routes = status::add(Routes::default(), Arc::clone(running));
    let routes = tenant::add(routes);
    let routes = setting::add(routes);
    let routes = user::add(routes);
    let routes = role::add(routes);
    let routes = permission::add(routes);
    let routes = lockout::add(routes);
    let routes = mail::add(routes);
    let routes = attempt::add(routes);
    let routes = explain::add(routes);
    let routes = apply::add(routes);
    let routes = registration::add(routes);
    let routes = client::add(routes);
    let routes = session::add(routes);
    let routes = key::add(routes);
    let routes = token::add(routes);
    let routes = audit::add(routes);
    let routes = backup::add(routes);
    let routes = db::add(routes);
    let routes = cache::add(routes);
    daemon::add(routes, &running.steering)
}

/// Routes as they are added.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Arc<App>>,
    /// Method and path of each, for the test that holds them against the list of all calls.
    served: Vec<(&'static str, &'static str)>,
}

impl Routes {
    /// Serves a call with a handler.
    pub(super) fn on<C, H, F>(self, handler: H) -> Self
    where
        C: AdminCall,
        H: Fn(Arc<App>, Operator, C) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<C::Answer, Error>> + Send,
    {
        let endpoint = move |State(app): State<Arc<App>>, request: Request| {
            let handler = handler.clone();
            async move { answer(app, request, handler).await }
        };
        self.serve::<C, _, _>(endpoint)
    }

    /// Serves a call whose body may have so many bytes, whatever the door's own limit is.
    pub(super) fn on_up_to<C, H, F>(self, limit: fn(&App) -> usize, handler: H) -> Self
    where
        C: AdminCall,
        H: Fn(Arc<App>, Operator, C) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<C::Answer, Error>> + Send,
    {
        let endpoint = move |State(app): State<Arc<App>>, mut request: Request| {
            let handler = handler.clone();
            request.extensions_mut().insert(BodyLimit(limit(&app)));
            async move { answer(app, request, handler).await }
        };
        self.serve::<C, _, _>(endpoint)
    }

    /// Serves a call that takes long with a handler; its answer comes in frames.
    pub(super) fn on_job<C, H, F>(self, handler: H) -> Self
    where
        C: AdminCall,
        H: Fn(Arc<App>, Operator, C, Reporter) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<C::Answer, Error>> + Send + 'static,
    {
        let endpoint = move |State(app): State<Arc<App>>, request: Request| {
            let handler = handler.clone();
            async move {
                let (operator, call) = take::<C>(request).await?;
                let (reporter, events) = line();
                let id = operator.request_id;
                let span = tracing::info_span!("job", request_id = %id);
                let work = handler(app, operator, call, reporter).instrument(span);
                job::answer(tokio::spawn(work), events, id).await
            }
        };
        self.serve::<C, _, _>(endpoint)
    }

    fn serve<C, E, T>(mut self, endpoint: E) -> Self
    where
        C: AdminCall,
        E: Handler<T, Arc<App>>,
        T: 'static,
    {
        let filter = match C::METHOD {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        };
        self.router = self.router.route(C::PATH, on(filter, endpoint));
        self.served.push((C::METHOD.as_str(), C::PATH));
        self
    }
}

async fn answer<C, H, F>(
    app: Arc<App>,
    request: Request,
    handler: H,
) -> Result<JsonAnswer<C::Answer>, Refusal>
where
    C: AdminCall,
    H: Fn(Arc<App>, Operator, C) -> F,
    F: Future<Output = Result<C::Answer, Error>>,
{
    let (operator, call) = take::<C>(request).await?;
    let rehearses = operator.is_rehearsal();
    let mut answer = handler(app, operator, call).await?;
    if rehearses {
        mark_rehearsed(&mut answer);
    }
    Ok(JsonAnswer(answer))
}

/// Who calls, and what: rights before anything of the request is read.
async fn take<C: AdminCall>(request: Request) -> Result<(Operator, C), Refusal> {
    let (mut parts, body) = request.into_parts();
    let operator = Operator::from_request_parts(&mut parts, &()).await?;
    if !C::allowed_on(operator.socket) {
        return Err(closed::<C>(operator.socket).into());
    }
    if operator.is_rehearsal() && !operator.socket.shows_personal() {
        return Err(rehearsed_elsewhere(operator.socket).into());
    }
    if operator.is_rehearsal() && !can_be_rehearsed::<C>() {
        return Err(not_rehearsed::<C>().into());
    }
    let call = read::<C>(Request::from_parts(parts, body)).await?;
    Ok((operator, call))
}

/// Reading changes nothing, and a change that answers with [`Change`] is all within the store, which
/// undoes it. Whatever answers otherwise is refused until somebody has thought about it.
fn can_be_rehearsed<C: AdminCall>() -> bool {
    !C::CHANGES || TypeId::of::<C::Answer>() == TypeId::of::<Change>()
}

/// Says in the answer that nothing of it stayed: there is no row of it, and no password is set that
/// could be shown.
fn mark_rehearsed(answer: &mut dyn Any) {
    if let Some(change) = answer.downcast_mut::<Change>() {
        change.dry_run = true;
        change.audit_id = None;
        change.generated_password = None;
        change.client_secret = None;
        change.link = None;
        change.expires_at = None;
    }
}

/// What would happen tells about people: it is for the socket that shows them.
fn rehearsed_elsewhere(socket: Socket) -> Error {
    Error::new(
        ErrorCode::PermissionDenied,
        format!(
            "a rehearsal needs the admin channel; this is {}.sock; nothing was done",
            socket.as_str()
        ),
    )
}

fn not_rehearsed<C: AdminCall>() -> Error {
    Error::field(
        "/dry_run",
        "not_supported",
        format!("\"{}\" cannot be rehearsed; nothing was done", C::NAME),
    )
}

/// Reads the query of a GET, or the body of a POST, which takes no query.
async fn read<C: AdminCall>(request: Request) -> Result<C, Refusal> {
    let (mut parts, body) = request.into_parts();
    match C::METHOD {
        Method::Get => {
            let QueryParams(call) = QueryParams::from_request_parts(&mut parts, &()).await?;
            Ok(call)
        }
        Method::Post => {
            NoQuery::from_request_parts(&mut parts, &()).await?;
            let request = Request::from_parts(parts, body);
            let JsonBody(call) = JsonBody::from_request(request, &()).await?;
            Ok(call)
        }
    }
}

fn closed<C: AdminCall>(socket: Socket) -> Error {
    Error::new(
        ErrorCode::PermissionDenied,
        format!(
            "\"{}\" needs the admin channel; this is {}.sock",
            C::NAME,
            socket.as_str()
        ),
    )
    .with_hint("Use sudo, or ask a member of authd-admin.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use common::time::Time;
    use common::view::{ConfigFaultView, ConfigView};

    use super::*;
    use crate::app::daemon::{Later, Prepared, Steering};
    use crate::app::stats::Figures;
    use crate::app::status::{Traffic, TrafficFigures};

    struct Quiet;

    impl TrafficFigures for Quiet {
        fn traffic(&self) -> Traffic {
            Traffic::default()
        }
    }

    impl Steering for Quiet {
        fn config(&self) -> ConfigView {
            ConfigView {
                files: Vec::new(),
                settings: Vec::new(),
                log_level: None,
            }
        }
        fn prepare(&self) -> Later<Result<Box<dyn Prepared>, Vec<ConfigFaultView>>> {
            Box::pin(async { Err(Vec::new()) })
        }
        fn level(&self) -> String {
            String::new()
        }
        fn check_level(&self, _: &str) -> Result<(), String> {
            Ok(())
        }
        fn set_level(&self, _: &str, _: Option<Duration>) {}
    }

    #[test]
    fn g21_every_call_has_its_route_and_every_route_is_a_call() {
        let running = Arc::new(Running {
            started_at: Time::default(),
            config_files: Vec::new(),
            public_url: String::new(),
            listen: Vec::new(),
            traffic: Arc::new(Quiet),
            figures: Figures::default(),
            steering: Arc::new(Quiet),
            warnings: Arc::new(Vec::new),
        });
        let served = all(&running).served;
        let calls = common::call::all();
        assert_eq!(served.len(), calls.len());
        assert_eq!(
            served.into_iter().collect::<BTreeSet<_>>(),
            calls
                .iter()
                .map(|call| (call.method, call.path))
                .collect::<BTreeSet<_>>()
        );
    }
}
