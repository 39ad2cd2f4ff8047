//! Pages for people who follow a link out of a mail: what is about to happen, and a button for it.
//!
//! Programs follow links, too, before the person does: scanners of mail servers, previews, browsers that fetch ahead.
//! So following one changes nothing and signs nobody in; the button does, which sends a form. There is no script in any
//! page.

use std::fmt::{self, Write};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use url::Url;

use super::reply::with_type;
use crate::base::escape_html;
use crate::cx::Cx;
use crate::error::{Error, Result};

/// Writes the pages, in the application's own look and in the reader's language
/// (`cx.request().headers`, `Accept-Language`). Without one they are plain and in English.
///
/// ```
/// use auth_core::Cx;
/// use auth_core::http::{Page, Pages, escape_html};
///
/// struct Branded;
///
/// impl Pages for Branded {
///     fn render(&self, _cx: &Cx, page: &Page<'_>) -> String {
///         let content = match page {
///             Page::Confirm { account, form, .. } => {
///                 format!("<p>For {}.</p>{}", escape_html(account), form.html("<button>Go on</button>"))
///             }
///             Page::NewPassword { form, .. } => form.html(
///                 r#"<input type="password" name="newPassword" autocomplete="new-password"><button>Save</button>"#,
///             ),
///             _ => "<p>Done.</p>".to_owned(),
///         };
///         format!("<!doctype html><title>Shop</title>{content}")
///     }
/// }
/// ```
pub trait Pages: Send + Sync + 'static {
    /// The whole page. Scripts do not run in it, styles within it do, images come from https or from the page itself.
    fn render(&self, cx: &Cx, page: &Page<'_>) -> String;
}

/// What a page is about.
#[derive(Debug)]
#[non_exhaustive]
pub enum Page<'a> {
    /// Somebody followed a link, and has to say that it is what they want.
    #[non_exhaustive]
    Confirm {
        /// What will happen.
        step: Step,
        /// The address of the account that it is about.
        account: &'a str,
        /// What the button sends.
        form: Form<'a>,
    },
    /// Somebody chooses a new password, in a field called `newPassword`.
    #[non_exhaustive]
    NewPassword {
        /// What the button sends, beside the password.
        form: Form<'a>,
    },
    /// It was done, and there is nowhere to go on to.
    #[non_exhaustive]
    Done {
        /// What was done.
        step: Step,
    },
    /// It was not done.
    #[non_exhaustive]
    Failed {
        /// Why. Of this, code and message are for the reader.
        error: &'a Error,
    },
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The mailbox is confirmed to be the account's.
    VerifyEmail,
    /// The account may move to another address, which gets a mail.
    ChangeEmail,
    /// The account moves to this address.
    NewEmail,
    /// Somebody is signed in.
    SignIn,
    /// The account gets a new password.
    ResetPassword,
    /// The account is deleted.
    DeleteUser,
}

/// What a page sends back. `Debug` shows no value: a token is among them.
pub struct Form<'a> {
    action: String,
    fields: Vec<(&'static str, &'a str)>,
    onward: Vec<&'a str>,
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("action", &self.action).finish_non_exhaustive()
    }
}

impl<'a> Form<'a> {
    /// A form that is sent to an endpoint of this path.
    pub(crate) fn to(cx: &Cx, path: &str) -> Self {
        Self { action: cx.endpoint_path(path), fields: Vec::new(), onward: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: Option<&'a str>) -> Self {
        self.fields.extend(value.map(|value| (name, value)));
        self
    }

    /// With a field that says where to go on to, which the browser is then allowed to.
    pub(crate) fn onward(mut self, name: &'static str, target: Option<&'a str>) -> Self {
        self.onward.extend(target);
        self.with(name, target)
    }

    /// The form with its hidden fields and, within it, `content`: HTML with a button that sends it.
    pub fn html(&self, content: &str) -> String {
        let mut html = format!("<form method=\"post\" action=\"{}\">", escape_html(&self.action));
        for (name, value) in &self.fields {
            // Writing into a string does not fail.
            let _ = write!(html, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape_html(value));
        }
        html + content + "</form>"
    }

    /// The origins that its answer may lead to: without them a browser follows it to our own alone.
    fn origins(&self) -> impl Iterator<Item = String> + '_ {
        let urls = self.onward.iter().filter_map(|target| Url::parse(target).ok());
        let origins = urls.map(|url| match url.scheme() {
            "http" | "https" => url.origin().ascii_serialization(),
            scheme => format!("{scheme}:"),
        });
        // A host may have characters that end a directive of the policy.
        origins.filter(|origin| !origin.contains([';', ',', ' ', '*', '\'']))
    }
}

