//! Adding to an address.

use form_urlencoded::Serializer;

/// The address with this parameter in its query, in place of others of the name: a reader may look at the first one.
pub(crate) fn with_parameter(target: &str, name: &str, value: &str) -> String {
    let (address, fragment) = match target.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (target, None),
    };
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_other = |pair: &&str| {
        let decoded = form_urlencoded::parse(pair.as_bytes()).next();
        !pair.is_empty() && decoded.is_none_or(|(key, _)| key != name)
    };
    let parameter = Serializer::new(String::new()).append_pair(name, value).finish();
    let query: Vec<&str> = query.split('&').filter(is_other).chain([&*parameter]).collect();
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{path}?{}{fragment}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_added_where_the_query_is() {
        for (target, expected) in [
            ("/a", "/a?error=X%26y"),
            ("/a?", "/a?error=X%26y"),
            ("/a?b=c", "/a?b=c&error=X%26y"),
            ("/a?b=c&", "/a?b=c&error=X%26y"),
            ("/a?error=Z&b=c&%65rror=Z", "/a?b=c&error=X%26y"),
            ("https://a.test/#top?x", "https://a.test/?error=X%26y#top?x"),
        ] {
            assert_eq!(with_parameter(target, "error", "X&y"), expected);
        }
    }
}
