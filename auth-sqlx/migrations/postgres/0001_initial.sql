-- Conventions: ids are UUIDs, instants are microseconds since 1970 in UTC, hashes are raw bytes, and text
-- compares byte by byte, whatever the locale of the database: hence COLLATE "C".

CREATE TABLE auth_user (
    id                 uuid                     NOT NULL PRIMARY KEY,
    name               varchar(255) COLLATE "C" NOT NULL,
    -- The canonical form that auth-core writes, so equal bytes are the same mailbox.
    email              varchar(254) COLLATE "C" NOT NULL UNIQUE CHECK (length(email) >= 3),
    email_verified     boolean                  NOT NULL,
    image              varchar(2048) COLLATE "C",
    created_at         bigint                   NOT NULL,
    updated_at         bigint                   NOT NULL,
    disabled_at        bigint,
    credential_version bigint                   NOT NULL
);

CREATE TABLE auth_role (
    id          uuid                    NOT NULL PRIMARY KEY,
    guard       varchar(64) COLLATE "C" NOT NULL CHECK (guard <> ''),
    name        varchar(64) COLLATE "C" NOT NULL CHECK (name <> ''),
    -- A JSON array of strings, as text: a role is always read whole, so a request needs one row for each role.
    permissions text COLLATE "C"        NOT NULL,
    created_at  bigint                  NOT NULL,
    UNIQUE (guard, name)
);

CREATE TABLE auth_user_role (
    user_id    uuid   NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    -- RESTRICT: a role that people hold is not deleted by accident, taking their access along.
    role_id    uuid   NOT NULL REFERENCES auth_role (id) ON DELETE RESTRICT,
    granted_at bigint NOT NULL,
    PRIMARY KEY (user_id, role_id)
);

CREATE INDEX auth_user_role_by_role ON auth_user_role (role_id);

CREATE TABLE auth_session (
    id                  uuid                    NOT NULL PRIMARY KEY,
    token_hash          bytea                   NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    user_id             uuid                    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    created_at          bigint                  NOT NULL,
    updated_at          bigint                  NOT NULL,
    authenticated_at    bigint                  NOT NULL,
    expires_at          bigint                  NOT NULL,
    absolute_expires_at bigint                  NOT NULL,
    persistent          boolean                 NOT NULL,
    method              varchar(64) COLLATE "C" NOT NULL CHECK (method <> ''),
    assurance           bigint                  NOT NULL CHECK (assurance BETWEEN 1 AND 3),
    ip_address          varchar(45) COLLATE "C",
    user_agent          varchar(512) COLLATE "C"
);

-- In the order in which sessions are listed and evicted.
CREATE INDEX auth_session_by_user ON auth_session (user_id, updated_at, id);

CREATE TABLE auth_account (
    id            uuid                     NOT NULL PRIMARY KEY,
    user_id       uuid                     NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    provider_id   varchar(64) COLLATE "C"  NOT NULL CHECK (provider_id <> ''),
    -- The subject at the provider; the user's own id for a password, so that a user has at most one.
    account_id    varchar(255) COLLATE "C" NOT NULL CHECK (account_id <> ''),
    password_hash text COLLATE "C"         CHECK (password_hash IS NULL OR provider_id = 'credential'),
    created_at    bigint                   NOT NULL,
    updated_at    bigint                   NOT NULL,
    UNIQUE (provider_id, account_id)
);

CREATE INDEX auth_account_by_user ON auth_account (user_id, provider_id);

CREATE TABLE auth_attempt (
    -- A keyed pseudonym: without the application's secret it names nobody.
    attempt_key    bytea  NOT NULL PRIMARY KEY CHECK (octet_length(attempt_key) = 32),
    attempts       bigint NOT NULL CHECK (attempts >= 0),
    window_ends_at bigint NOT NULL
);

-- No foreign keys: the trail outlives the user and the session it tells about.
CREATE TABLE auth_audit (
    id             uuid                    NOT NULL PRIMARY KEY,
    happened_at    bigint                  NOT NULL,
    action         text COLLATE "C"        NOT NULL,
    succeeded      boolean                 NOT NULL,
    user_id        uuid,
    actor_id       uuid,
    session_id     uuid,
    detail         varchar(255) COLLATE "C",
    ip_address     varchar(45) COLLATE "C",
    correlation_id text COLLATE "C"
);

CREATE INDEX auth_audit_by_user ON auth_audit (user_id, id);
