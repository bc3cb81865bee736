//! Blocking reads of stdin and writes of stdout and stderr, also if they are set not to block, as a
//! pipe of an event loop or a serial console may be.

use std::io::{self, Read};

/// A write that failed in the middle.
#[derive(Debug)]
pub struct PartialWrite {
    /// How many bytes were written.
    pub written: usize,
    pub error: io::Error,
}

/// Writes all bytes, without a buffer: after an error, the rest is not written later.
pub fn write(stream: &impl OutputStream, bytes: &[u8]) -> Result<(), PartialWrite> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write_some(&bytes[written..]) {
            Ok(0) => return Err(PartialWrite { written, error: io::ErrorKind::WriteZero.into() }),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                stream.wait_for_room().map_err(|error| PartialWrite { written, error })?;
            }
            Err(error) => return Err(PartialWrite { written, error }),
        }
    }
    Ok(())
}

/// Reads a stream, and waits for its data.
pub struct BlockingRead<R>(pub R);

impl<R: Read + InputStream> Read for BlockingRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.0.wait_for_more()?,
                read => return read,
            }
        }
    }
}

/// A stream that takes output.
pub trait OutputStream {
    fn write_some(&self, bytes: &[u8]) -> io::Result<usize>;

    fn wait_for_room(&self) -> io::Result<()>;
}

/// A stream that gives input.
pub trait InputStream {
    fn wait_for_more(&self) -> io::Result<()>;
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::os::fd::AsFd;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::{InputStream, OutputStream};

    impl<S: AsFd> OutputStream for S {
        fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
            Ok(nix::unistd::write(self, bytes)?)
        }

        fn wait_for_room(&self) -> io::Result<()> {
            wait(self, PollFlags::POLLOUT)
        }
    }

    impl<S: AsFd> InputStream for S {
        fn wait_for_more(&self) -> io::Result<()> {
            wait(self, PollFlags::POLLIN)
        }
    }

    /// Waits until the stream is ready or has an error, which the next use of it returns.
    fn wait(stream: &impl AsFd, flags: PollFlags) -> io::Result<()> {
        match poll(&mut [PollFd::new(stream.as_fd(), flags)], PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// On other systems the standard streams block.
#[cfg(not(unix))]
mod system {
    use std::io::{self, Write};

    use super::{InputStream, OutputStream};

    impl OutputStream for io::Stdout {
        fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
            self.lock().write_all(bytes).and_then(|()| self.lock().flush()).map(|()| bytes.len())
        }

        fn wait_for_room(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl OutputStream for io::Stderr {
        fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
            self.lock().write_all(bytes).map(|()| bytes.len())
        }

        fn wait_for_room(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<S> InputStream for S {
        fn wait_for_more(&self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::net::Shutdown;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    fn unblocked(end: impl Into<OwnedFd>) -> File {
        let file = File::from(end.into());
        fcntl(file.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        file
    }

    /// More than a pipe holds goes through it in both directions.
    #[test]
    fn stream_that_does_not_block_is_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        let (reader, writer) = (unblocked(reader), unblocked(writer));
        let all: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let sent = all.clone();
        let writing = thread::spawn(move || write(&writer, &sent).is_ok());
        let mut read = Vec::new();
        BlockingRead(reader).read_to_end(&mut read).unwrap();
        assert!(writing.join().unwrap());
        assert!(read == all, "{} bytes of {}", read.len(), all.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn failed_write_says_how_much_was_written() {
        let (reader, writer) = UnixStream::pair().unwrap();
        reader.shutdown(Shutdown::Both).unwrap();
        let unwritten = write(&writer, b"x").unwrap_err();
        assert_eq!((unwritten.written, unwritten.error.kind()), (0, io::ErrorKind::BrokenPipe));
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(write(&full, b"x").unwrap_err().error.kind(), io::ErrorKind::StorageFull);
    }
}
