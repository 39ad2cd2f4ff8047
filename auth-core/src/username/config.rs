//! What people may do with their names.

/// Names that people sign in with: 3 to 30 letters, digits, `_` and `.`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config {
    pub(crate) is_fixed: bool,
}

impl Config {
    /// Whoever has a name keeps it. By default people may change theirs.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.is_fixed = true;
        self
    }
}
