-- Tenants and who belongs to them, roles that are held in one place only, and sessions that act there. What is there
-- already is held everywhere and acts in no tenant, and so does whatever a process of an earlier version writes.

CREATE TABLE auth_tenant (
    id         varchar(128) COLLATE "C" NOT NULL PRIMARY KEY CHECK (id <> ''),
    name       varchar(255) COLLATE "C" NOT NULL CHECK (name <> ''),
    created_at bigint                   NOT NULL
);

CREATE TABLE auth_membership (
    user_id    uuid                     NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    tenant     varchar(128) COLLATE "C" NOT NULL REFERENCES auth_tenant (id) ON DELETE CASCADE,
    status     varchar(16) COLLATE "C"  NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at bigint                   NOT NULL,
    updated_at bigint                   NOT NULL,
    PRIMARY KEY (user_id, tenant)
);

CREATE INDEX auth_membership_by_tenant ON auth_membership (tenant);

-- The scope is `everywhere`, `platform`, or `tenant` and a space and the tenant: one column that is never NULL, for keys.
-- The tenant stands beside it for its foreign key.
ALTER TABLE auth_role
    ADD COLUMN scope     varchar(140) COLLATE "C" NOT NULL DEFAULT 'everywhere',
    ADD COLUMN tenant    varchar(128) COLLATE "C" REFERENCES auth_tenant (id) ON DELETE CASCADE,
    ADD COLUMN is_system boolean                  NOT NULL DEFAULT false,
    ADD COLUMN manages   boolean                  NOT NULL DEFAULT false;

ALTER TABLE auth_role DROP CONSTRAINT auth_role_guard_name_key;

ALTER TABLE auth_role ADD UNIQUE (scope, guard, name);

CREATE INDEX auth_role_by_tenant ON auth_role (tenant);

-- With a membership go the roles that are held as a member.
ALTER TABLE auth_user_role
    ADD COLUMN scope  varchar(140) COLLATE "C" NOT NULL DEFAULT 'everywhere',
    ADD COLUMN tenant varchar(128) COLLATE "C",
    ADD CONSTRAINT auth_user_role_membership
        FOREIGN KEY (user_id, tenant) REFERENCES auth_membership (user_id, tenant) ON DELETE CASCADE;

ALTER TABLE auth_user_role DROP CONSTRAINT auth_user_role_pkey;

ALTER TABLE auth_user_role ADD PRIMARY KEY (user_id, scope, role_id);

-- And the sessions.
ALTER TABLE auth_session
    ADD COLUMN scope      varchar(140) COLLATE "C" NOT NULL DEFAULT 'everywhere',
    ADD COLUMN tenant     varchar(128) COLLATE "C",
    ADD COLUMN role_guard varchar(64) COLLATE "C",
    ADD CONSTRAINT auth_session_membership
        FOREIGN KEY (user_id, tenant) REFERENCES auth_membership (user_id, tenant) ON DELETE CASCADE;
