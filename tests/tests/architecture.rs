//! The rules of the house, read from the source: who may name whom, how large a file may be, what a feature consists
//! of.
//!
//! Only code counts: comments and the tests at the end of a file may name what they like.
#![expect(clippy::unwrap_used, reason = "a test speaks by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The features, in their order: one may use those before it.
const FEATURES: [&str; 16] = [
    "role",
    "tenant",
    "user",
    "session",
    "account",
    "code",
    "email",
    "password",
    "customer",
    "magic_link",
    "email_otp",
    "username",
    "phone",
    "anonymous",
    "api_key",
    "token",
];

/// What `auth-core` consists of and what each part may name of the crate, apart from itself. `<features>` are all of
/// them, `<earlier>` those before the feature in question. The first room that a file fits into is its own.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("crypto", &["base"]),
    ("ports", &["base", "crypto", "error"]),
    // Tokens of others: what they permit is written as the roles here have it.
    ("issuer", &["base", "cx", "crypto", "error", "ports", "role"]),
    // The table of refusals knows the failures that it translates, a malformed role name among them.
    ("error", &["base", "crypto", "limit", "store", "role"]),
    ("limit", &["base", "crypto", "error", "store", "cx"]),
    ("store/memory", &["base", "crypto", "limit", "<features>", "audit", "outbox", "retention"]),
    ("store/suite", &["base", "crypto", "limit", "<features>", "audit", "outbox", "retention"]),
    ("store", &["limit", "<features>", "audit", "outbox", "retention"]),
    ("<feature>/model", &["base", "crypto", "error", "limit", "<earlier>"]),
    ("<feature>/store", &["base", "crypto", "store", "<earlier>"]),
    // The customers' configuration is their hooks.
    ("customer/config", &["hooks"]),
    ("<feature>/config", &["base", "crypto", "error", "limit", "ports", "<earlier>"]),
    ("<feature>/common", &[]),
    // What hooks are shown of who acts is the principal that guards judge.
    ("hooks", &["base", "error", "cx", "audit", "guard", "<features>"]),
    ("audit", &["base", "store", "cx", "hooks"]),
    ("retention", &["base", "error", "store", "cx", "auth"]),
    // What it sends is told by the ports, and what it could not send by an event.
    ("outbox", &["base", "crypto", "error", "ports", "store", "cx", "auth", "hooks"]),
    ("<feature>/service", &["base", "crypto", "error", "ports", "store", "cx", "hooks", "outbox", "<earlier>"]),
    ("<feature>/resolve", &["base", "error", "cx", "<earlier>"]),
    (
        "<feature>/endpoints",
        &["base", "crypto", "error", "limit", "cx", "hooks", "guard", "http", "ports", "<features>"],
    ),
    ("session/cache", &["base"]),
    ("session/login", &["base", "error", "store", "cx", "hooks", "<earlier>"]),
    ("session/authority", &["error", "cx", "<earlier>"]),
    ("role/grant", &["base", "error", "store", "cx", "hooks"]),
    ("token/claims", &["base", "<earlier>"]),
    ("token/keys", &["base", "crypto", "error", "store", "cx"]),
    ("token/refresh", &["base", "crypto", "error", "cx", "hooks", "<earlier>"]),
    ("code/issue", &["base", "crypto", "cx", "error", "hooks", "<earlier>"]),
    ("email/enter", &["base", "cx", "error", "hooks", "<earlier>"]),
    ("password/sign_in", &["base", "crypto", "cx", "error", "hooks", "<earlier>"]),
    ("password/reset", &["base", "crypto", "cx", "error", "hooks", "ports", "<earlier>"]),
    ("token/transport", &["base", "cx", "error", "http", "<earlier>"]),
    ("session/several", &["base", "limit", "cx", "error", "guard", "hooks", "http"]),
    // Re-exports, and with the feature `suite` a door for the conformance tests.
    ("<feature>/mod", &["base", "limit"]),
    ("guard", &["base", "error", "limit", "cx", "auth", "issuer", "<features>"]),
    // A policy of an application's, ready made: it does by hooks what one written by hand would do.
    ("portal", &["base", "error", "cx", "guard", "hooks", "<features>"]),
    // Settings of the builder, read from an environment.
    ("gateway", &["base", "crypto", "error", "auth", "guard", "http", "issuer", "ports", "token"]),
    ("http", &["base", "error", "limit", "cx", "auth", "hooks", "guard", "issuer", "<features>"]),
    ("status", &["error", "cx", "guard", "http"]),
    // One request as everybody sees it: it stands beside `auth` and holds the strings together.
    ("cx", &["base", "error", "limit", "store", "audit", "hooks", "guard", "http", "auth", "session", "user"]),
    ("config", &["base", "crypto", "guard", "http", "issuer", "limit", "outbox", "retention", "<features>"]),
    ("routes", &["http", "config", "status", "<features>"]),
    (
        "auth",
        &[
            "base",
            "crypto",
            "error",
            "store",
            "limit",
            "hooks",
            "guard",
            "http",
            "issuer",
            "cx",
            "config",
            "routes",
            "ports",
            "outbox",
            "retention",
            "<features>",
        ],
    ),
    (
        "lib",
        &[
            "base",
            "crypto",
            "error",
            "store",
            "limit",
            "hooks",
            "guard",
            "http",
            "issuer",
            "cx",
            "auth",
            "gateway",
            "config",
            "outbox",
            "retention",
            "<features>",
        ],
    ),
];

