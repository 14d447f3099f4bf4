//! What an operator's monitor reads: requests, answers and how long they took.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the buckets, in seconds: an answer waits for a force of the disk.
const BUCKETS: [f64; 9] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

/// By which requests are counted. Paths are those of the service, never what a client made up.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Request {
    path: &'static str,
    status: u16,
}

/// By which durations are counted.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Path {
    path: &'static str,
}

/// Counters of one service.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Request, Counter>,
    seconds: Family<Path, Histogram>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("money_office");
        let requests = Family::<Request, Counter>::default();
        let seconds = Family::<Path, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let help = "Requests answered, by path of the service and status";
        registry.register("requests", help, requests.clone());
        let help = "From a request to its durable answer";
        registry.register_with_unit("request", help, Unit::Seconds, seconds.clone());
        Self { registry: Arc::new(registry), requests, seconds }
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, path: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Request { path, status }).inc();
        self.seconds.get_or_create(&Path { path }).observe(took.as_secs_f64());
    }

    /// All of them as text that Prometheus reads.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        encode(&mut text, &self.registry).ok();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_path_and_status() {
        let metrics = Metrics::new();
        metrics.answered("/v1/sync", 200, Duration::from_millis(3));
        metrics.answered("/v1/sync", 200, Duration::from_millis(30));
        metrics.answered("/v1/sync", 422, Duration::from_micros(3));
        let text = metrics.text();
        for line in [
            r#"money_office_requests_total{path="/v1/sync",status="200"} 2"#,
            r#"money_office_requests_total{path="/v1/sync",status="422"} 1"#,
            r#"money_office_request_seconds_count{path="/v1/sync"} 3"#,
            r#"money_office_request_seconds_bucket{le="0.005",path="/v1/sync"} 2"#,
        ] {
            assert!(text.lines().any(|it| it == line), "no {line} in {text}");
        }
    }
}
