//! Whether a password is one that everybody else chooses too: NIST SP 800-63B-4 §3.1.1.2 wants
//! every new password compared with those that are "commonly used, expected, or compromised".
//!
//! Attackers try a word list with a handful of rules before anything else, so the answer is the same
//! list and the same rules: the password is common when it, lower-cased, is a line of `common.txt`, a
//! date, or a pattern, or when its *base form* is. The base form is what is left without digits and
//! punctuation around it, without separators inside, and with substitutions such as `@` for `a` undone.
//!
//! The rules look at the whole password and never for a word inside it: `correct horse battery staple`
//! contains four common words and is a good password. A base form of fewer than four letters says
//! nothing, since random text leaves one easily.
//!
//! Start reading at [`is_common`]. Every line of the list earns its place: none is covered by a rule,
//! and none is so short that it could never match.

use std::ops::Range;
use std::sync::LazyLock;

use zeroize::Zeroizing;

/// Sorted by bytes, lower case, one a line.
static LINES: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// Neighbours on keyboards and in counting. A run goes along one of these in either direction.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "1234567890-=",
    "!@#$%^&*()_+",
    // QWERTY, QWERTZ, AZERTY, ЙЦУКЕН
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    // Columns, and two rows by turns
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1a2b3c4d5e6f7g8h9i",
    "a1b2c3d4e5f6g7h8i9",
];

/// Shorter neighbourhoods occur in ordinary words and in random text.
const SHORTEST_RUN: usize = 3;
/// A unit of up to this many characters is common when repeated, whatever it is.
const SHORT_UNIT: usize = 4;
/// Fewer letters than this are no word.
const SHORTEST_BASE: usize = 4;
/// How many characters of the padding may belong to the word: `trustno1!!`, `$unshine99`.
const OVERLAP: usize = 4;

/// Whether an attacker with a word list guesses this early. It takes microseconds, where hashing takes
/// milliseconds, and allocates two buffers at most, which are wiped.
pub(super) fn is_common(password: &str) -> bool {
    let folded = fold(password);
    is_listed(&folded) || is_date(&folded) || is_pattern(&folded) || has_common_base(&folded)
}

/// Lower case, in a buffer that is wiped.
pub(super) fn fold(text: &str) -> Zeroizing<String> {
    // No lower-case form takes more than twice the bytes, so nothing is reallocated and left behind unwiped.
    let mut folded = Zeroizing::new(String::with_capacity(text.len() * 2));
    folded.extend(text.chars().flat_map(char::to_lowercase));
    folded
}

fn is_listed(folded: &str) -> bool {
    LINES.binary_search(&folded).is_ok()
}

/// Eight digits, with or without separators, that read as a day of 1900 to 2099 in any usual order.
fn is_date(text: &str) -> bool {
    let mut digits = [0; 8];
    let mut count = 0;
    for c in text.chars() {
        match c.to_digit(10) {
            Some(digit) if count < digits.len() => {
                digits[count] = digit;
                count += 1;
            }
            None if matches!(c, '-' | '.' | '/' | ' ') => {}
            Some(_) | None => return false,
        }
    }
    let number = |range: Range<usize>| digits[range].iter().fold(0, |number, digit| number * 10 + digit);
    let is_year = |range| (1900..=2099).contains(&number(range));
    let is_day = |day, month| (1..=31).contains(&number(day)) && (1..=12).contains(&number(month));
    let year_first = is_year(0..4) && is_day(6..8, 4..6);
    let year_last = is_year(4..8) && (is_day(0..2, 2..4) || is_day(2..4, 0..2));
    count == digits.len() && (year_first || year_last)
}

fn is_pattern(text: &str) -> bool {
    is_made_of_runs(text) || is_repetition(text)
}

/// Nothing but runs: `aaaaaaaa`, `abcd1234`, `qweasdzxc`, `1qaz2wsx`.
fn is_made_of_runs(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        match after_run(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    !text.is_empty()
}

/// What follows the longest run at the start of `text`; `None` when there is no run.
fn after_run(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let same = text.chars().take_while(|c| *c == first).count();
    let along = ROWS.iter().filter_map(|row| {
        let at = row.find(first)?;
        let up = shared(row[at..].chars(), text);
        let down = shared(row[..at + first.len_utf8()].chars().rev(), text);
        Some(up.max(down))
    });
    let run = along.fold(same, usize::max);
    let end = text.char_indices().nth(run).map_or(text.len(), |(end, _)| end);
    (run >= SHORTEST_RUN).then(|| &text[end..])
}

fn shared(row: impl Iterator<Item = char>, text: &str) -> usize {
    row.zip(text.chars()).take_while(|(a, b)| a == b).count()
}

/// One short or listed unit over and over, the last time perhaps cut off: `12121212`, `passwordpassword`.
fn is_repetition(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=text.len() / 2)
        .filter(|period| text.is_char_boundary(*period) && bytes[*period..] == bytes[..bytes.len() - period])
        .any(|period| text[..period].chars().count() <= SHORT_UNIT || is_listed(&text[..period]))
}

/// Takes digits and punctuation off both ends, except for up to [`OVERLAP`] characters on each side
/// that may be part of the word, and compares what is left.
fn has_common_base(folded: &str) -> bool {
    let is_padding = |c: char| c.is_ascii_digit() || c.is_ascii_punctuation() || c == ' ';
    let start = folded.len() - folded.trim_start_matches(is_padding).len();
    let end = folded.trim_end_matches(is_padding).len();
    if start >= end {
        return false;
    }
    let base = &folded[start..end];
    if letters(base) >= SHORTEST_BASE && is_pattern(base) {
        return true;
    }
    // Padding is ASCII: every cut within it is a character boundary.
    let (first, last) = (start.saturating_sub(OVERLAP), folded.len().min(end + OVERLAP));
    let mut starts = (first..=start).chain((first > 0).then_some(0));
    let ends = (end..=last).chain((last < folded.len()).then_some(folded.len()));
    let mut plain = Zeroizing::new(String::with_capacity(folded.len()));
    starts.any(|start| ends.clone().any(|end| is_common_word(&folded[start..end], &mut plain)))
}

