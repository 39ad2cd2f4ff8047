-- Users and customers: an address may be in both pools, and is unique in each. Whoever is there already is a user, and
-- so is whoever a process of an earlier version writes.

ALTER TABLE auth_user
    ADD COLUMN pool varchar(16) COLLATE "C" NOT NULL DEFAULT 'user' CHECK (pool IN ('user', 'customer'));

ALTER TABLE auth_user DROP CONSTRAINT auth_user_email_key;

ALTER TABLE auth_user ADD UNIQUE (pool, email);