/// The pages of an application that has none of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlainPages;

impl Pages for PlainPages {
    fn render(&self, _cx: &Cx, page: &Page<'_>) -> String {
        let (title, content) = match page {
            Page::Confirm { step, account, form } => {
                let (title, button) = confirmation(*step);
                let account = escape_html(account);
                let button = form.html(&format!("<button>{button}</button>"));
                let advice = "If it was not you who asked for this, close this page: nothing happens.";
                (title, format!("<p>This is about the account <strong>{account}</strong>.</p>{button}<p>{advice}</p>"))
            }
            Page::NewPassword { form } => {
                let field = "<label>New password <input type=\"password\" name=\"newPassword\" \
                     autocomplete=\"new-password\" required></label> <button>Set the password</button>";
                ("Choose a new password", form.html(field))
            }
            Page::Done { step } => (done(*step), "<p>You can close this page.</p>".to_owned()),
            Page::Failed { error } => {
                let (message, code) = (escape_html(error.message()), escape_html(error.code()));
                ("That did not work", format!("<p>{message}</p><p>Code: <code>{code}</code></p>"))
            }
        };
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><body style=\"font-family:system-ui;max-width:32rem;\
             margin:4rem auto;padding:0 1rem\"><h1>{title}</h1>{content}</body></html>"
        )
    }
}

/// A title, and what the button says.
const fn confirmation(step: Step) -> (&'static str, &'static str) {
    match step {
        Step::VerifyEmail => ("Confirm your e-mail address", "Confirm"),
        Step::ChangeEmail => ("Approve another e-mail address", "Approve"),
        Step::NewEmail => ("Use this e-mail address from now on", "Use this address"),
        Step::SignIn => ("Sign in", "Sign in"),
        Step::ResetPassword => ("Choose a new password", "Go on"),
        Step::DeleteUser => ("Delete your account", "Delete my account"),
    }
}

const fn done(step: Step) -> &'static str {
    match step {
        Step::VerifyEmail => "Your e-mail address is confirmed",
        Step::ChangeEmail => "We have written to your new address",
        Step::NewEmail => "Your e-mail address has changed",
        Step::SignIn => "You are signed in",
        Step::ResetPassword => "Your password has changed",
        Step::DeleteUser => "Your account is deleted",
    }
}

/// A page as it goes out.
pub(super) fn response(cx: &Cx, page: &Page<'_>) -> Result<Response<Bytes>> {
    let status = match page {
        Page::Failed { error } => error.kind().status(),
        Page::Confirm { .. } | Page::NewPassword { .. } | Page::Done { .. } => StatusCode::OK,
    };
    let mut policy = "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'self'"
        .to_owned();
    if let Page::Confirm { form, .. } | Page::NewPassword { form } = page {
        for origin in form.origins() {
            policy.push(' ');
            policy.push_str(&origin);
        }
    }
    let html = cx.auth().pages().render(cx, page);
    let mut response = with_type(status, "text/html; charset=utf-8", html.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(Error::internal)?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The token is in the address: nobody else is told it, and our own form is sent with its origin.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_value_is_markup() {
        let odd = "\"><script>alert('1')</script>&";
        let escaped = escape_html(odd);
        assert!(!escaped.contains(['<', '>', '"', '\'']), "{escaped}");
        assert_eq!(escape_html("plain"), "plain");
    }

    #[test]
    fn a_form_may_lead_where_it_was_asked_to_and_nowhere_else() {
        let fields = vec![("token", "x")];
        let form = |onward| Form { action: "/a".to_owned(), fields: fields.clone(), onward };
        assert_eq!(form(vec!["/next"]).origins().count(), 0);
        let origins: Vec<_> = form(vec!["https://app.example.com:8443/x?y", "myapp://open"]).origins().collect();
        assert_eq!(origins, ["https://app.example.com:8443", "myapp:"]);
        let html = form(vec![]).html("<button>Go</button>");
        assert_eq!(
            html,
            "<form method=\"post\" action=\"/a\"><input type=\"hidden\" name=\"token\" value=\"x\"><button>Go</button></form>"
        );
    }
}
