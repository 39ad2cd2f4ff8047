-- Messages that wait to be sent.

CREATE TABLE auth_outbox (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- Under the application's secret: whoever reads the table can follow none of the links in it.
    sealed     BLOB    NOT NULL,
    attempts   INTEGER NOT NULL CHECK (attempts >= 0),
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX auth_outbox_by_due ON auth_outbox (due_at, id, attempts);
