-- Conventions: ids are UUIDs of 16 bytes, instants are microseconds since 1970 in UTC, booleans are 0 or 1,
-- hashes are raw bytes, and text compares byte by byte. STRICT keeps every column to its type.

CREATE TABLE auth_user (
    id                 BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name               TEXT    NOT NULL CHECK (length(name) <= 255),
    -- The canonical form that auth-core writes, so equal bytes are the same mailbox.
    email              TEXT    NOT NULL COLLATE BINARY UNIQUE CHECK (length(email) BETWEEN 3 AND 254),
    email_verified     INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    image              TEXT             CHECK (length(image) <= 2048),
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    disabled_at        INTEGER,
    credential_version INTEGER NOT NULL
) STRICT;

CREATE TABLE auth_role (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    guard       TEXT    NOT NULL COLLATE BINARY CHECK (length(guard) BETWEEN 1 AND 64),
    name        TEXT    NOT NULL COLLATE BINARY CHECK (length(name) BETWEEN 1 AND 64),
    -- A JSON array of strings: a role is always read whole, so a request needs one row for each role.
    permissions TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (guard, name)
) STRICT;

CREATE TABLE auth_user_role (
    user_id    BLOB    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    -- RESTRICT: a role that people hold is not deleted by accident, taking their access along.
    role_id    BLOB    NOT NULL REFERENCES auth_role (id) ON DELETE RESTRICT,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, role_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX auth_user_role_by_role ON auth_user_role (role_id);

CREATE TABLE auth_session (
    id                  BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token_hash          BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id             BLOB    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    authenticated_at    INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL,
    persistent          INTEGER NOT NULL CHECK (persistent IN (0, 1)),
    method              TEXT    NOT NULL CHECK (length(method) BETWEEN 1 AND 64),
    assurance           INTEGER NOT NULL CHECK (assurance BETWEEN 1 AND 3),
    ip_address          TEXT             CHECK (length(ip_address) <= 45),
    user_agent          TEXT             CHECK (length(user_agent) <= 512)
) STRICT;

-- In the order in which sessions are listed and evicted.
CREATE INDEX auth_session_by_user ON auth_session (user_id, updated_at, id);

CREATE TABLE auth_account (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id       BLOB    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    provider_id   TEXT    NOT NULL COLLATE BINARY CHECK (length(provider_id) BETWEEN 1 AND 64),
    -- The subject at the provider; the user's own id for a password, so that a user has at most one.
    account_id    TEXT    NOT NULL COLLATE BINARY CHECK (length(account_id) BETWEEN 1 AND 255),
    password_hash TEXT             COLLATE BINARY CHECK (password_hash IS NULL OR provider_id = 'credential'),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (provider_id, account_id)
) STRICT;

CREATE INDEX auth_account_by_user ON auth_account (user_id, provider_id);

CREATE TABLE auth_attempt (
    -- A keyed pseudonym: without the application's secret it names nobody.
    attempt_key    BLOB    NOT NULL PRIMARY KEY CHECK (length(attempt_key) = 32),
    attempts       INTEGER NOT NULL CHECK (attempts >= 0),
    window_ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- No foreign keys: the trail outlives the user and the session it tells about.
CREATE TABLE auth_audit (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    happened_at    INTEGER NOT NULL,
    action         TEXT    NOT NULL,
    succeeded      INTEGER NOT NULL CHECK (succeeded IN (0, 1)),
    user_id        BLOB             CHECK (length(user_id) = 16),
    actor_id       BLOB             CHECK (length(actor_id) = 16),
    session_id     BLOB             CHECK (length(session_id) = 16),
    detail         TEXT             CHECK (length(detail) <= 255),
    ip_address     TEXT             CHECK (length(ip_address) <= 45),
    correlation_id TEXT
) STRICT;

CREATE INDEX auth_audit_by_user ON auth_audit (user_id, id);
