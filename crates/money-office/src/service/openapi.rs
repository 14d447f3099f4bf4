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
        handlers::relay,
        handlers::office,
        handlers::outcome,
        handlers::health,
        handlers::openapi,
    ),
    components(schemas(Problem, handlers::Canonical))
)]
struct Description;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "money-office for its operator",
        description = "Commands are signed by the operator's key (protocol-spec.md, section 9.9).",
    ),
    paths(
        handlers::operator,
        handlers::office,
        handlers::metrics,
        handlers::health,
        handlers::operator_openapi,
    ),
    components(schemas(Problem, handlers::Canonical))
)]
struct OperatorDescription;

/// The OpenAPI document of the wallets' side, as JSON.
#[must_use]
pub fn document() -> String {
    Description::openapi().to_json().unwrap_or_default()
}

/// The OpenAPI document of the operator's side, as JSON.
#[must_use]
pub fn operator_document() -> String {
    OperatorDescription::openapi().to_json().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::service::{OPERATOR_ROUTES, ROUTES};

    fn described(document: &str) -> BTreeSet<(String, String)> {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        let paths = document.get("paths").and_then(serde_json::Value::as_object).unwrap();
        let of = |(path, methods): (&String, &serde_json::Value)| {
            let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
            let path = path.clone();
            methods.into_iter().map(move |method| (method, path.clone()))
        };
        paths.iter().flat_map(of).collect()
    }

    #[test]
    fn each_document_describes_every_route_of_its_side_and_no_other() {
        let named = |(method, path): &(&str, &str)| ((*method).to_owned(), (*path).to_owned());
        assert_eq!(described(&document()), ROUTES.iter().map(named).collect());
        assert_eq!(described(&operator_document()), OPERATOR_ROUTES.iter().map(named).collect());
    }
}
