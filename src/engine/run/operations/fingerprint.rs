//! The fingerprint of an operation: a summary of a few words, and a hash of all of it.

use crate::model::{CallTarget, Fingerprint, Hash, Operation, OutgoingCall, QueryCall, WaitTarget};

/// Characters of a call in a summary.
const SHOWN: usize = 100;

/// Two operations are the same if and only if their hashes are. The ordinal of a child is not part of the hash, so that a
/// resumed run finds the child. Metadata and limits are not either: metadata may have a time or the id of a trace.
pub fn fingerprint(operation: &Operation) -> Fingerprint {
    let (summary, all): (String, Vec<&[u8]>) = match operation {
        Operation::Start(outgoing) => (format!("start {}", call(outgoing)), parts("start", outgoing)),
        Operation::Send(outgoing, delay) => {
            let later = if *delay > 0 { format!(" in {delay} ms") } else { String::new() };
            let delay = delay.to_le_bytes();
            let mut all = parts("send", outgoing);
            all.push(&delay);
            return Fingerprint { summary: format!("send {}{later}", call(outgoing)), hash: hash(&all) };
        }
        Operation::Cancel(id) => (format!("cancel {id}"), vec![b"cancel", id.as_bytes()]),
        Operation::Save(state) => (format!("save {} bytes", state.len()), vec![b"save", state]),
        Operation::Wait(targets) => return wait(targets),
        Operation::Ask(QueryCall { id, query, arguments }) => (
            format!("ask {}", shown(&format!("{id}.{query}"), arguments)),
            vec![b"ask", query.as_bytes(), arguments.as_bytes(), id.as_bytes()],
        ),
    };
    Fingerprint { summary, hash: hash(&all) }
}

fn call(outgoing: &OutgoingCall) -> String {
    let OutgoingCall { target, method, arguments, .. } = outgoing;
    let name = match target {
        CallTarget::Actor { id } | CallTarget::ActorOrNew { id, .. } => format!("{id}.{method}"),
        CallTarget::Task { class } => format!("{class}/{method}"),
    };
    shown(&name, arguments)
}

fn shown(name: &str, arguments: &str) -> String {
    let mut shown: String = format!("{name} {arguments}").chars().take(SHOWN).collect();
    if shown.len() < name.len() + 1 + arguments.len() {
        shown.push('…');
    }
    shown
}

fn parts<'a>(what: &'a str, outgoing: &'a OutgoingCall) -> Vec<&'a [u8]> {
    let OutgoingCall { target, method, arguments, .. } = outgoing;
    let mut parts: Vec<&[u8]> = vec![what.as_bytes(), method.as_bytes(), arguments.as_bytes()];
    match target {
        CallTarget::Actor { id } => parts.extend([&b"actor"[..], id.as_bytes()]),
        CallTarget::ActorOrNew { class, id, arguments } => {
            parts.extend([&b"actor-or-new"[..], class.as_bytes(), id.as_bytes(), arguments.as_bytes()]);
        }
        CallTarget::Task { class } => parts.extend([&b"task"[..], class.as_bytes()]),
    }
    parts
}

fn wait(targets: &[WaitTarget]) -> Fingerprint {
    let texts: Vec<String> = targets.iter().map(shown_target).collect();
    let shown = &texts[..texts.len().min(3)];
    let more =
        if texts.len() > shown.len() { format!(" or {} more", texts.len() - shown.len()) } else { String::new() };
    let summary = format!("wait for {}{more}", shown.join(" or "));
    let mut parts: Vec<&[u8]> = vec![b"wait"];
    parts.extend(texts.iter().map(String::as_bytes));
    Fingerprint { summary, hash: hash(&parts) }
}

fn shown_target(target: &WaitTarget) -> String {
    match target {
        WaitTarget::Invocation(id) => id.clone(),
        WaitTarget::Timer(time) => time.to_string(),
        WaitTarget::Event(name) => format!("the event {name}"),
    }
}

/// Each part with its length, so that no two lists of parts are the same bytes.
fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    Hash::from(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(id: &str, arguments: &str) -> Operation {
        let target = CallTarget::Actor { id: id.to_owned() };
        let (method, arguments) = ("go".to_owned(), arguments.to_owned());
        let (meta, limits) = (Vec::new(), Vec::new());
        Operation::Start(OutgoingCall { ordinal: 1, target, method, arguments, meta, limits })
    }

    #[test]
    fn different_operations_have_different_hashes() {
        let one = fingerprint(&start("a", "{}"));
        assert_eq!(one.summary, "start a.go {}");
        for other in [start("b", "{}"), start("a", "{ }"), Operation::Cancel("a".to_owned())] {
            assert_ne!(fingerprint(&other).hash, one.hash, "{other:?}");
        }
    }

    #[test]
    fn queries_differ_by_each_of_their_parts() {
        let ask = |id: &str, query: &str, arguments: &str| {
            let [id, query, arguments] = [id, query, arguments].map(str::to_owned);
            fingerprint(&Operation::Ask(QueryCall { id, query, arguments }))
        };
        let one = ask("a", "value", "{}");
        assert_eq!(one.summary, "ask a.value {}");
        for other in [ask("b", "value", "{}"), ask("a", "valu", "e{}"), ask("a", "value", "{ }")] {
            assert_ne!(other.hash, one.hash, "{}", other.summary);
        }
    }

    #[test]
    fn options_are_no_part_of_a_call() {
        let Operation::Start(mut outgoing) = start("a", "{}") else { unreachable!() };
        outgoing.meta.push(("trace".to_owned(), "1".to_owned()));
        outgoing.limits.push(("depth".to_owned(), 1));
        assert_eq!(fingerprint(&Operation::Start(outgoing)), fingerprint(&start("a", "{}")));
    }

    #[test]
    fn summary_is_short() {
        let long = fingerprint(&start("a", &"x".repeat(10_000))).summary;
        assert!(long.chars().count() < 120 && long.ends_with('…'), "{long}");
        let many = fingerprint(&Operation::Wait(vec![WaitTarget::Event("e".to_owned()); 5])).summary;
        assert_eq!(many, "wait for the event e or the event e or the event e or 2 more");
    }
}
