-- Which migrations this database has. Created before any of them, hence IF NOT EXISTS.
CREATE TABLE IF NOT EXISTS auth_migration (
    name       TEXT    NOT NULL PRIMARY KEY,
    -- SHA-256 of the file, line ends normalised: an applied migration must never change.
    checksum   BLOB    NOT NULL CHECK (length(checksum) = 32),
    applied_at INTEGER NOT NULL
) STRICT;
