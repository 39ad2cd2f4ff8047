-- Tenants and who belongs to them, roles that are held in one place only, and sessions that act there. What is there
-- already is held everywhere and acts in no tenant, and so does whatever a process of an earlier version writes.

CREATE TABLE auth_tenant (
    id         VARCHAR(128) NOT NULL PRIMARY KEY CHECK (CHAR_LENGTH(id) >= 1),
    name       VARCHAR(255) NOT NULL CHECK (CHAR_LENGTH(name) >= 1),
    created_at BIGINT       NOT NULL
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_membership (
    user_id    BINARY(16)   NOT NULL,
    tenant     VARCHAR(128) NOT NULL,
    status     VARCHAR(16)  NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at BIGINT       NOT NULL,
    updated_at BIGINT       NOT NULL,
    PRIMARY KEY (user_id, tenant),
    KEY auth_membership_by_tenant (tenant),
    CONSTRAINT auth_membership_user FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE,
    CONSTRAINT auth_membership_tenant FOREIGN KEY (tenant) REFERENCES auth_tenant (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

-- The scope is `everywhere`, `platform`, or `tenant` and a space and the tenant: one column that is never NULL, for keys.
-- The tenant stands beside it for its foreign key.
ALTER TABLE auth_role
    ADD COLUMN scope VARCHAR(140) NOT NULL DEFAULT 'everywhere',
    ADD COLUMN tenant VARCHAR(128),
    ADD COLUMN is_system BOOLEAN NOT NULL DEFAULT FALSE CHECK (is_system IN (0, 1)),
    ADD COLUMN manages BOOLEAN NOT NULL DEFAULT FALSE CHECK (manages IN (0, 1)),
    ADD UNIQUE KEY auth_role_by_scope (scope, guard, name),
    DROP KEY auth_role_by_name,
    ADD KEY auth_role_by_tenant (tenant),
    ADD CONSTRAINT auth_role_tenant FOREIGN KEY (tenant) REFERENCES auth_tenant (id) ON DELETE CASCADE;

-- With a membership go the roles that are held as a member.
ALTER TABLE auth_user_role
    ADD COLUMN scope VARCHAR(140) NOT NULL DEFAULT 'everywhere',
    ADD COLUMN tenant VARCHAR(128),
    DROP PRIMARY KEY,
    ADD PRIMARY KEY (user_id, scope, role_id),
    ADD KEY auth_user_role_by_member (user_id, tenant),
    ADD CONSTRAINT auth_user_role_membership
        FOREIGN KEY (user_id, tenant) REFERENCES auth_membership (user_id, tenant) ON DELETE CASCADE;

-- And the sessions.
ALTER TABLE auth_session
    ADD COLUMN scope VARCHAR(140) NOT NULL DEFAULT 'everywhere',
    ADD COLUMN tenant VARCHAR(128),
    ADD COLUMN role_guard VARCHAR(64),
    ADD KEY auth_session_by_member (user_id, tenant),
    ADD CONSTRAINT auth_session_membership
        FOREIGN KEY (user_id, tenant) REFERENCES auth_membership (user_id, tenant) ON DELETE CASCADE;
