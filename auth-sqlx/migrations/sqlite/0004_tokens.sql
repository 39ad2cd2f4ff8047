-- Codes that are good once, keys that access tokens are signed with, and what renews access tokens.

CREATE TABLE auth_code (
    purpose    TEXT    NOT NULL CHECK (length(purpose) BETWEEN 1 AND 64),
    -- The session that it is bound to, or else the user: each has one code of a purpose at most.
    subject_id BLOB    NOT NULL CHECK (subject_id = coalesce(session_id, user_id)),
    code_hash  BLOB    NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    user_id    BLOB    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    session_id BLOB             REFERENCES auth_session (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, subject_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX auth_code_by_user ON auth_code (user_id);

CREATE INDEX auth_code_by_session ON auth_code (session_id);

CREATE INDEX auth_code_by_expiry ON auth_code (expires_at);

CREATE TABLE auth_signing_key (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    algorithm      TEXT    NOT NULL COLLATE BINARY CHECK (length(algorithm) BETWEEN 1 AND 16),
    generation     INTEGER NOT NULL,
    public_jwk     TEXT    NOT NULL,
    -- Under the application's secret: whoever reads the table cannot sign.
    sealed_private BLOB    NOT NULL,
    created_at     INTEGER NOT NULL,
    signs_from     INTEGER NOT NULL,
    signs_until    INTEGER NOT NULL,
    verifies_until INTEGER NOT NULL,
    -- Of several processes that make the next key at once, one succeeds.
    UNIQUE (algorithm, generation)
) STRICT;

CREATE INDEX auth_signing_key_by_end ON auth_signing_key (verifies_until);

CREATE TABLE auth_refresh_family (
    session_id    BLOB    NOT NULL PRIMARY KEY REFERENCES auth_session (id) ON DELETE CASCADE,
    -- Which the access tokens are bound to.
    tenant        TEXT             CHECK (length(tenant) BETWEEN 1 AND 128),
    family_hash   BLOB    NOT NULL UNIQUE CHECK (length(family_hash) = 32),
    token_hash    BLOB    NOT NULL CHECK (length(token_hash) = 32),
    previous_hash BLOB             CHECK (length(previous_hash) = 32),
    sealed_child  BLOB,
    generation    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    rotated_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