/// Parts that know the HTTP crate, and why; the others have never heard of it.
const KNOW_HTTP: &[(&str, &str)] = &[
    ("http", "it is the engine's side of HTTP"),
    ("endpoints", "they are HTTP"),
    ("status", "two endpoints that belong to no feature"),
    ("cx", "it is one request"),
    ("auth", "it makes the context of a request"),
    ("error", "the table of refusals says which status each has"),
    ("several", "it is endpoints"),
    ("session/login", "a session remembers the `User-Agent` that opened it"),
    ("lib", "the prelude offers `Method` to whoever writes an endpoint"),
    ("ports", "they speak HTTP to others"),
    ("issuer/jwks", "issuers publish their keys over HTTP"),
    ("portal/resolver", "it goes by the headers of a request"),
];

/// Files of a feature. A further one is an exception with a reason.
const FEATURE_FILES: [&str; 6] = ["mod.rs", "config.rs", "model.rs", "store.rs", "service.rs", "endpoints.rs"];
const MORE_FEATURE_FILES: &[(&str, &str)] = &[
    ("password/common.rs", "the list of common passwords and its folding"),
    ("code/issue.rs", "making, reading and using up codes; the service is one-time tokens"),
    ("email/enter.rs", "a session for a proved mailbox; the service is proving one"),
    ("password/sign_in.rs", "the longest of the flows; the service makes passwords and changes them"),
    ("password/reset.rs", "a new password by the mailbox; the service is what is done with a password"),
    ("token/claims.rs", "the form of an access token"),
    ("token/keys.rs", "the keys that tokens are signed with, and their replacement"),
    ("token/refresh.rs", "the exchange of refresh tokens"),
    ("role/grant.rs", "giving roles and taking them; the service is what they are"),
    ("session/authority.rs", "what counts of what a user holds, where they act"),
    ("token/transport.rs", "how pairs are given and taken: what the endpoints and handlers of the application share"),
    ("session/login.rs", "the one way to a session; the service finds and ends them"),
    ("session/cache.rs", "what routes with `SessionCheck::Cached` remember"),
    ("session/several.rs", "the endpoints of several sessions in one browser"),
    ("api_key/resolve.rs", "a key in use, proved and counted; the service is what its owner does with it"),
];

/// Lines of code, without comments, blank lines and tests.
const MOST_LINES_OF_A_FILE: usize = 400;
const MOST_LINES_OF_AN_ADAPTER: usize = 700;

/// Neither a framework nor SQL may be below the engine.
const FOREIGN_TO_THE_ENGINE: [&str; 9] =
    ["axum", "actix-web", "tower", "tower-layer", "hyper", "sqlx", "auth-sqlx", "auth-axum", "auth-actix"];

#[test]
fn nobody_names_what_stands_to_the_right() {
    let mut wrong = Vec::new();
    for file in engine() {
        let (room, may_name) = file.room();
        for name in file.names() {
            if !room.starts_with(&name) && !may_name.contains(&name) {
                wrong.push(format!("{} names crate::{name}, and {room} may not", file.path));
            }
        }
    }
    none(&wrong);
}

