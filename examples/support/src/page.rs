//! The page at `/`, with which a person tries a program in a browser.

use auth_core::base::{OsRandom, Random};

/// Signing up and in, sessions, and a button for each route.
const SIGN_IN: &str = include_str!("page/sign_in.html");
/// What every page looks like, and how it calls the program.
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page of one program. Scripts and styles run by a nonce that is new in every answer, so that nothing that
/// could ever be slipped into the page would run.
#[derive(Clone, Debug)]
pub struct Page {
    /// The whole page.
    pub html: String,
    /// The headers that go with it.
    pub headers: [(&'static str, String); 5],
}

impl Page {
    /// The page of the program called `app`, where somebody signs up and in, with a button for each of its guarded
    /// `routes`.
    pub fn new(app: &str, routes: &[&str]) -> Self {
        Self::of(app, &SIGN_IN.replace("{{routes}}", &routes.join(" ")))
    }

    /// Another page of the program called `app`: HTML in which `{{app}}` and `{{nonce}}` stand for those, and
    /// `{{style}}` and `{{script}}` for what all pages share.
    pub fn of(app: &str, template: &str) -> Self {
        let nonce = nonce();
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            html: template
                .replace("{{app}}", app)
                .replace("{{nonce}}", &nonce)
                .replace("{{style}}", STYLE)
                .replace("{{script}}", SCRIPT),
            headers: [
                ("content-type", "text/html; charset=utf-8".to_owned()),
                ("content-security-policy", policy),
                ("cache-control", "no-store".to_owned()),
                ("x-content-type-options", "nosniff".to_owned()),
                ("referrer-policy", "same-origin".to_owned()),
            ],
        }
    }
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_run_by_a_nonce_that_is_never_the_same() {
        let (first, second) = (Page::new("app", &["/me"]), Page::new("app", &["/me"]));
        assert_ne!(first.html, second.html);
        assert_ne!(first.headers, second.headers);
        assert!(!first.html.contains("{{"), "a placeholder is left");
        for forbidden in [" onclick=", " style=", "javascript:", "innerHTML", "http://", "https://"] {
            assert!(!first.html.contains(forbidden), "{forbidden}");
        }
    }
}
