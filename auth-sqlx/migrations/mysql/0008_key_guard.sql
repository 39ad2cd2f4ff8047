-- The role guard whose roles alone count for an API key, as in the session that it was made in. Keys that are there count
-- for all of them, and so does one that a process of an earlier version writes.
--
-- Keys go with the tenant that they speak for, so they are found by it.

ALTER TABLE auth_api_key
    ADD COLUMN role_guard VARCHAR(64) CHECK (CHAR_LENGTH(role_guard) >= 1),
    ADD KEY auth_api_key_by_tenant (tenant);