#[test]
fn only_the_parts_that_must_know_http_know_it() {
    let knows = |file: &File| {
        let names = KNOW_HTTP.iter().any(|(part, _)| {
            file.module == *part
                || file.module.starts_with(&format!("{part}/"))
                || file.module.ends_with(&format!("/{part}"))
        });
        !names && file.lines().any(|line| line.starts_with("use http::") || line.contains("(http::"))
    };
    none(&engine().iter().filter(|file| knows(file)).map(|file| file.path.clone()).collect::<Vec<_>>());
}

#[test]
fn every_exception_is_still_needed() {
    let files = engine();
    for (part, why) in KNOW_HTTP.iter().chain(MORE_FEATURE_FILES) {
        let part = part.trim_end_matches(".rs");
        assert!(files.iter().any(|file| file.module.contains(part)), "{part} is gone: {why}");
    }
}

#[test]
fn nobody_names_the_endpoints_of_another_feature() {
    let mut wrong = Vec::new();
    for file in engine() {
        for line in file.lines() {
            let names_endpoints = line.contains("crate::") && line.contains("::endpoints");
            let names_routes =
                line.contains("::ROUTES") && file.module != "routes" && !line.ends_with("use endpoints::ROUTES;");
            if names_endpoints || names_routes || line.contains("super::super") {
                wrong.push(format!("{}: {line}", file.path));
            }
        }
    }
    none(&wrong);
}

