-- What else than an address somebody is known by. Whoever is there already has none of it. One statement, so that it is
-- done or not done as a whole. Of NULL a key takes any number.

ALTER TABLE auth_user
    ADD COLUMN username VARCHAR(30) CHECK (CHAR_LENGTH(username) >= 3),
    ADD COLUMN display_username VARCHAR(30) CHECK (CHAR_LENGTH(display_username) >= 1),
    ADD COLUMN phone_number VARCHAR(16) CHECK (CHAR_LENGTH(phone_number) >= 8),
    ADD COLUMN phone_number_verified BOOLEAN NOT NULL DEFAULT FALSE CHECK (phone_number_verified IN (0, 1)),
    ADD COLUMN is_anonymous BOOLEAN NOT NULL DEFAULT FALSE CHECK (is_anonymous IN (0, 1)),
    ADD UNIQUE KEY auth_user_by_username (pool, home, username),
    ADD UNIQUE KEY auth_user_by_phone (pool, home, phone_number);
