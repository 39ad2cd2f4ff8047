-- Accounts that belong to a tenant: an address may be in each of them, and is unique in each. Whoever is there already
-- belongs to none, and so does whoever a process of an earlier version writes. One statement,
-- so that it is done or not done as a whole.
--
-- An account goes with the tenant that it belongs to. `home` is the same, and never NULL, for the key: of NULL a key takes
-- any number.

ALTER TABLE auth_user
    ADD COLUMN tenant VARCHAR(128),
    ADD COLUMN home VARCHAR(128) NOT NULL DEFAULT '',
    ADD UNIQUE KEY auth_user_by_home (pool, home, email),
    DROP KEY auth_user_by_pool,
    ADD KEY auth_user_by_tenant (tenant),
    ADD CONSTRAINT auth_user_home CHECK (home = COALESCE(tenant, '')),
    ADD CONSTRAINT auth_user_tenant FOREIGN KEY (tenant) REFERENCES auth_tenant (id) ON DELETE CASCADE;
