-- Conventions: ids are UUIDs of 16 bytes, instants are microseconds since 1970 in UTC, booleans are 0 or 1,
-- hashes are raw bytes, and text compares byte by byte, trailing spaces included. The collation that does so is
-- called utf8mb4_nopad_bin on MariaDB and utf8mb4_0900_bin on MySQL, so its name is put in when the file is read.

CREATE TABLE auth_user (
    id                 BINARY(16)    NOT NULL PRIMARY KEY,
    name               VARCHAR(255)  NOT NULL,
    -- The canonical form that auth-core writes, so equal bytes are the same mailbox.
    email              VARCHAR(254)  NOT NULL CHECK (CHAR_LENGTH(email) >= 3),
    email_verified     BOOLEAN       NOT NULL CHECK (email_verified IN (0, 1)),
    image              VARCHAR(2048),
    created_at         BIGINT        NOT NULL,
    updated_at         BIGINT        NOT NULL,
    disabled_at        BIGINT,
    credential_version BIGINT        NOT NULL,
    UNIQUE KEY auth_user_by_email (email)
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_role (
    id          BINARY(16)  NOT NULL PRIMARY KEY,
    guard       VARCHAR(64) NOT NULL CHECK (CHAR_LENGTH(guard) >= 1),
    name        VARCHAR(64) NOT NULL CHECK (CHAR_LENGTH(name) >= 1),
    -- A JSON array of strings, as text: a role is always read whole, so a request needs one row for each role.
    permissions MEDIUMTEXT  NOT NULL,
    created_at  BIGINT      NOT NULL,
    UNIQUE KEY auth_role_by_name (guard, name)
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_user_role (
    user_id    BINARY(16) NOT NULL,
    role_id    BINARY(16) NOT NULL,
    granted_at BIGINT     NOT NULL,
    PRIMARY KEY (user_id, role_id),
    KEY auth_user_role_by_role (role_id),
    CONSTRAINT auth_user_role_user FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE,
    -- RESTRICT: a role that people hold is not deleted by accident, taking their access along.
    CONSTRAINT auth_user_role_role FOREIGN KEY (role_id) REFERENCES auth_role (id) ON DELETE RESTRICT
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_session (
    id                  BINARY(16)   NOT NULL PRIMARY KEY,
    token_hash          BINARY(32)   NOT NULL,
    user_id             BINARY(16)   NOT NULL,
    created_at          BIGINT       NOT NULL,
    updated_at          BIGINT       NOT NULL,
    authenticated_at    BIGINT       NOT NULL,
    expires_at          BIGINT       NOT NULL,
    absolute_expires_at BIGINT       NOT NULL,
    persistent          BOOLEAN      NOT NULL CHECK (persistent IN (0, 1)),
    method              VARCHAR(64)  NOT NULL CHECK (CHAR_LENGTH(method) >= 1),
    assurance           BIGINT       NOT NULL CHECK (assurance BETWEEN 1 AND 3),
    ip_address          VARCHAR(45),
    user_agent          VARCHAR(512),
    UNIQUE KEY auth_session_by_token (token_hash),
    -- In the order in which sessions are listed and evicted.
    KEY auth_session_by_user (user_id, updated_at, id),
    CONSTRAINT auth_session_user FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_account (
    id            BINARY(16)   NOT NULL PRIMARY KEY,
    user_id       BINARY(16)   NOT NULL,
    provider_id   VARCHAR(64)  NOT NULL CHECK (CHAR_LENGTH(provider_id) >= 1),
    -- The subject at the provider; the user's own id for a password, so that a user has at most one.
    account_id    VARCHAR(255) NOT NULL CHECK (CHAR_LENGTH(account_id) >= 1),
    password_hash TEXT,
    created_at    BIGINT       NOT NULL,
    updated_at    BIGINT       NOT NULL,
    UNIQUE KEY auth_account_by_subject (provider_id, account_id),
    KEY auth_account_by_user (user_id, provider_id),
    CONSTRAINT auth_account_user FOREIGN KEY (user_id) REFERENCES auth_user (id) ON DELETE CASCADE,
    CONSTRAINT auth_account_password CHECK (password_hash IS NULL OR provider_id = 'credential')
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

CREATE TABLE auth_attempt (
    -- A keyed pseudonym: without the application's secret it names nobody.
    attempt_key    BINARY(32) NOT NULL PRIMARY KEY,
    attempts       BIGINT     NOT NULL CHECK (attempts >= 0),
    window_ends_at BIGINT     NOT NULL
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};

-- No foreign keys: the trail outlives the user and the session it tells about.
CREATE TABLE auth_audit (
    id             BINARY(16) NOT NULL PRIMARY KEY,
    happened_at    BIGINT     NOT NULL,
    action         TEXT       NOT NULL,
    succeeded      BOOLEAN    NOT NULL CHECK (succeeded IN (0, 1)),
    user_id        BINARY(16),
    actor_id       BINARY(16),
    session_id     BINARY(16),
    detail         VARCHAR(255),
    ip_address     VARCHAR(45),
    correlation_id TEXT,
    KEY auth_audit_by_user (user_id, id)
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};
