-- Tenants and who belongs to them, roles that are held in one place only, and sessions that act there. What is there
-- already is held everywhere and acts in no tenant, and so does whatever a process of an earlier version writes.
--
-- Keys and foreign keys of two columns are part of a table, so three tables are made anew, under the same names: tables
-- and views that refer to them, the application's among them, stay as they are.

-- Where foreign keys are enforced, the rows of a table that is dropped take along what refers to them. It stops here.
CREATE TEMP TABLE foreign_keys_are_off (enforced INTEGER NOT NULL CHECK (enforced = 0)) STRICT;

INSERT INTO foreign_keys_are_off (enforced) SELECT foreign_keys FROM pragma_foreign_keys;

DROP TABLE foreign_keys_are_off;

CREATE TABLE auth_tenant (
    id         TEXT    NOT NULL PRIMARY KEY COLLATE BINARY CHECK (length(id) BETWEEN 1 AND 128),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE auth_membership (
    user_id    BLOB    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    tenant     TEXT    NOT NULL COLLATE BINARY REFERENCES auth_tenant (id) ON DELETE CASCADE,
    status     TEXT    NOT NULL COLLATE BINARY CHECK (status IN ('active', 'suspended')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, tenant)
) STRICT, WITHOUT ROWID;

CREATE INDEX auth_membership_by_tenant ON auth_membership (tenant);

CREATE TEMP TABLE kept_role AS SELECT id, guard, name, permissions, created_at FROM auth_role;

DROP TABLE auth_role;

CREATE TABLE auth_role (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    guard       TEXT    NOT NULL COLLATE BINARY CHECK (length(guard) BETWEEN 1 AND 64),
    name        TEXT    NOT NULL COLLATE BINARY CHECK (length(name) BETWEEN 1 AND 64),
    -- A JSON array of strings: a role is always read whole, so a request needs one row for each role.
    permissions TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    -- `everywhere`, `platform`, or `tenant` and a space and the tenant: one column that is never NULL, for keys. The tenant
    -- stands beside it for its foreign key.
    scope       TEXT    NOT NULL DEFAULT 'everywhere' COLLATE BINARY CHECK (length(scope) BETWEEN 1 AND 140),
    tenant      TEXT             COLLATE BINARY REFERENCES auth_tenant (id) ON DELETE CASCADE,
    is_system   INTEGER NOT NULL DEFAULT 0 CHECK (is_system IN (0, 1)),
    manages     INTEGER NOT NULL DEFAULT 0 CHECK (manages IN (0, 1)),
    UNIQUE (scope, guard, name)
) STRICT;

INSERT INTO auth_role (id, guard, name, permissions, created_at)
SELECT id, guard, name, permissions, created_at FROM kept_role;

DROP TABLE kept_role;

CREATE INDEX auth_role_by_tenant ON auth_role (tenant);

CREATE TEMP TABLE kept_user_role AS SELECT user_id, role_id, granted_at FROM auth_user_role;

DROP TABLE auth_user_role;

CREATE TABLE auth_user_role (
    user_id    BLOB    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    -- RESTRICT: a role that people hold is not deleted by accident, taking their access along.
    role_id    BLOB    NOT NULL REFERENCES auth_role (id) ON DELETE RESTRICT,
    granted_at INTEGER NOT NULL,
    scope      TEXT    NOT NULL DEFAULT 'everywhere' COLLATE BINARY CHECK (length(scope) BETWEEN 1 AND 140),
    tenant     TEXT             COLLATE BINARY,
    PRIMARY KEY (user_id, scope, role_id),
    -- With a membership go the roles that are held as a member.
    FOREIGN KEY (user_id, tenant) REFERENCES auth_membership (user_id, tenant) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO auth_user_role (user_id, role_id, granted_at) SELECT user_id, role_id, granted_at FROM kept_user_role;

DROP TABLE kept_user_role;

CREATE INDEX auth_user_role_by_role ON auth_user_role (role_id);

CREATE TEMP TABLE kept_session AS
SELECT id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at, absolute_expires_at, persistent,
    method, assurance, ip_address, user_agent
FROM auth_session;

DROP TABLE auth_session;

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
    user_agent          TEXT             CHECK (length(user_agent) <= 512),
    scope               TEXT    NOT NULL DEFAULT 'everywhere' COLLATE BINARY CHECK (length(scope) BETWEEN 1 AND 140),
    tenant              TEXT             COLLATE BINARY,
    role_guard          TEXT             COLLATE BINARY CHECK (length(role_guard) BETWEEN 1 AND 64),
    -- With a membership go the sessions that were opened as a member.
    FOREIGN KEY (user_id, tenant) REFERENCES auth_membership (user_id, tenant) ON DELETE CASCADE
) STRICT;

INSERT INTO auth_session (id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at,
    absolute_expires_at, persistent, method, assurance, ip_address, user_agent)
SELECT id, token_hash, user_id, created_at, updated_at, authenticated_at, expires_at, absolute_expires_at, persistent,
    method, assurance, ip_address, user_agent
FROM kept_session;

DROP TABLE kept_session;

-- In the order in which sessions are listed and evicted.
CREATE INDEX auth_session_by_user ON auth_session (user_id, updated_at, id);

CREATE INDEX auth_session_by_expiry ON auth_session (expires_at);
