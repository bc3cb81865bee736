/// `HTTPError` gives `http-error`, `E404` gives `e404`.
fn kebab_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut kebab = String::with_capacity(name.len() + 4);
    for (i, &letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let ends_word = before.is_some_and(|c| !c.is_uppercase() && c != '_');
        let ends_capitals =
            before.is_some_and(|c| c != '_') && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        match letter {
            '_' => kebab.push('-'),
            _ if letter.is_uppercase() => {
                if ends_word || ends_capitals {
                    kebab.push('-');
                }
                kebab.extend(letter.to_lowercase());
            }
            _ => kebab.push(letter),
        }
    }
    kebab
}
