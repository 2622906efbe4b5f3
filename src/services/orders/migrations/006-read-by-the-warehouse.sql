-- What the warehouse asks for what has changed. Rows of these tables lie in the order in which they were written, so that
-- an entry for a hundred pages is enough, and costs next to nothing to keep.
-- works with programs from 004
CREATE INDEX IF NOT EXISTS history_by_time ON orders.history USING brin (at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX IF NOT EXISTS sagas_by_change ON orders.sagas USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX IF NOT EXISTS saga_journal_by_time ON orders.saga_journal USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

-- What is noted once more now and then, such as the beginning of a load.
CREATE TABLE IF NOT EXISTS orders.marks (
  name text PRIMARY KEY,
  at timestamptz NOT NULL
);
