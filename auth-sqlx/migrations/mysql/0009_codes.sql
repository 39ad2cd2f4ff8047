-- Codes that are bound to an address, of somebody who has no account perhaps; codes that are guessed at, with the tries
-- that were made. Those that are there stay good. One statement, so that it is done or not done as a whole.
--
-- `subject_id` is the session or the user that a code is bound to, or a keyed pseudonym of an address: each has one code of a
-- purpose. `binding` is what else it is bound to, as JSON.

ALTER TABLE auth_code
    MODIFY COLUMN subject_id VARBINARY(32) NOT NULL,
    MODIFY COLUMN user_id BINARY(16),
    ADD COLUMN binding VARCHAR(4096),
    ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0);
