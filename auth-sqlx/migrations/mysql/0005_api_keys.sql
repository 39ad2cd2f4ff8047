CREATE TABLE auth_api_key (
    id           BINARY(16)   NOT NULL PRIMARY KEY,
    owner_kind   VARCHAR(16)  NOT NULL CHECK (owner_kind IN ('user', 'organization', 'service')),
    -- Within its kind; the id of a user in its written form. Owners of every kind are searched for by these two.
    owner_ref    VARCHAR(128) NOT NULL CHECK (CHAR_LENGTH(owner_ref) >= 1),
    -- The user again, where it is one: the key goes with them.
    user_id      BINARY(16),
    tenant       VARCHAR(128) CHECK (CHAR_LENGTH(tenant) >= 1),
    config_id    VARCHAR(64)  NOT NULL CHECK (CHAR_LENGTH(config_id) >= 1),
    name         VARCHAR(255),
    -- What lists show of the key, too little to guess the rest.
    key_start    VARCHAR(16)  NOT NULL,
    key_prefix   VARCHAR(32)  CHECK (CHAR_LENGTH(key_prefix) >= 1),
    enabled      BOOLEAN      NOT NULL CHECK (enabled IN (0, 1)),
    -- A JSON array of strings, as text; NULL for the owner's whole authority.
    permissions  MEDIUMTEXT,
    -- A JSON object, as text.
    metadata     TEXT,
    expires_at   BIGINT,
    created_at   BIGINT       NOT NULL,
    updated_at   BIGINT       NOT NULL,
    last_used_at BIGINT,
    usage_count  BIGINT       NOT NULL CHECK (usage_count >= 0),
    -- Raised with each new secret: of two at once one is too late.
    rotation     BIGINT       NOT NULL,
    -- In the order in which keys are listed.
    KEY auth_api_key_by_owner (owner_kind, owner_ref, created_at, id),
    KEY auth_api_key_by_user (user_id),
    KEY auth_api_key_by_expiry (expires_at),
    CONSTRAINT auth_api_key_user FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE,
    CONSTRAINT auth_api_key_owner CHECK ((owner_kind = 'user') = (user_id IS NOT NULL))
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

-- Apart from the key, so that the old secret may count for a while when a new one has taken its place.
CREATE TABLE auth_api_key_secret (
    key_hash   BINARY(32) NOT NULL PRIMARY KEY,
    key_id     BINARY(16) NOT NULL,
    expires_at BIGINT,
    KEY auth_api_key_secret_by_key (key_id),
    KEY auth_api_key_secret_by_expiry (expires_at),
    CONSTRAINT auth_api_key_secret_key FOREIGN KEY (key_id) REFERENCES auth_api_key (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

-- All limits of a key in one row, because a use is counted by all of them or by none: one guarded statement then decides.
-- Apart from the key, whose row is wide. Keys without limits have none.
CREATE TABLE auth_api_key_limit (
    key_id          BINARY(16) NOT NULL PRIMARY KEY,
    remaining       BIGINT CHECK (remaining >= 0),
    refill_amount   BIGINT CHECK (refill_amount >= 1),
    refill_interval BIGINT CHECK (refill_interval >= 1),
    last_refill_at  BIGINT,
    quota_1         BIGINT CHECK (quota_1 >= 1),
    window_1        BIGINT CHECK (window_1 >= 1),
    used_1          BIGINT,
    ends_at_1       BIGINT,
    quota_2         BIGINT CHECK (quota_2 >= 1),
    window_2        BIGINT CHECK (window_2 >= 1),
    used_2          BIGINT,
    ends_at_2       BIGINT,
    quota_3         BIGINT CHECK (quota_3 >= 1),
    window_3        BIGINT CHECK (window_3 >= 1),
    used_3          BIGINT,
    ends_at_3       BIGINT,
    quota_4         BIGINT CHECK (quota_4 >= 1),
    window_4        BIGINT CHECK (window_4 >= 1),
    used_4          BIGINT,
    ends_at_4       BIGINT,
    CONSTRAINT auth_api_key_limit_key FOREIGN KEY (key_id) REFERENCES auth_api_key (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};
