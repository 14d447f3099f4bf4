//! A browser of the wallet's page, as far as HTTP goes.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::bench::Bench;
use crate::process::Running;

/// What a browser knows of the page.
pub(super) struct Page {
    pub(super) address: String,
    /// The path that opened it.
    pub(super) entry: String,
    cookie: String,
    agent: ureq::Agent,
}

type Headers = Vec<(String, String)>;

impl Page {
    /// Starts the wallet's page and goes in.
    pub(super) fn open(bench: &Bench, wallet: &str) -> (Running, Self) {
        let mut process = bench.start_wallet(wallet, &["ui", "--web"]);
        let url = process.event("page")["url"].as_str().unwrap().to_owned();
        let (address, query) = url.split_once("/?").unwrap();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // The page closes a connection over which too much came: the next request needs its own.
            .max_idle_connections(0)
            .proxy(None)
            .build();
        let mut page = Self {
            address: address.to_owned(),
            entry: format!("/?{query}"),
            cookie: String::new(),
            agent: config.into(),
        };
        let (status, _, headers) = page.full(&page.entry.clone(), &[]);
        assert_eq!(status, 303);
        let cookie = headers.iter().find(|(name, _)| name == "set-cookie").unwrap().1.clone();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        cookie.split(';').next().unwrap().clone_into(&mut page.cookie);
        (process, page)
    }

    pub(super) fn full(&self, path: &str, more: &[(&str, &str)]) -> (u16, String, Headers) {
        let mut request = self.agent.get(format!("{}{path}", self.address));
        request = request.header("cookie", &self.cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let mut answer = request.call().unwrap();
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let status = answer.status().as_u16();
        (status, answer.body_mut().read_to_string().unwrap(), headers)
    }

    pub(super) fn get(&self, path: &str, more: &[(&str, &str)]) -> (u16, String) {
        let (status, body, _) = self.full(path, more);
        (status, body)
    }

    pub(super) fn without_cookie(&self, path: &str) -> (u16, String) {
        let mut answer = self.agent.get(format!("{}{path}", self.address)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    pub(super) fn post(&self, wish: &Value, more: &[(&str, &str)]) -> (u16, String) {
        let mut request = self.agent.post(format!("{}/wish", self.address));
        request = request.header("cookie", &self.cookie).content_type("application/json");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(wish.to_string()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// Asks as the page does.
    pub(super) fn wish(&self, wish: &Value) -> Result<(), String> {
        let (status, answer) = self.post(wish, &[("x-onehop", "1")]);
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        match status {
            200 => Ok(()),
            409 => Err(answer["why"].as_str().unwrap().to_owned()),
            other => panic!("{other}: {answer}"),
        }
    }

    pub(super) fn view(&self) -> Value {
        serde_json::from_str(&self.get("/view", &[]).1).unwrap()
    }

    /// Follows what the page is told until a picture `is_it`.
    #[track_caller]
    pub(super) fn until(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let request = self.agent.get(format!("{}/events", self.address));
        let answer = request.header("cookie", &self.cookie).call().unwrap();
        let lines = BufReader::new(answer.into_body().into_reader()).lines();
        let mut last = Value::Null;
        for line in lines.map_while(Result::ok) {
            let Some(text) = line.strip_prefix("data: ") else { continue };
            last = serde_json::from_str(text).unwrap();
            if is_it(&last) {
                return last;
            }
        }
        panic!("the page was told no more: {last}");
    }
}
