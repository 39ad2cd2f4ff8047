-- Which migrations this database has. Created before any of them, hence IF NOT EXISTS.
CREATE TABLE IF NOT EXISTS auth_migration (
    name       text COLLATE "C" NOT NULL PRIMARY KEY,
    -- SHA-256 of the file, line ends normalised: an applied migration must never change.
    checksum   bytea            NOT NULL CHECK (octet_length(checksum) = 32),
    applied_at bigint           NOT NULL
);
