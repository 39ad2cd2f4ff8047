-- Messages that wait to be sent.

CREATE TABLE auth_outbox (
    id         BINARY(16) NOT NULL PRIMARY KEY,
    -- Under the application's secret: whoever reads the table can follow none of the links in it.
    sealed     BLOB       NOT NULL,
    attempts   BIGINT     NOT NULL CHECK (attempts >= 0),
    created_at BIGINT     NOT NULL,
    due_at     BIGINT     NOT NULL,
    expires_at BIGINT     NOT NULL,
    KEY auth_outbox_by_due (due_at, id, attempts)
) ENGINE = InnoDB, DEFAULT CHARACTER SET = utf8mb4, COLLATE = {bytewise};
