-- What else than an address somebody is known by. Whoever is there already has none of it.

ALTER TABLE auth_user
    ADD COLUMN username varchar(30) COLLATE "C" CHECK (length(username) >= 3),
    ADD COLUMN display_username varchar(30) CHECK (length(display_username) >= 1),
    ADD COLUMN phone_number varchar(16) COLLATE "C" CHECK (length(phone_number) >= 8),
    ADD COLUMN phone_number_verified boolean NOT NULL DEFAULT false,
    ADD COLUMN is_anonymous boolean NOT NULL DEFAULT false;

-- Of NULL a key takes any number.
CREATE UNIQUE INDEX auth_user_by_username ON auth_user (pool, home, username);

CREATE UNIQUE INDEX auth_user_by_phone ON auth_user (pool, home, phone_number);
