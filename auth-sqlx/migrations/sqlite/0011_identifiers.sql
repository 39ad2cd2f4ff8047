-- What else than an address somebody is known by. Whoever is there already has none of it.

ALTER TABLE auth_user
    ADD COLUMN username TEXT COLLATE BINARY CHECK (length(username) BETWEEN 3 AND 30);

ALTER TABLE auth_user
    ADD COLUMN display_username TEXT CHECK (length(display_username) BETWEEN 1 AND 30);

ALTER TABLE auth_user
    ADD COLUMN phone_number TEXT COLLATE BINARY CHECK (length(phone_number) BETWEEN 8 AND 16);

ALTER TABLE auth_user
    ADD COLUMN phone_number_verified INTEGER NOT NULL DEFAULT 0 CHECK (phone_number_verified IN (0, 1));

ALTER TABLE auth_user
    ADD COLUMN is_anonymous INTEGER NOT NULL DEFAULT 0 CHECK (is_anonymous IN (0, 1));

-- Of NULL a key takes any number.
CREATE UNIQUE INDEX auth_user_by_username ON auth_user (pool, home, username);

CREATE UNIQUE INDEX auth_user_by_phone ON auth_user (pool, home, phone_number);
