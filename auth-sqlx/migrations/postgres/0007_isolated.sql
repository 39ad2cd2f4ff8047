-- Accounts that belong to a tenant: an address may be in each of them, and is unique in each. Whoever is there already
-- belongs to none, and so does whoever a process of an earlier version writes.

-- An account goes with the tenant that it belongs to. `home` is the same, and never NULL, for the key: of NULL a key takes
-- any number.
ALTER TABLE auth_user
    ADD COLUMN tenant varchar(128) COLLATE "C" REFERENCES auth_tenant (id) ON DELETE CASCADE,
    ADD COLUMN home   varchar(128) COLLATE "C" NOT NULL DEFAULT '' CHECK (home = coalesce(tenant, ''));

ALTER TABLE auth_user DROP CONSTRAINT auth_user_pool_email_key;

ALTER TABLE auth_user ADD UNIQUE (pool, home, email);

CREATE INDEX auth_user_by_tenant ON auth_user (tenant);
