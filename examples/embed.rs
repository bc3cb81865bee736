//! A web service with an actor per customer: loyalty points that survive a crash, and that a request adds once.
//!
//! ```sh
//! cargo run --example embed -- /tmp/points tests/contracts/counter-0.1.0.wasm
//! curl -X POST -H 'Idempotency-Key: order-17' -d 5 localhost:8000/ada     # 5
//! curl -X POST -H 'Idempotency-Key: order-17' -d 5 localhost:8000/ada     # 5: the key was used
//! curl localhost:8000/ada                                                 # 5
//! ```
//!
//! An engine is shared by all threads. Calls of different customers run in parallel, calls of one customer one after the
//! other, and queries run beside them. Other processes may use the same store meanwhile, such as the `vactor` command.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiny_http::{Method, Request, Response, Server};
use vactor::{Category, Engine, Error, Options};

/// A class may use up to 1 MiB of a thread's stack; the rest is for this program.
const STACK: usize = 4 << 20;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(class)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embed FOLDER CLASS [ADDRESS]".into());
    };
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let engine = Engine::open(folder)?;
    engine.register("points", &std::fs::read(class)?)?;
    let server = Arc::new(Server::http(address)?);
    eprintln!("listening on {}", server.server_addr());
    let serve = || -> std::io::Result<_> {
        let (engine, server) = (engine.clone(), server.clone());
        std::thread::Builder::new().stack_size(STACK).spawn(move || {
            while let Ok(mut request) = server.recv() {
                let (status, body) = answer(&engine, &mut request);
                // the client may be gone
                let _ = request.respond(Response::from_string(body).with_status_code(status));
            }
        })
    };
    let threads = (0..8).map(|_| serve()).collect::<std::io::Result<Vec<_>>>()?;
    threads.into_iter().for_each(|thread| thread.join().expect("a request does not end the thread"));
    Ok(())
}

/// The status and the body that answer a request.
fn answer(engine: &Engine, request: &mut Request) -> (u16, String) {
    let customer = format!("customer{}", request.url());
    let result = match request.method() {
        Method::Get => engine.get(&customer, "value", Value::Null),
        Method::Post => match points(request) {
            Some(points) => add(engine, &customer, points, key_of(request)),
            None => return (400, "the body must be a number of points\n".to_owned()),
        },
        _ => return (405, "GET shows the points of a customer, POST adds some\n".to_owned()),
    };
    match result {
        Ok(reply) => (200, format!("{}\n", reply.result.as_str())),
        Err(error) => (status(&error), format!("{error}\n")),
    }
}

/// Adds points, and makes the customer's actor before the first.
fn add(engine: &Engine, customer: &str, points: i64, key: Option<String>) -> vactor::Result<vactor::Reply> {
    let deadline = Some(Instant::now() + Duration::from_secs(5));
    let make = Options { deadline, ..Options::default() };
    engine.create_if_absent("points", customer, json!({"init_val": 0}), &make)?;
    engine.call(customer, "incr", json!({"val": points}), &Options { key, deadline, ..Options::default() })
}

fn points(request: &mut Request) -> Option<i64> {
    let mut body = String::new();
    request.as_reader().take(100).read_to_string(&mut body).ok()?;
    body.trim().parse().ok()
}

fn key_of(request: &Request) -> Option<String> {
    let is_key = |header: &&tiny_http::Header| header.field.equiv("Idempotency-Key");
    request.headers().iter().find(is_key).map(|header| header.value.to_string())
}

fn status(error: &Error) -> u16 {
    match error.category() {
        Category::BadInput => 400,
        Category::NotFound => 404,
        Category::Conflict => 409,
        Category::Failure => 422,
        Category::ClassError => 500,
        Category::Store | Category::Interrupted => 503,
    }
}
