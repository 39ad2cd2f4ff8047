-- Rows that have no use any more are found by when they ended. The audit trail needs no index for that: its ids are
-- ordered by time.

CREATE INDEX auth_session_by_expiry ON auth_session (expires_at);

CREATE INDEX auth_attempt_by_window ON auth_attempt (window_ends_at);