/// A store is easier to write, and to read, in small parts.
#[test]
fn a_store_trait_asks_few_questions() {
    for file in engine().iter().filter(|file| file.path.ends_with("/store.rs")) {
        for part in file.code.split("pub trait ").skip(1) {
            let questions = part.matches("async fn ").count();
            assert!(questions <= 8, "{}: {} asks {questions} questions", file.path, identifier(part));
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let mut files = engine();
    files.extend(["auth-sqlx", "auth-axum", "auth-actix", "tests"].iter().flat_map(|krate| files_of(krate, "src")));
    files.extend(files_of("tests", "tests"));
    let long = files.iter().filter(|file| file.lines().count() > MOST_LINES_OF_A_FILE);
    none(&long.map(|file| format!("{}: {} lines", file.path, file.lines().count())).collect::<Vec<_>>());
}

#[test]
fn an_adapter_only_converts() {
    for adapter in ["auth-axum", "auth-actix"] {
        let files = files_of(adapter, "src");
        let lines: usize = files.iter().map(|file| file.lines().count()).sum();
        assert!(lines <= MOST_LINES_OF_AN_ADAPTER, "{adapter} has {lines} lines: core work has leaked out");
        let modules: Vec<&str> = files.iter().map(|file| &*file.module).collect();
        assert_eq!(modules, ["convert", "extract", "guard", "layer", "lib", "routes"], "{adapter}");
    }
}

#[test]
fn a_feature_consists_of_its_six_files() {
    let mut wrong = Vec::new();
    for file in engine() {
        let Some((folder, name)) = file.path.rsplit_once('/') else { continue };
        let is_excepted = MORE_FEATURE_FILES.iter().any(|(exception, _)| *exception == file.path);
        if FEATURES.contains(&folder) && !FEATURE_FILES.contains(&name) && !is_excepted {
            wrong.push(file.path.clone());
        }
    }
    none(&wrong);
}

#[test]
fn the_engine_stands_on_no_framework_and_no_database() {
    let manifest = fs::read_to_string(workspace().join("auth-core/Cargo.toml")).unwrap();
    for line in manifest.lines() {
        let name = line.split(['.', ' ', '=']).next().unwrap();
        assert!(!FOREIGN_TO_THE_ENGINE.contains(&name), "auth-core depends on {name}");
    }
}

/// One way to a session: everything that could make another is named in one place.
#[test]
fn sessions_are_made_in_one_place() {
    let naming = |word: &str| -> BTreeSet<String> {
        let files = engine().into_iter().filter(|file| file.lines().any(|line| line.contains(word)));
        files.map(|file| file.path).collect()
    };
    let expected = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
    // Defined in the model, used in the service; and behind the feature `suite`, which tests stores.
    assert_eq!(naming("Session::proven("), expected(&["session/login.rs", "session/mod.rs", "session/service.rs"]));
    assert_eq!(naming("NewSession::new("), expected(&["session/login.rs", "session/mod.rs"]));
    assert_eq!(naming("AuthEvent {"), expected(&["session/login.rs"]));
    assert_eq!(naming("AuthEvent::proved("), expected(&["email/enter.rs", "password/sign_in.rs", "phone/service.rs"]));
    let signing_up = ["anonymous/service.rs", "email/enter.rs", "password/service.rs", "phone/service.rs"];
    assert_eq!(naming("AuthEvent::signed_up("), expected(&signing_up));
    assert_eq!(naming("AuthEvent::again("), expected(&["password/service.rs"]));
    assert_eq!(naming("AuthEvent::beside("), expected(&["code/service.rs", "session/service.rs"]));
}

/// Time and randomness come from the ports alone (`clippy.toml` forbids the rest; this names the two exceptions).
#[test]
fn the_wall_clock_and_the_system_s_randomness_are_asked_in_one_place_each() {
    for (word, place) in [("SystemTime::now", "base/clock.rs"), ("getrandom::fill", "base/random.rs")] {
        let places: Vec<String> = engine()
            .into_iter()
            .filter(|file| file.lines().any(|line| line.contains(word)))
            .map(|file| file.path)
            .collect();
        assert_eq!(places, [place], "{word}");
    }
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A source file, with its comments and tests taken away.
struct File {
    /// Below `src`, such as `session/service.rs`.
    path: String,
    /// The same without its ending.
    module: String,
    code: String,
}

impl File {
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.code.lines()
    }

    /// The room that it stands in, and what it may name there.
    fn room(&self) -> (String, BTreeSet<String>) {
        let (feature, part) = self.module.split_once('/').unwrap_or(("", &self.module));
        let place = FEATURES.iter().position(|known| *known == feature);
        for (room, may_name) in ROOMS {
            let room = match (room.strip_prefix("<feature>/"), place) {
                (Some(kind), Some(_)) if kind == part => self.module.clone(),
                (None, _) if self.module == *room || self.module.starts_with(&format!("{room}/")) => (*room).to_owned(),
                (Some(_), _) | (None, _) => continue,
            };
            let earlier = &FEATURES[..place.unwrap_or(0)];
            let allowed = may_name.iter().flat_map(|name| match *name {
                "<features>" => FEATURES.to_vec(),
                "<earlier>" => earlier.to_vec(),
                name => vec![name],
            });
            return (room, allowed.map(str::to_owned).collect());
        }
        panic!("{} stands in no room: add one to the table, or move it", self.path)
    }

    /// The modules of the crate that it names: `x` of `crate::x` and of `crate::{x, …}`.
    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (at, word) in self.code.match_indices("crate::") {
            let rest = &self.code[at + word.len()..];
            match rest.strip_prefix('{') {
                Some(group) => names.extend(first_segments(group)),
                None => names.extend([identifier(rest)]),
            }
        }
        // Items that `lib.rs` re-exports stand for the module that they come from.
        names.into_iter().map(home_of).collect()
    }
}

/// The first segment of every item between a brace and its partner.
fn first_segments(group: &str) -> Vec<String> {
    let (mut depth, mut segments, mut begins) = (1, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            c if begins && depth == 1 && !c.is_whitespace() => {
                segments.push(identifier(&group[at..]));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    segments
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn home_of(name: String) -> String {
    match &*name {
        "Auth" | "AuthBuilder" => "auth".to_owned(),
        "ConfigErrors" => "config".to_owned(),
        "Cx" | "RequestInfo" | "Work" => "cx".to_owned(),
        "Error" | "Result" => "error".to_owned(),
        _ => name,
    }
}

fn engine() -> Vec<File> {
    files_of("auth-core", "src")
}

/// Every Rust file of a crate's folder, in the order of their paths.
fn files_of(krate: &str, folder: &str) -> Vec<File> {
    let root = workspace().join(krate).join(folder);
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", root.display());
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let module = name.trim_end_matches(".rs").to_owned();
        File { module, path: name, code: code_of(&fs::read_to_string(&path).unwrap()) }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
}

/// Without comments, blank lines, and everything from the first test module on.
fn code_of(text: &str) -> String {
    let is_test = |line: &str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    let mut code = String::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        // `#[cfg(test)] mod tests;` and test-only constants are one item; a module in braces ends the file.
        if is_test(line) && lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{')) {
            break;
        }
        if !line.is_empty() && !line.starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
