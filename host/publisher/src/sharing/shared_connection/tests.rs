//! Which calls a connection takes, and how many.

use std::pin::pin;
use std::task::Waker;

use super::*;
use crate::contract::{Broker, ConnectOptions, Qos, Transport};
use crate::error::Unsettled;
use crate::options::plain;

fn options(keep_alive: u16) -> Arc<Options> {
    let broker = Broker { transport: Transport::Tcp, host: "h".to_owned(), port: 1, path: String::new() };
    Arc::new(Options::new(ConnectOptions { keep_alive, ..plain(broker) }))
}

fn work() -> Option<Work> {
    let now = Instant::now();
    let message = Message {
        topic: "t".to_owned(),
        payload: Vec::new(),
        qos: Qos::AtLeastOnce,
        retain: false,
        properties: None,
    };
    let messages = vec![(message, now)];
    Some(Work { messages, started: now, deadline: now, retries: 0, stages: Box::new(Stages::begin(now)) })
}

#[tokio::test]
async fn a_connection_takes_so_many_calls_and_further_ones_wait() {
    let (tenant, options) = (Tenant::unrestricted("t"), options(60));
    let connection =
        Arc::new(SharedConnection::new(tenant.clone(), Arc::clone(&options), HashSet::new(), None));
    let mut tickets = Vec::new();
    for _ in 0..MAX_CALLS {
        tickets.push(connection.join(&tenant, &options, &mut work()).await.unwrap());
    }
    let mut more = work();
    {
        let mut context = Context::from_waker(Waker::noop());
        let mut join = pin!(connection.join(&tenant, &options, &mut more));
        assert!(join.as_mut().poll(&mut context).is_pending());
        tickets.pop();
        assert!(matches!(join.poll(&mut context), Poll::Ready(Some(_))));
    }
    assert!(more.is_none(), "it was handed over");
}

#[tokio::test]
async fn a_connection_is_for_one_tenant_with_one_set_of_options_and_not_for_ever() {
    let (tenant, same_name) = (Tenant::unrestricted("t"), Tenant::unrestricted("t"));
    let connection = Arc::new(SharedConnection::new(tenant.clone(), options(60), HashSet::new(), None));
    assert!(connection.join(&tenant, &options(7), &mut work()).await.is_none(), "other options");
    assert!(connection.join(&same_name, &options(60), &mut work()).await.is_none(), "other grants, perhaps");
    let ticket = connection.join(&tenant, &options(60), &mut work()).await;
    connection.retire();
    let mut kept = work();
    assert!(connection.join(&tenant, &options(60), &mut kept).await.is_none(), "retired");
    assert!(kept.is_some(), "who could not join keeps the messages");
    let (settlements, _) = ticket
        .unwrap()
        .end(|_, untouched| {
            assert!(untouched);
            Error::Lost("over".to_owned())
        })
        .unwrap();
    assert_eq!(settlements, [Err(Unsettled::not_sent(Error::Lost("over".to_owned())))]);
    assert!(connection.lock().abandoned, "nobody is left who waits");
}