/// Compares a word as it stands and with substitutions undone; `plain` is room to work in.
fn is_common_word(word: &str, plain: &mut String) -> bool {
    let matches = |word: &str| letters(word) >= SHORTEST_BASE && is_listed(word);
    // `1` and `!` stand for either letter; hardly anybody mixes the two in one word.
    matches(word)
        || ['i', 'l'].into_iter().any(|one| {
            plain.clear();
            plain.extend(word.chars().filter_map(|c| undone(c, one)));
            matches(plain)
        })
}

/// The letter that a character stands for; separators stand for nothing.
fn undone(c: char, one: char) -> Option<char> {
    match c {
        '@' | '4' => Some('a'),
        '0' => Some('o'),
        '1' | '!' => Some(one),
        '3' => Some('e'),
        '$' | '5' => Some('s'),
        '7' => Some('t'),
        ' ' | '-' | '_' | '.' => None,
        other => Some(other),
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::{Random, SeededRandom};

    #[test]
    fn the_list_is_sorted_trimmed_lower_case_and_without_repetition() {
        assert!(LINES.len() >= 1500, "{}", LINES.len());
        assert!(LINES.is_sorted_by(|a, b| a < b));
        for line in LINES.iter() {
            assert_eq!((line.trim(), fold(line).as_str()), (*line, *line));
        }
    }

    #[test]
    fn every_line_of_the_list_can_match_and_none_is_covered_by_a_rule() {
        let can_match = |line: &str| letters(line) >= SHORTEST_BASE || line.chars().count() >= 8;
        let is_covered = |line: &str| {
            let plain: String = line.chars().filter_map(|c| undone(c, 'i')).collect();
            is_date(line) || is_pattern(line) || (plain != line && is_listed(&plain))
        };
        let useless: Vec<_> = LINES.iter().filter(|line| !can_match(line) || is_covered(line)).collect();
        assert!(useless.is_empty(), "{useless:?}");
    }

    #[test]
    fn what_everybody_chooses_is_common() {
        let passwords =
            "password PASSWORD Password1! P@ssw0rd2024 pa$$word p@$$w0rd!! iloveyou2 I-Love-You! Summer2025!
            letmein123 L3tM31n!! !!welcome!! 123monkey $unshine99 trustno1!!! Tr1st@n99 admin@123 contraseña
            Motdepasse1 Passwort123 senha1234 wachtwoord Kochamcie1 ghbdtn12 sayang123 пароль123";
        for password in passwords.split_whitespace().chain(["i love you", "God is good 1"]) {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn runs_repetitions_and_dates_are_common() {
        let passwords = "qwertyuiop 12345678 87654321 aaaaaaaa abcd1234 11111111 1q2w3e4r5t 1qaz2wsx zaq1xsw2 qwertz123
            azertyuiop qweasdzxc Qwerty123! asdf;lkj !@#$%^&* йцукенгш abcabcabc 12121212 abcdabcd passwordpassword
            dragondragon1 éééééééé 31121999 12311999 1999-12-31 31.12.1999 aaaa1111 abcdefg1";
        for password in passwords.split_whitespace() {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn uncommon_passwords_pass() {
        let passwords = "Correct-Horse-9 Tr0ub4dor&3x purple-monkey-dishwasher 48209173 31991999 k7#Vq2!mZx mXoTqLrwPs
            9f8e2d71c4b6 passwordhorsebattery abc-defg-hij-klm blue7kettle Ünïcödé-wörds 12ab34cd iloveyourkettle x1!";
        let phrases = ["correct horse battery staple", "horse horse", "my password is odd", "99 red balloons!", ""];
        for password in passwords.split_whitespace().chain(phrases) {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn a_base_of_three_letters_says_nothing() {
        for password in ["abc!83921", "1948sex..02", "qwe-20943", "7!god!7381"] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn random_passwords_pass() {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let random = SeededRandom::predictable(11);
        let mut bytes = [0; 12];
        for round in 0..5_000 {
            random.fill(&mut bytes);
            let characters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
            let password: String = characters.take(8 + round % 5).collect();
            assert!(!is_common(&password), "{password}");
        }
    }

    #[test]
    fn the_room_for_folding_suffices_for_every_character() {
        for c in (char::MIN..=char::MAX).filter(|c| !c.is_ascii()) {
            let lower: usize = c.to_lowercase().map(char::len_utf8).sum();
            assert!(lower <= 2 * c.len_utf8(), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(text in any::<String>(), padded in "[ -@]{0,6}\\PC{0,12}[ -@]{0,6}") {
            is_common(&text);
            is_common(&padded);
        }

        #[test]
        fn case_does_not_matter(text in "[ -~]{0,16}") {
            prop_assert_eq!(is_common(&text), is_common(&text.to_ascii_uppercase()));
        }

        #[test]
        fn digits_after_a_listed_word_do_not_save_it(index in any::<prop::sample::Index>(), digits in "[0-9]{0,6}") {
            let line = index.get(&LINES);
            prop_assume!(letters(line) >= SHORTEST_BASE);
            let password = format!("{line}{digits}");
            prop_assert!(is_common(&password), "{}", password);
        }
    }
}
