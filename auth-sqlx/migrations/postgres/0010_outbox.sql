-- Messages that wait to be sent.

CREATE TABLE auth_outbox (
    id         uuid   NOT NULL PRIMARY KEY,
    -- Under the application's secret: whoever reads the table can follow none of the links in it.
    sealed     bytea  NOT NULL,
    attempts   bigint NOT NULL CHECK (attempts >= 0),
    created_at bigint NOT NULL,
    due_at     bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX auth_outbox_by_due ON auth_outbox (due_at, id, attempts);
