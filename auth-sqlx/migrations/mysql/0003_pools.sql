-- Users and customers: an address may be in both pools, and is unique in each. Whoever is there already is a user, and
-- so is whoever a process of an earlier version writes. One statement, so that it is done or not done as a whole.

ALTER TABLE auth_user
    ADD COLUMN pool VARCHAR(16) NOT NULL DEFAULT 'user' CHECK (pool IN ('user', 'customer')),
    ADD UNIQUE KEY auth_user_by_pool (pool, email),
    DROP KEY auth_user_by_email;
