//! The largest size of a file that the operating system allows to this process.

#[cfg(unix)]
pub(in crate::store) fn largest_file() -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_FSIZE).map_or(u64::MAX, |(now, _)| now)
}

#[cfg(not(unix))]
pub(in crate::store) fn largest_file() -> u64 {
    u64::MAX
}
