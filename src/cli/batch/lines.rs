//! Lines of a stream. A line over a bound is not kept in memory.

use std::io::{self, BufRead};

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadLine {
    Whole(Vec<u8>),
    /// A line over the bound was skipped; this is its length.
    TooLong(u64),
}

pub struct Lines<R> {
    source: R,
    partial: PartialLine,
}

/// A line whose end was not read yet.
struct PartialLine {
    limit: usize,
    bytes: Vec<u8>,
    /// How many bytes were skipped, if the line is too long.
    dropped: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(source: R, limit: usize) -> Lines<R> {
        Lines { source, partial: PartialLine { limit, bytes: Vec::new(), dropped: 0 } }
    }

    pub fn limit(&self) -> usize {
        self.partial.limit
    }

    /// The lines of one read, so that no line waits for later input. None at the end.
    pub fn next(&mut self) -> io::Result<Option<Vec<ReadLine>>> {
        let mut lines = Vec::new();
        while lines.is_empty() {
            let mut rest = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let read = rest.len();
            if read == 0 {
                // the last line may have no end
                return Ok(self.partial.is_unfinished().then(|| vec![self.partial.end()]));
            }
            while let Some(at) = memchr::memchr(b'\n', rest) {
                self.partial.add(&rest[..at]);
                lines.push(self.partial.end());
                rest = &rest[at + 1..];
            }
            self.partial.add(rest);
            self.source.consume(read);
        }
        Ok(Some(lines))
    }
}

impl PartialLine {
    fn is_unfinished(&self) -> bool {
        self.dropped > 0 || !self.bytes.is_empty()
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.dropped == 0 && self.bytes.len() + bytes.len() <= self.limit {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.dropped += (std::mem::take(&mut self.bytes).len() + bytes.len()) as u64;
        }
    }

    fn end(&mut self) -> ReadLine {
        match std::mem::take(&mut self.dropped) {
            0 => ReadLine::Whole(std::mem::take(&mut self.bytes)),
            length => ReadLine::TooLong(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(text: &str, limit: usize, buffer: usize) -> Vec<ReadLine> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, text.as_bytes()), limit);
        std::iter::from_fn(|| lines.next().unwrap()).flatten().collect()
    }

    fn whole(text: &str) -> ReadLine {
        ReadLine::Whole(text.into())
    }

    #[test]
    fn lines_are_split_independently_of_reads() {
        for buffer in [1, 2, 3, 100] {
            assert_eq!(lines("ab\n\nc", 4, buffer), [whole("ab"), whole(""), whole("c")], "{buffer}");
            assert_eq!(lines("", 4, buffer), []);
        }
    }

    #[test]
    fn line_over_the_bound_is_counted_and_skipped() {
        for buffer in [1, 2, 3, 100] {
            let found = lines("abcd\nabcde\nx\nabcdefgh", 4, buffer);
            assert_eq!(found, [whole("abcd"), ReadLine::TooLong(5), whole("x"), ReadLine::TooLong(8)], "{buffer}");
        }
    }

    #[test]
    fn complete_lines_are_returned_before_later_input() {
        let mut lines = Lines::new(BufReader::with_capacity(4, &b"a\nb\nc\n"[..]), 9);
        assert_eq!(lines.next().unwrap().unwrap(), [whole("a"), whole("b")]);
    }
}
