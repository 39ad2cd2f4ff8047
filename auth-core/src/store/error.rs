//! What can go wrong in a store; "not found" is no error but `None`.

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A uniqueness or foreign-key rule refused the write; nothing was changed.
    #[error("the row conflicts with another one")]
    Conflict,
    /// The database did not answer, or not as it should; nothing is known to be changed.
    #[error("the store failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Wraps the cause that the backend gave.
    pub fn backend(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Backend(cause.into())
    }
}
