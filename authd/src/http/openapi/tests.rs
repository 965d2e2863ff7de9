//! The document against the table of routes, and its examples against the types of bodies.

use std::collections::BTreeSet;

use super::*;
use crate::http::route::Access;

/// Operations of the document with their names.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, _)| {
        let methods: &Map<String, Value> = Value::as_object(methods).unwrap();
        let path = path.clone();
        let named = methods.iter().map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        });
        named.collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn every_route_has_its_entry_and_every_entry_its_route() {
    let sections = entries::all();
    let entries = sections.iter().flat_map(|section| &section.entries);
    let entries: Vec<&str> = entries.map(|entry| entry.route).collect();
    let written: BTreeSet<String> = entries.iter().map(ToString::to_string).collect();
    assert_eq!(written.len(), entries.len(), "an entry stands there twice");
    let routes: BTreeSet<String> = router::table().iter().map(name).collect();
    let missing: Vec<&String> = routes.difference(&written).collect();
    assert!(
        missing.is_empty(),
        "routes without an entry in authd/src/http/openapi/entries: {missing:?}"
    );
    let left_over: Vec<&String> = written.difference(&routes).collect();
    assert!(
        left_over.is_empty(),
        "entries without a route: {left_over:?}"
    );
    let document = document();
    let documented: BTreeSet<String> = operations(&document)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(documented, routes);
}

#[test]
fn every_body_has_an_example_that_its_reader_takes() {
    let sections = entries::all();
    let known = by_route(&sections);
    let mut book = Book::new();
    for (route, describe) in router::described() {
        let mut draft = draft::Draft::default();
        describe(&mut draft, &mut book);
        let (_, entry) = known[name(&route).as_str()];
        let Some(body) = draft.body else {
            assert!(entry.example.is_none(), "{}: no body", entry.route);
            continue;
        };
        // A file is its own example.
        if body
            .content
            .iter()
            .any(|(kind, _)| *kind == "multipart/form-data")
        {
            continue;
        }
        let example = entry
            .example
            .unwrap_or_else(|| panic!("{}: no example", entry.route));
        let read = (body.reads)(example);
        assert_eq!(read, Ok(()), "{}: {example}", entry.route);
    }
    assert_eq!(book.clashes(), Vec::<String>::new());
}

#[test]
fn v8_1_1_the_document_names_who_may_use_each_route() {
    let document = document();
    let operations: BTreeMap<String, &Value> = operations(&document).into_iter().collect();
    let bearer = json!({"bearer": []});
    for route in router::table() {
        let operation = operations[&name(&route)];
        let security = operation["security"].as_array().unwrap();
        let permission = &operation["x-permission"];
        match route.access {
            Access::Public => assert!(
                security.is_empty() || security.contains(&json!({})),
                "{route:?}"
            ),
            Access::SignedIn => assert_eq!(
                security.as_slice(),
                std::slice::from_ref(&bearer),
                "{route:?}"
            ),
            Access::Permission(needed) => {
                assert_eq!(permission, needed);
                assert_eq!(
                    security.as_slice(),
                    std::slice::from_ref(&bearer),
                    "{route:?}"
                );
            }
            Access::ServiceClient => assert_eq!(*security, [json!({"client": []})], "{route:?}"),
        }
        let is_permitted = matches!(route.access, Access::Permission(_));
        assert_eq!(permission.is_string(), is_permitted, "{route:?}");
    }
    // What is covered for whom lacks the right, and what needs one more, stands at the member.
    let member = |schema: &str, name: &str| {
        document["components"]["schemas"][schema]["properties"][name].clone()
    };
    assert_eq!(member("UserView", "phone")["x-masked-unless"], "users:edit");
    assert_eq!(
        member("EmployeeView", "kra_pin")["x-masked-unless"],
        "users:edit"
    );
    for view in ["AttemptView", "AuditView", "LockoutView", "SessionView"] {
        assert_eq!(
            member(view, "email")["x-permission"],
            "users:view",
            "{view}"
        );
    }
    assert_eq!(
        member("TenantBody", "subscription")["x-permission"],
        "subscriptions:edit"
    );
    assert_eq!(member("EmployeeBody", "is_tenant_admin")["x-rule"], 14);
}

#[test]
fn every_body_of_json_refuses_unknown_members() {
    let document = document();
    for (name, operation) in operations(&document) {
        let content = &operation["requestBody"]["content"];
        let Some(kinds) = content
            .as_object()
            .filter(|kinds| !kinds.contains_key("image/png"))
        else {
            continue;
        };
        for media in kinds.values() {
            let place = media["schema"]["$ref"].as_str().unwrap();
            let schema = document.pointer(place.strip_prefix('#').unwrap()).unwrap();
            assert_closed(schema, &name);
        }
    }
}

/// Objects of a body take no other members than the schema names, at every depth.
fn assert_closed(schema: &Value, place: &str) {
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["additionalProperties"], false, "{place}");
        for (name, property) in properties {
            assert_closed(property, &format!("{place} {name}"));
        }
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        assert_closed(choice, place);
    }
}

#[test]
fn every_code_is_an_answer_of_some_route() {
    // The operator's own, and one for methods that a path does not have.
    let elsewhere = [
        common::error::ErrorCode::MethodNotAllowed,
        common::error::ErrorCode::NoMailTransport,
    ];
    let document = document();
    for code in common::error::ErrorCode::ALL {
        let refusals = document["components"]["responses"].to_string();
        let listed = refusals.contains(&format!("\"{code}\""));
        assert_eq!(listed, !elsewhere.contains(code), "{code}");
    }
}

/// The document in the tree is the one of this code. `cargo run -p authd -- openapi -o FILE` renews it.
#[test]
fn the_document_in_the_tree_is_that_of_the_code() {
    let kept = include_str!("../../../openapi.json");
    let made = text();
    let renewal = "cargo run -p authd -- openapi -o authd/openapi.json";
    let differing = kept
        .lines()
        .zip(made.lines())
        .find(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "authd/openapi.json is stale; renew it by: {renewal}\n{differing:?}"
    );
}
