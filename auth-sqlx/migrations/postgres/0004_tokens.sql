-- Codes that are good once, keys that access tokens are signed with, and what renews access tokens.

CREATE TABLE auth_code (
    purpose    varchar(64) COLLATE "C" NOT NULL CHECK (purpose <> ''),
    -- The session that it is bound to, or else the user: each has one code of a purpose at most.
    subject_id uuid                    NOT NULL CHECK (subject_id = coalesce(session_id, user_id)),
    code_hash  bytea                   NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
    user_id    uuid                    NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    session_id uuid                    REFERENCES auth_session (id) ON DELETE CASCADE,
    created_at bigint                  NOT NULL,
    expires_at bigint                  NOT NULL,
    PRIMARY KEY (purpose, subject_id)
);

CREATE INDEX auth_code_by_user ON auth_code (user_id);

CREATE INDEX auth_code_by_session ON auth_code (session_id);

CREATE INDEX auth_code_by_expiry ON auth_code (expires_at);

CREATE TABLE auth_signing_key (
    id             uuid                    NOT NULL PRIMARY KEY,
    algorithm      varchar(16) COLLATE "C" NOT NULL CHECK (algorithm <> ''),
    generation     bigint                  NOT NULL,
    public_jwk     text COLLATE "C"        NOT NULL,
    -- Under the application's secret: whoever reads the table cannot sign.
    sealed_private bytea                   NOT NULL,
    created_at     bigint                  NOT NULL,
    signs_from     bigint                  NOT NULL,
    signs_until    bigint                  NOT NULL,
    verifies_until bigint                  NOT NULL,
    -- Of several processes that make the next key at once, one succeeds.
    UNIQUE (algorithm, generation)
);

CREATE INDEX auth_signing_key_by_end ON auth_signing_key (verifies_until);

CREATE TABLE auth_refresh_family (
    session_id    uuid                     NOT NULL PRIMARY KEY REFERENCES auth_session (id) ON DELETE CASCADE,
    -- Which the access tokens are bound to.
    tenant        varchar(128) COLLATE "C" CHECK (tenant <> ''),
    family_hash   bytea                    NOT NULL UNIQUE CHECK (octet_length(family_hash) = 32),
    token_hash    bytea                    NOT NULL CHECK (octet_length(token_hash) = 32),
    previous_hash bytea                    CHECK (octet_length(previous_hash) = 32),
    sealed_child  bytea,
    generation    bigint                   NOT NULL,
    created_at    bigint                   NOT NULL,
    rotated_at    bigint                   NOT NULL,
    expires_at    bigint                   NOT NULL
);
