CREATE TABLE auth_api_key (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner_kind   TEXT    NOT NULL CHECK (owner_kind IN ('user', 'organization', 'service')),
    -- Within its kind; the id of a user in its written form. Owners of every kind are searched for by these two.
    owner_ref    TEXT    NOT NULL COLLATE BINARY CHECK (length(owner_ref) BETWEEN 1 AND 128),
    -- The user again, where it is one: the key goes with them.
    user_id      BLOB             REFERENCES auth_user (id) ON DELETE CASCADE,
    tenant       TEXT             CHECK (length(tenant) BETWEEN 1 AND 128),
    config_id    TEXT    NOT NULL CHECK (length(config_id) BETWEEN 1 AND 64),
    name         TEXT             COLLATE BINARY CHECK (length(name) <= 255),
    -- What lists show of the key, too little to guess the rest.
    key_start    TEXT    NOT NULL CHECK (length(key_start) <= 16),
    key_prefix   TEXT             CHECK (length(key_prefix) BETWEEN 1 AND 32),
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    -- A JSON array of strings; NULL for the owner's whole authority.
    permissions  TEXT,
    -- A JSON object.
    metadata     TEXT,
    expires_at   INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    usage_count  INTEGER NOT NULL CHECK (usage_count >= 0),
    -- Raised with each new secret: of two at once one is too late.
    rotation     INTEGER NOT NULL,
    CHECK ((owner_kind = 'user') = (user_id IS NOT NULL))
) STRICT;

-- In the order in which keys are listed.
CREATE INDEX auth_api_key_by_owner ON auth_api_key (owner_kind, owner_ref, created_at, id);

CREATE INDEX auth_api_key_by_user ON auth_api_key (user_id);

CREATE INDEX auth_api_key_by_expiry ON auth_api_key (expires_at);

-- Apart from the key, so that the old secret may count for a while when a new one has taken its place.
CREATE TABLE auth_api_key_secret (
    key_hash   BLOB    NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),
    key_id     BLOB    NOT NULL REFERENCES auth_api_key (id) ON DELETE CASCADE,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX auth_api_key_secret_by_key ON auth_api_key_secret (key_id);

CREATE INDEX auth_api_key_secret_by_expiry ON auth_api_key_secret (expires_at);

-- All limits of a key in one row, because a use is counted by all of them or by none: one guarded statement then decides.
-- Apart from the key, whose row is wide. Keys without limits have none.
CREATE TABLE auth_api_key_limit (
    key_id          BLOB    NOT NULL PRIMARY KEY REFERENCES auth_api_key (id) ON DELETE CASCADE,
    remaining       INTEGER CHECK (remaining >= 0),
    refill_amount   INTEGER CHECK (refill_amount >= 1),
    refill_interval INTEGER CHECK (refill_interval >= 1),
    last_refill_at  INTEGER,
    quota_1         INTEGER CHECK (quota_1 >= 1),
    window_1        INTEGER CHECK (window_1 >= 1),
    used_1          INTEGER,
    ends_at_1       INTEGER,
    quota_2         INTEGER CHECK (quota_2 >= 1),
    window_2        INTEGER CHECK (window_2 >= 1),
    used_2          INTEGER,
    ends_at_2       INTEGER,
    quota_3         INTEGER CHECK (quota_3 >= 1),
    window_3        INTEGER CHECK (window_3 >= 1),
    used_3          INTEGER,
    ends_at_3       INTEGER,
    quota_4         INTEGER CHECK (quota_4 >= 1),
    window_4        INTEGER CHECK (window_4 >= 1),
    used_4          INTEGER,
    ends_at_4       INTEGER
) STRICT, WITHOUT ROWID;
