use crate::fault::{Fault, Origin};
use crate::level::Level;
use crate::outgoing::{CallTarget, OutgoingCall};
use bindings::vactor::actor::{context as import, types};

pub mod bindings {
    wit_bindgen::generate!({
        world: "actor",
        path: "wit",
        pub_export_macro: true,
        default_bindings_module: "vactor_sdk::__private::wasm::bindings",
    });
}

/// The host that runs this component.
pub struct Host;

impl Host {
    pub fn class_name(&self) -> String {
        import::class_name()
    }

    pub fn version(&self) -> u32 {
        import::version()
    }

    pub fn actor_id(&self) -> String {
        import::actor_id()
    }

    pub fn invocation(&self) -> String {
        import::invocation()
    }

    pub fn attempt(&self) -> u32 {
        import::attempt()
    }

    pub fn now(&self) -> u64 {
        import::now()
    }

    pub fn random(&self, length: u32) -> Vec<u8> {
        import::random(length)
    }

    pub fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => import::Level::Debug,
            Level::Info => import::Level::Info,
            Level::Warn => import::Level::Warn,
            Level::Error => import::Level::Error,
        };
        import::log(level, message);
    }

    pub fn save(&self, state: Vec<u8>) {
        import::save(&state);
    }

    pub fn start(&self, call: &OutgoingCall<'_>) -> HostHandle {
        HostHandle(import::start(wire(call)))
    }

    pub fn send(&self, call: &OutgoingCall<'_>) -> String {
        import::send(wire(call), call.delay_ms)
    }

    pub fn ask(&self, id: &str, query: &str, arguments: &str) -> Result<String, Fault> {
        import::ask(id, query, arguments).map_err(fault)
    }

    pub fn attach(&self, invocation: &str) -> HostHandle {
        HostHandle(import::attach(invocation))
    }

    pub fn timer(&self, ms: u64) -> HostHandle {
        HostHandle(import::timer(ms))
    }

    pub fn event(&self, name: &str) -> HostHandle {
        HostHandle(import::event(name))
    }

    pub fn wait_any(&self, handles: &[&HostHandle]) -> usize {
        let handles: Vec<&import::Handle> = handles.iter().map(|handle| &handle.0).collect();
        import::wait_any(&handles) as usize
    }
}

/// A handle that the host keeps.
pub struct HostHandle(import::Handle);

impl HostHandle {
    pub fn invocation(&self) -> String {
        self.0.invocation()
    }

    pub fn wait(&self) -> Result<String, Fault> {
        self.0.wait().map_err(fault)
    }

    pub fn cancel(&self) {
        self.0.cancel();
    }
}

fn fault(fault: types::Fault) -> Fault {
    Fault {
        origin: match fault.origin {
            types::Origin::Class => Origin::Class,
            types::Origin::Host => Origin::Host,
        },
        kind: fault.kind,
        message: fault.message,
        details: fault.details.map(|text| serde_json::from_str(&text).unwrap_or_else(|_| text.into())),
        permanent: fault.permanent,
        resumable: fault.resumable,
        invocation: fault.invocation,
    }
}

fn wire(call: &OutgoingCall<'_>) -> import::Call {
    let OutgoingCall { target, method, arguments, meta, limits, .. } = call;
    let call = match target {
        CallTarget::Actor { id } | CallTarget::ActorOrNew { id, .. } => import::Call::to_actor(id, method, arguments),
        CallTarget::Task { class } => import::Call::to_task(class, method, arguments),
    };
    if let CallTarget::ActorOrNew { class, arguments, .. } = target {
        call.or_create(class, arguments);
    }
    for (name, value) in *meta {
        call.metadata(name, value);
    }
    for limit in *limits {
        let (name, value) = limit.for_host();
        call.limit(name, value);
    }
    call
}
