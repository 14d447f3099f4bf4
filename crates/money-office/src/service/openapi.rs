//! The service's description, made from the handlers themselves.

use utoipa::OpenApi;

use crate::service::{Problem, handlers};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "money-office",
        description = "Bodies are canonical bytes (protocol-spec.md, sections 3 and 9).",
    ),
    paths(
        handlers::enrol,
        handlers::sync,
        handlers::claim,
        handlers::resolve,
        handlers::office,
        handlers::outcome,
        handlers::operator,
        handlers::health,
        handlers::openapi,
    ),
    components(schemas(Problem, handlers::Canonical))
)]
struct Description;

/// The OpenAPI document as JSON.
#[must_use]
pub fn document() -> String {
    Description::openapi().to_json().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::service::ROUTES;

    #[test]
    fn the_document_describes_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
        let mut described = BTreeSet::new();
        let paths = document.get("paths").and_then(serde_json::Value::as_object).unwrap();
        for (path, methods) in paths {
            for method in methods.as_object().unwrap().keys() {
                described.insert((method.clone(), path.clone()));
            }
        }
        let routes = ROUTES.map(|(method, path)| (method.to_owned(), path.to_owned()));
        assert_eq!(described, BTreeSet::from(routes));
    }
}
