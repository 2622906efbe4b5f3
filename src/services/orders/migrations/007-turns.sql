-- What one process does at a time: who may be at it, and the number of each turn, which later ones exceed.
-- works with programs from 004
CREATE TABLE IF NOT EXISTS orders.leases (
  name text PRIMARY KEY,
  holder text NOT NULL DEFAULT '',
  runs_out_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS orders.fences (
  name text PRIMARY KEY,
  number bigint NOT NULL,
  holder text NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  -- How far the work has come, in its own words.
  place text NOT NULL DEFAULT ''
);
