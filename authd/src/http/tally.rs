//! All answers since the start, by route and class of status. The routes are those of the table, so
//! that nothing a caller wrote becomes a label. Counting takes no lock and allocates nothing.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use common::error::ErrorCode;
use common::sharded::Striped;
use common::tally::{Counter, Spread, Times, float};
use common::view::Family;

use super::router;

/// Times that answers are told by: from a warm check to the request's own limit.
const BOUNDS: &[Duration] = &[
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_micros(2500),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];
/// Classes of status that answers have.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
/// What stands for methods and paths that no route has.
const OTHER: &str = "other";

/// Where answers of a route are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RouteNumber(usize);

/// The counters.
#[derive(Debug)]
pub(super) struct Tally {
    /// Method and path of each route; the first is none.
    names: Vec<(&'static str, &'static str)>,
    numbers: HashMap<(&'static str, &'static str), RouteNumber>,
    routes: Striped<Box<[Answers]>>,
    codes: Box<[Counter]>,
}

/// Answers of one route.
#[derive(Debug)]
struct Answers {
    classes: [Counter; CLASSES.len()],
    times: Times,
}

impl Answers {
    fn none() -> Self {
        Self {
            classes: Default::default(),
            times: Times::within(BOUNDS),
        }
    }
}

impl Tally {
    /// Nothing counted yet, of any route.
    pub(super) fn of_all_routes() -> Self {
        let table = router::table();
        let names = std::iter::once((OTHER, OTHER))
            .chain(table.iter().map(|route| (route.method, route.path)));
        let names: Vec<_> = names.collect();
        let numbers = names
            .iter()
            .enumerate()
            .map(|(number, name)| (*name, RouteNumber(number)))
            .collect();
        Self {
            routes: Striped::new(|| names.iter().map(|_| Answers::none()).collect()),
            codes: ErrorCode::ALL.iter().map(|_| Counter::default()).collect(),
            names,
            numbers,
        }
    }

    /// Where answers to a method at a route are counted.
    pub(super) fn number_of(&self, method: &str, route: Option<&str>) -> RouteNumber {
        // A route that answers GET answers HEAD.
        let method = if method == "HEAD" { "GET" } else { method };
        route
            .and_then(|route| self.numbers.get(&(method, route)))
            .copied()
            .unwrap_or(RouteNumber(0))
    }

    /// Counts an answer; its code, where it is a refusal.
    pub(super) fn count(
        &self,
        number: RouteNumber,
        took: Duration,
        status: StatusCode,
        code: Option<ErrorCode>,
    ) {
        let answers = self.routes.own().and_then(|routes| routes.get(number.0));
        if let Some(answers) = answers {
            let class = usize::from(status.as_u16() / 100).saturating_sub(2);
            if let Some(class) = answers.classes.get(class) {
                class.one();
            }
            answers.times.took(took);
        }
        let place = code.and_then(|code| ErrorCode::ALL.iter().position(|known| *known == code));
        if let Some(counter) = place.and_then(|place| self.codes.get(place)) {
            counter.one();
        }
    }

    /// What was counted; of routes that nobody has asked there is nothing.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut requests = Family::counter(
            "authd_http_requests_total",
            "Answers of the HTTP API, by method, route and class of status.",
        );
        let mut times = Family::histogram(
            "authd_http_request_duration_seconds",
            "Time from the head of a request to its answer.",
        );
        for (number, (method, route)) in self.names.iter().enumerate() {
            let (classes, spread) = self.sum(number);
            if spread.total() == 0 {
                continue;
            }
            let labels = [("method", *method), ("route", *route)];
            for (class, count) in CLASSES.iter().zip(classes).filter(|(_, count)| *count > 0) {
                let labels = [labels[0], labels[1], ("status", *class)];
                requests = requests.labelled(&labels, float(count));
            }
            times = times.spread(&labels, &spread);
        }
        let errors = ErrorCode::ALL.iter().zip(&self.codes).fold(
            Family::counter(
                "authd_http_errors_total",
                "Refusals of the HTTP API, by error code.",
            ),
            |family, (code, counter)| {
                family.labelled(&[("code", code.as_str())], float(counter.total()))
            },
        );
        vec![requests, times, errors]
    }

    fn sum(&self, number: usize) -> ([u64; CLASSES.len()], Spread) {
        let (mut classes, mut spread) = ([0_u64; CLASSES.len()], Spread::default());
        for answers in self.routes.all().filter_map(|routes| routes.get(number)) {
            for (sum, class) in classes.iter_mut().zip(&answers.classes) {
                *sum = sum.saturating_add(class.total());
            }
            spread.add(answers.times.spread());
        }
        (classes, spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(families: &[Family], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let samples = families.iter().flat_map(|family| &family.samples);
        let fits = |sample: &&common::view::Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(name, value)| sample.labels.get(*name).is_some_and(|is| is == value))
        };
        samples.filter(fits).map(|sample| sample.value).next()
    }

    #[test]
    fn answers_are_counted_by_route_class_and_code() {
        let tally = Tally::of_all_routes();
        let took = Duration::from_millis(3);
        let show = tally.number_of("GET", Some("/v1/users/{id}"));
        assert_eq!(show, tally.number_of("HEAD", Some("/v1/users/{id}")));
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| tally.count(show, took, StatusCode::OK, None));
            }
        });
        let code = Some(ErrorCode::NotFound);
        tally.count(show, took, StatusCode::NOT_FOUND, code);
        let families = tally.families();
        let of = |name: &str, labels: &[(&str, &str)]| sample(&families, name, labels);
        let route = ("route", "/v1/users/{id}");
        let requests = "authd_http_requests_total";
        assert_eq!(of(requests, &[route, ("status", "2xx")]), Some(20.0));
        assert_eq!(of(requests, &[route, ("status", "4xx")]), Some(1.0));
        assert_eq!(of(requests, &[route, ("status", "5xx")]), None);
        let times = "authd_http_request_duration_seconds_bucket";
        assert_eq!(of(times, &[route, ("le", "0.0025")]), Some(0.0));
        assert_eq!(of(times, &[route, ("le", "0.01")]), Some(21.0));
        let errors = "authd_http_errors_total";
        assert_eq!(of(errors, &[("code", "not_found")]), Some(1.0));
        assert_eq!(of(errors, &[("code", "internal")]), Some(0.0));
        assert_eq!(of(requests, &[("route", "/v1/me")]), None);
    }

    #[test]
    fn what_a_caller_makes_up_has_one_place() {
        let tally = Tally::of_all_routes();
        let other = RouteNumber(0);
        for (method, route) in [
            ("GET", None),
            ("BREW", Some("/v1/me")),
            ("DELETE", Some("/v1/me")),
            ("GET", Some("/v1/nothing")),
        ] {
            assert_eq!(tally.number_of(method, route), other, "{method} {route:?}");
        }
        assert_ne!(tally.number_of("GET", Some("/v1/me")), other);
    }
}
