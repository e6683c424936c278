//! The names that Spin allows in a manifest.

/// Words joined by `-`, as Spin writes component ids and labels.
pub(crate) fn kebab(name: &str) -> Result<(), String> {
    words(name, '-')
}

/// Words joined by `_`, as Spin writes labels.
pub(crate) fn snake(name: &str) -> Result<(), String> {
    words(name, '_')
}

/// Lower-case words joined by `_`, as Spin writes variables.
pub(crate) fn variable(name: &str) -> Result<(), String> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("must be in lower case".to_owned());
    }
    snake(name)
}

/// Words that begin with a letter, hold letters and digits, are all of one case, and are joined by `joint`.
fn words(name: &str, joint: char) -> Result<(), String> {
    let word_is_good = |word: &str| {
        let letters = word.chars().filter(|letter| !letter.is_ascii_digit());
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && (letters.clone().all(|letter| letter.is_ascii_lowercase())
                || letters.clone().all(|letter| letter.is_ascii_uppercase()))
    };
    if name.split(joint).all(word_is_good) {
        Ok(())
    } else {
        Err(format!("must be words of letters and digits, each begun by a letter and of one case, joined by `{joint}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spins_names() {
        for good in ["a", "notes", "my-notes2", "HTTP-server"] {
            assert_eq!(kebab(good), Ok(()), "{good}");
        }
        for bad in ["", "-", "a--b", "2a", "a-2b", "a_b", "Ab", "é", "a b", "a-"] {
            assert!(kebab(bad).is_err(), "{bad}");
        }
        assert_eq!(variable("api_key2"), Ok(()));
        assert!(variable("API_KEY").is_err());
        assert!(variable("api__key").is_err());
    }
}
