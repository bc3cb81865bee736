//! The binary: arguments in, text out, exit codes (floor 4). It uses the library's public face and nothing else.
#![deny(unsafe_code)]

mod cli;

fn main() {
    std::process::exit(cli::run(std::env::args_os().collect()).into())
}
