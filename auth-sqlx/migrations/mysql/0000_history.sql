-- Which migrations this database has. Created before any of them, hence IF NOT EXISTS.
CREATE TABLE IF NOT EXISTS auth_migration (
    name       VARCHAR(64) NOT NULL PRIMARY KEY,
    -- SHA-256 of the file, line ends normalised: an applied migration must never change.
    checksum   BINARY(32)  NOT NULL,
    -- A change of tables commits by itself here, so a migration that was cut off goes on where it stood:
    -- that many of its statements were begun, and that many are known to be done.
    begun      BIGINT      NOT NULL,
    done       BIGINT      NOT NULL,
    -- NULL until all of them are.
    applied_at BIGINT
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};
