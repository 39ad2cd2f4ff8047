-- Codes that are good once, keys that access tokens are signed with, and what renews access tokens.

CREATE TABLE auth_code (
    purpose    VARCHAR(64) NOT NULL CHECK (CHAR_LENGTH(purpose) >= 1),
    -- The session that it is bound to, or else the user: each has one code of a purpose at most. MySQL allows no CHECK
    -- over a column that a foreign key acts on, so it is not said here that it is one of the two.
    subject_id BINARY(16)  NOT NULL,
    code_hash  BINARY(32)  NOT NULL,
    user_id    BINARY(16)  NOT NULL,
    session_id BINARY(16),
    created_at BIGINT      NOT NULL,
    expires_at BIGINT      NOT NULL,
    PRIMARY KEY (purpose, subject_id),
    UNIQUE KEY auth_code_by_hash (code_hash),
    KEY auth_code_by_user (user_id),
    KEY auth_code_by_session (session_id),
    KEY auth_code_by_expiry (expires_at),
    CONSTRAINT auth_code_user FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE,
    CONSTRAINT auth_code_session FOREIGN KEY (session_id) REFERENCES auth_session (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_signing_key (
    id             BINARY(16)  NOT NULL PRIMARY KEY,
    algorithm      VARCHAR(16) NOT NULL CHECK (CHAR_LENGTH(algorithm) >= 1),
    generation     BIGINT      NOT NULL,
    public_jwk     TEXT        NOT NULL,
    -- Under the application's secret: whoever reads the table cannot sign.
    sealed_private BLOB        NOT NULL,
    created_at     BIGINT      NOT NULL,
    signs_from     BIGINT      NOT NULL,
    signs_until    BIGINT      NOT NULL,
    verifies_until BIGINT      NOT NULL,
    -- Of several processes that make the next key at once, one succeeds.
    UNIQUE KEY auth_signing_key_by_generation (algorithm, generation),
    KEY auth_signing_key_by_end (verifies_until)
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_refresh_family (
    session_id    BINARY(16)   NOT NULL PRIMARY KEY,
    -- Which the access tokens are bound to.
    tenant        VARCHAR(128) CHECK (CHAR_LENGTH(tenant) >= 1),
    family_hash   BINARY(32)   NOT NULL,
    token_hash    BINARY(32)   NOT NULL,
    previous_hash BINARY(32),
    sealed_child  BLOB,
    generation    BIGINT       NOT NULL,
    created_at    BIGINT       NOT NULL,
    rotated_at    BIGINT       NOT NULL,
    expires_at    BIGINT       NOT NULL,
    UNIQUE KEY auth_refresh_family_by_hash (family_hash),
    CONSTRAINT auth_refresh_family_session FOREIGN KEY (session_id) REFERENCES auth_session (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};
