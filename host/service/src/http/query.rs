//! What stands behind `?`: each name once, and none that is not known.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::Query as Pairs;
use axum::http::Uri;

use super::prefer::seconds;
use super::problem::Problem;
use crate::execution::Status;
use crate::query::Query;

/// Hands each name and value to `take`, which answers what would be right, or that the name is not known.
fn read(
    uri: &Uri,
    known: &str,
    mut take: impl FnMut(&str, &str) -> Result<(), Wrong>,
) -> Result<(), Problem> {
    let Ok(Pairs(pairs)) = Pairs::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(Problem::bad_request("what stands behind ? is not like name=value&name=value"));
    };
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &pairs {
        if seen.contains(&name.as_str()) {
            return Err(Problem::bad_request("a name stands twice behind ?: each stands there once"));
        }
        seen.push(name);
        // As a form leaves it that nobody has filled in.
        if value.is_empty() {
            continue;
        }
        take(name, value).map_err(|wrong| match wrong {
            Wrong::Name => Problem::bad_request(format_args!("a name behind ? is not known: {known}")),
            Wrong::Value(wants) => Problem::bad_request(format_args!("{name} behind ? wants {wants}")),
        })?;
    }
    Ok(())
}

enum Wrong {
    Name,
    Value(&'static str),
}

/// What is asked for with `?wait=`.
pub(super) fn wait(uri: &Uri) -> Result<Option<Duration>, Problem> {
    let mut wait = None;
    read(uri, "only wait is", |name, value| match name {
        "wait" => {
            wait = Some(seconds(value).ok_or(Wrong::Value("a whole number of seconds, as in wait=30"))?);
            Ok(())
        }
        _ => Err(Wrong::Name),
    })?;
    Ok(wait)
}

/// Which executions are listed.
pub(super) fn list(uri: &Uri) -> Result<Query, Problem> {
    let mut query = Query::default();
    read(uri, "status, dead-letters, since, topic, cursor and limit are", |name, value| {
        match name {
            "status" => {
                let status = Status::ALL.into_iter().find(|status| status.as_str() == value);
                let wants = "one of accepted, running, finished, cancelled and expired";
                query.status = Some(status.ok_or(Wrong::Value(wants))?);
            }
            "dead-letters" => {
                query.dead_letters = value.parse().map_err(|_| Wrong::Value("true or false"))?;
            }
            "since" => {
                let wants = "a time of RFC 3339, as in since=2026-11-29T06:30:00Z";
                query.since = Some(value.parse().map_err(|_| Wrong::Value(wants))?);
            }
            "topic" => query.topic = Some(value.to_owned()),
            "cursor" => {
                let wants = "the cursor that the page before ended with";
                query.cursor = Some(value.parse().map_err(|_| Wrong::Value(wants))?);
            }
            "limit" => {
                let limit = value.parse::<NonZeroU32>().ok().filter(|limit| limit.get() <= Query::MOST);
                query.limit = Some(limit.ok_or(Wrong::Value("a whole number from 1 to 1000"))?);
            }
            _ => return Err(Wrong::Name),
        }
        Ok(())
    })?;
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for() {
        let uri = "/v1/executions?status=finished&since=2026-11-29T07:30:00%2B01:00&topic=a%2Fb&cursor=1f&limit=7&dead-letters=true";
        let query = list(&uri.parse().unwrap()).unwrap();
        let wanted = Query {
            tenant: None,
            status: Some(Status::Finished),
            dead_letters: true,
            since: Some("2026-11-29T06:30:00Z".parse().unwrap()),
            topic: Some("a/b".to_owned()),
            cursor: Some("1f".parse().unwrap()),
            limit: NonZeroU32::new(7),
        };
        assert_eq!(query, wanted);
        for nothing in
            ["/v1/executions", "/v1/executions?", "/v1/executions?status=&since=&topic=&cursor=&limit="]
        {
            assert_eq!(list(&nothing.parse().unwrap()).unwrap(), Query::default(), "{nothing}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, detail) in [
            (
                "/?status=done",
                "status behind ? wants one of accepted, running, finished, cancelled and expired",
            ),
            (
                "/?stauts=x",
                "a name behind ? is not known: status, dead-letters, since, topic, cursor and limit are",
            ),
            ("/?limit=0", "limit behind ? wants a whole number from 1 to 1000"),
            ("/?limit=1001", "limit behind ? wants a whole number from 1 to 1000"),
            ("/?since=now", "since behind ? wants a time of RFC 3339, as in since=2026-11-29T06:30:00Z"),
            ("/?cursor=-", "cursor behind ? wants the cursor that the page before ended with"),
            ("/?limit=1&limit=2", "a name stands twice behind ?: each stands there once"),
        ] {
            let problem = list(&uri.parse().unwrap()).unwrap_err();
            let problem = serde_json::to_value(problem).unwrap();
            assert_eq!(problem["detail"], detail, "{uri}");
        }
        assert_eq!(wait(&"/?wait=30".parse().unwrap()).unwrap(), Some(Duration::from_secs(30)));
        wait(&"/?wait=x".parse().unwrap()).unwrap_err();
        wait(&"/?status=x".parse().unwrap()).unwrap_err();
    }
}
