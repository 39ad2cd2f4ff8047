CREATE TABLE auth_api_key (
    id           uuid                     NOT NULL PRIMARY KEY,
    owner_kind   varchar(16) COLLATE "C"  NOT NULL CHECK (owner_kind IN ('user', 'organization', 'service')),
    -- Within its kind; the id of a user in its written form. Owners of every kind are searched for by these two.
    owner_ref    varchar(128) COLLATE "C" NOT NULL CHECK (owner_ref <> ''),
    -- The user again, where it is one: the key goes with them.
    user_id      uuid                     REFERENCES auth_user (id) ON DELETE CASCADE,
    tenant       varchar(128) COLLATE "C" CHECK (tenant <> ''),
    config_id    varchar(64) COLLATE "C"  NOT NULL CHECK (config_id <> ''),
    name         varchar(255) COLLATE "C",
    -- What lists show of the key, too little to guess the rest.
    key_start    varchar(16) COLLATE "C"  NOT NULL,
    key_prefix   varchar(32) COLLATE "C"  CHECK (key_prefix <> ''),
    enabled      boolean                  NOT NULL,
    -- A JSON array of strings, as text; NULL for the owner's whole authority.
    permissions  text COLLATE "C",
    -- A JSON object, as text.
    metadata     text COLLATE "C",
    expires_at   bigint,
    created_at   bigint                   NOT NULL,
    updated_at   bigint                   NOT NULL,
    last_used_at bigint,
    usage_count  bigint                   NOT NULL CHECK (usage_count >= 0),
    -- Raised with each new secret: of two at once one is too late.
    rotation     bigint                   NOT NULL,
    CHECK ((owner_kind = 'user') = (user_id IS NOT NULL))
);

-- In the order in which keys are listed.
CREATE INDEX auth_api_key_by_owner ON auth_api_key (owner_kind, owner_ref, created_at, id);

CREATE INDEX auth_api_key_by_user ON auth_api_key (user_id);

CREATE INDEX auth_api_key_by_expiry ON auth_api_key (expires_at);

-- Apart from the key, so that the old secret may count for a while when a new one has taken its place.
CREATE TABLE auth_api_key_secret (
    key_hash   bytea  NOT NULL PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    key_id     uuid   NOT NULL REFERENCES auth_api_key (id) ON DELETE CASCADE,
    expires_at bigint
);

CREATE INDEX auth_api_key_secret_by_key ON auth_api_key_secret (key_id);

CREATE INDEX auth_api_key_secret_by_expiry ON auth_api_key_secret (expires_at);

-- All limits of a key in one row, because a use is counted by all of them or by none: one guarded statement then decides.
-- Apart from the key, whose row is wide. Keys without limits have none.
CREATE TABLE auth_api_key_limit (
    key_id          uuid   NOT NULL PRIMARY KEY REFERENCES auth_api_key (id) ON DELETE CASCADE,
    remaining       bigint CHECK (remaining >= 0),
    refill_amount   bigint CHECK (refill_amount >= 1),
    refill_interval bigint CHECK (refill_interval >= 1),
    last_refill_at  bigint,
    quota_1         bigint CHECK (quota_1 >= 1),
    window_1        bigint CHECK (window_1 >= 1),
    used_1          bigint,
    ends_at_1       bigint,
    quota_2         bigint CHECK (quota_2 >= 1),
    window_2        bigint CHECK (window_2 >= 1),
    used_2          bigint,
    ends_at_2       bigint,
    quota_3         bigint CHECK (quota_3 >= 1),
    window_3        bigint CHECK (window_3 >= 1),
    used_3          bigint,
    ends_at_3       bigint,
    quota_4         bigint CHECK (quota_4 >= 1),
    window_4        bigint CHECK (window_4 >= 1),
    used_4          bigint,
    ends_at_4       bigint
    -- A row is written with every use that is counted: room for the next version on its own page.
) WITH (fillfactor = 70);
