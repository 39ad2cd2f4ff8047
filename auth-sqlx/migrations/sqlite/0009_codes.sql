-- Codes that are bound to an address, of somebody who has no account perhaps; codes that are guessed at, with the tries
-- that were made. Those that are there stay good.
--
-- What a column may be is part of the table, so the table is made anew, under the same name.

CREATE TEMP TABLE kept_code AS
SELECT purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at FROM auth_code;

DROP TABLE auth_code;

CREATE TABLE auth_code (
    purpose    TEXT    NOT NULL COLLATE BINARY CHECK (length(purpose) BETWEEN 1 AND 64),
    -- The session or the user that it is bound to, or a keyed pseudonym of an address: each has one code of a purpose.
    subject_id BLOB    NOT NULL CHECK (length(subject_id) BETWEEN 16 AND 32),
    code_hash  BLOB    NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    user_id    BLOB             REFERENCES auth_user (id) ON DELETE CASCADE,
    session_id BLOB             REFERENCES auth_session (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- What else it is bound to, as JSON.
    binding    TEXT             CHECK (length(binding) <= 4096),
    attempts   INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    PRIMARY KEY (purpose, subject_id)
) STRICT, WITHOUT ROWID;

INSERT INTO auth_code (purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at)
SELECT purpose, subject_id, code_hash, user_id, session_id, created_at, expires_at FROM kept_code;

DROP TABLE kept_code;

CREATE INDEX auth_code_by_user ON auth_code (user_id);

CREATE INDEX auth_code_by_session ON auth_code (session_id);

CREATE INDEX auth_code_by_expiry ON auth_code (expires_at);
