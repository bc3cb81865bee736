use crate::context::Level;
use crate::wasm::bindings::vactor::actor::context as import;

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
}
