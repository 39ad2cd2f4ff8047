//! What is the customers' own.

use std::fmt;
use std::sync::Arc;

use crate::hooks::Hooks;

/// What is the customers' own: their hooks. Passwords, sessions and tokens are set for both pools together.
#[derive(Clone, Default)]
pub struct Config {
    hooks: Vec<Arc<dyn Hooks>>,
}

impl Config {
    /// Adds hooks, to run for customers only, after those added before.
    #[must_use]
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks.push(Arc::new(hooks));
        self
    }

    pub(crate) fn into_hooks(self) -> Vec<Arc<dyn Hooks>> {
        self.hooks
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("hooks", &self.hooks.len()).finish()
    }
}
