-- The role guard whose roles alone count for an API key, as in the session that it was made in. Keys that are there count
-- for all of them, and so does one that a process of an earlier version writes.

ALTER TABLE auth_api_key
    ADD COLUMN role_guard varchar(64) COLLATE "C" CHECK (role_guard <> '');

-- Keys go with the tenant that they speak for.
CREATE INDEX auth_api_key_by_tenant ON auth_api_key (tenant);
