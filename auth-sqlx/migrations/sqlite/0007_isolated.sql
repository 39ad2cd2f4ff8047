-- Accounts that belong to a tenant: an address may be in each of them, and is unique in each. Whoever is there already
-- belongs to none, and so does whoever a process of an earlier version writes.
--
-- In which pool an address is unique is part of the table, so the table is made anew, under the same name: tables and
-- views that refer to it, the application's among them, stay as they are.

-- Where foreign keys are enforced, the rows of a table that is dropped take along what refers to them. It stops here.
CREATE TEMP TABLE foreign_keys_are_off (enforced INTEGER NOT NULL CHECK (enforced = 0)) STRICT;

INSERT INTO foreign_keys_are_off (enforced) SELECT foreign_keys FROM pragma_foreign_keys;

DROP TABLE foreign_keys_are_off;

CREATE TEMP TABLE kept_user AS
SELECT id, name, email, email_verified, image, created_at, updated_at, disabled_at, credential_version, pool
FROM auth_user;

DROP TABLE auth_user;

CREATE TABLE auth_user (
    id                 BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name               TEXT    NOT NULL CHECK (length(name) <= 255),
    -- The canonical form that auth-core writes, so equal bytes are the same mailbox.
    email              TEXT    NOT NULL COLLATE BINARY CHECK (length(email) BETWEEN 3 AND 254),
    email_verified     INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    image              TEXT             CHECK (length(image) <= 2048),
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    disabled_at        INTEGER,
    credential_version INTEGER NOT NULL,
    pool               TEXT    NOT NULL DEFAULT 'user' COLLATE BINARY CHECK (pool IN ('user', 'customer')),
    -- An account goes with the tenant that it belongs to.
    tenant             TEXT             COLLATE BINARY REFERENCES auth_tenant (id) ON DELETE CASCADE,
    -- The same, and never NULL, for the key: of NULL a key takes any number.
    home               TEXT    NOT NULL DEFAULT '' COLLATE BINARY CHECK (home = coalesce(tenant, '')),
    UNIQUE (pool, home, email)
) STRICT;

INSERT INTO auth_user (id, name, email, email_verified, image, created_at, updated_at, disabled_at, credential_version,
    pool)
SELECT id, name, email, email_verified, image, created_at, updated_at, disabled_at, credential_version, pool
FROM kept_user;

DROP TABLE kept_user;

CREATE INDEX auth_user_by_tenant ON auth_user (tenant);
