-- Codes that are bound to an address, of somebody who has no account perhaps; codes that are guessed at, with the tries
-- that were made. Those that are there stay good.

-- The session or the user that a code is bound to, or a keyed pseudonym of an address: each has one code of a purpose.
ALTER TABLE auth_code DROP CONSTRAINT auth_code_check;

ALTER TABLE auth_code
    ALTER COLUMN subject_id TYPE bytea USING uuid_send(subject_id),
    ALTER COLUMN user_id DROP NOT NULL,
    ADD CHECK (octet_length(subject_id) BETWEEN 16 AND 32),
    -- What else it is bound to, as JSON.
    ADD COLUMN binding text COLLATE "C" CHECK (length(binding) <= 4096),
    ADD COLUMN attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0);
