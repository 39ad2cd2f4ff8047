//! How permissions are named.

use super::model::Permission;

/// Names so broad that they say nothing of what they permit.
const TOO_BROAD: [&str; 8] = ["*", "admin", "all", "any", "everything", "full", "root", "superuser"];

/// How permissions are named here, and whether a held one may stand for several. Unless said otherwise a name is any
/// visible ASCII, and is held or not: it is compared exactly.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct PermissionRules {
    grammar: Option<PermissionGrammar>,
    wildcards: WildcardPolicy,
}

/// What a permission's name must look like. Routes that require another one stop the program at start-up, and roles
/// with another one cannot be defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermissionGrammar {
    /// `users:create`: a resource and an action, each of `a-z`, `0-9`, `_` and `-`.
    ResourceAction,
    /// `contact:approve`: a collection, and one of these verbs.
    Verb(&'static [&'static str]),
    /// `articles` or `articles.write`: one to eight words with dots between them.
    Dotted,
}

/// Whether what somebody holds may end in an asterisk that stands for anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WildcardPolicy {
    /// It may not: `users:*` is a name like any other, and permits nothing but itself.
    #[default]
    None,
    /// Whoever holds `users:*` or `users.*` may do whatever is required with that beginning. A lone `*` stands for
    /// nothing but itself.
    Suffix,
}

impl PermissionGrammar {
    /// Whether names begin so, up to the separator before an asterisk.
    fn fits_beginning(self, start: &str) -> bool {
        match self {
            Self::ResourceAction | Self::Verb(_) => start.strip_suffix(':').is_some_and(is_word),
            Self::Dotted => start.strip_suffix('.').is_some_and(|words| words.split('.').all(is_word)),
        }
    }

    fn fits(self, name: &str) -> bool {
        match self {
            Self::ResourceAction => name.split_once(':').is_some_and(|pair| is_word(pair.0) && is_word(pair.1)),
            Self::Verb(verbs) => name.split_once(':').is_some_and(|pair| is_word(pair.0) && verbs.contains(&pair.1)),
            Self::Dotted => name.split('.').count() <= 8 && name.split('.').all(is_word),
        }
    }
}

fn is_word(word: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    !word.is_empty() && word.bytes().all(is_letter)
}

impl PermissionRules {
    /// Names are of this form.
    pub fn grammar(self, grammar: PermissionGrammar) -> Self {
        Self { grammar: Some(grammar), ..self }
    }

    /// What is held may stand for several.
    pub fn wildcards(self, wildcards: WildcardPolicy) -> Self {
        Self { wildcards, ..self }
    }

    /// What a name was held under stands for, if it ends in an asterisk that counts: `users:` of `users:*`.
    fn beginning(self, held: &str) -> Option<&str> {
        let beginning = held.strip_suffix('*').filter(|_| self.wildcards == WildcardPolicy::Suffix)?;
        let separated = beginning.strip_suffix([':', '.']);
        separated.is_some_and(|word| !word.is_empty()).then_some(beginning)
    }

    pub(crate) fn has_wildcards(self) -> bool {
        self.wildcards != WildcardPolicy::None
    }

    /// Whether holding one permission is enough where the other is required.
    pub(crate) fn covers(self, held: &Permission, required: &str) -> bool {
        held.as_str() == required || self.beginning(held.as_str()).is_some_and(|start| required.starts_with(start))
    }

    /// Whether a role may hold it.
    pub(crate) fn lets_hold(self, permission: &Permission) -> bool {
        let name = permission.as_str();
        let fits = |grammar: PermissionGrammar| {
            grammar.fits(name) || self.beginning(name).is_some_and(|start| grammar.fits_beginning(start))
        };
        self.grammar.is_none_or(fits)
    }

    /// What is wrong with requiring a permission of this name.
    pub(crate) fn problem(self, name: &str) -> Option<String> {
        if Permission::parse(name).is_err() {
            return Some(format!("nobody can hold the permission {name:?}: it is no name of one"));
        }
        let grammar = self.grammar.filter(|grammar| !grammar.fits(name))?;
        Some(format!("the permission {name:?} is not of the form {grammar:?}"))
    }

    /// What is dubious about requiring a permission of this name.
    pub(crate) fn doubt(self, name: &str) -> Option<String> {
        if TOO_BROAD.contains(&name.to_ascii_lowercase().as_str()) {
            return Some(format!("the permission {name:?} is so broad that it says nothing of what it permits"));
        }
        name.contains('*').then(|| format!("the permission {name:?} is required as it stands: it is no pattern"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(name: &str) -> Permission {
        Permission::parse(name).unwrap()
    }

    #[test]
    fn a_name_is_held_or_not_unless_wildcards_count() {
        let exact = PermissionRules::default();
        let suffix = exact.wildcards(WildcardPolicy::Suffix);
        for (held, required, by_suffix) in [
            ("users:read", "users:read", true),
            ("users:admin", "users:read", false),
            ("users:*", "users:read", true),
            ("users:*", "users:read:own", true),
            ("users.*", "users.read", true),
            ("users:*", "users", false),
            ("users:*", "usersx:read", false),
            ("users*", "users:read", false),
            ("*", "users:read", false),
            (":*", ":read", false),
            ("users:read", "users:*", false),
            ("users:*", "users:*", true),
            ("USERS:*", "users:read", false),
        ] {
            assert_eq!(suffix.covers(&permission(held), required), by_suffix, "{held} for {required}");
            assert_eq!(exact.covers(&permission(held), required), held == required, "{held} for {required}");
        }
    }

    #[test]
    fn a_grammar_is_kept_by_what_is_required_and_what_is_held() {
        const VERBS: &[&str] = &["read", "approve"];
        let of = |grammar| PermissionRules::default().grammar(grammar);
        for (rules, good, bad) in [
            (of(PermissionGrammar::ResourceAction), "users:create", "users"),
            (of(PermissionGrammar::ResourceAction), "line-items:read_all", "Users:create"),
            (of(PermissionGrammar::ResourceAction), "a:b", "a:b:c"),
            (of(PermissionGrammar::ResourceAction), "a:b", "users:*"),
            (of(PermissionGrammar::Verb(VERBS)), "contact:approve", "contact:delete"),
            (of(PermissionGrammar::Dotted), "articles", "articles..write"),
            (of(PermissionGrammar::Dotted), "articles.write", "articles:write"),
        ] {
            assert_eq!((rules.problem(good), rules.problem(bad).is_some()), (None, true), "{good} {bad}");
            assert!(rules.lets_hold(&permission(good)) && !rules.lets_hold(&permission(bad)), "{good} {bad}");
        }
        for grammar in [PermissionGrammar::ResourceAction, PermissionGrammar::Verb(VERBS)] {
            let rules = of(grammar).wildcards(WildcardPolicy::Suffix);
            assert!(rules.lets_hold(&permission("contact:*")) && rules.problem("contact:*").is_some());
            for bad in ["USERS:*", "contact.*", "contact:read:*", "a:b:*"] {
                assert!(!rules.lets_hold(&permission(bad)), "{bad}");
            }
        }
        assert!(PermissionRules::default().problem("two words").is_some());
    }

    #[test]
    fn what_is_too_broad_is_doubted() {
        let rules = PermissionRules::default();
        assert!(["admin", "ADMIN", "*", "users:*"].iter().all(|name| rules.doubt(name).is_some()));
        assert_eq!(rules.doubt("users:admin"), None);
    }
}
