-- A second factor for staff: codes of an app on their telephone, and a few to keep on paper for when that is lost.
-- A program from before asks nobody for it.
-- works with programs from 004
ALTER TABLE orders.staff
  -- Sealed with a key made of the store's secret; the one that asks at a log-in, and one that is offered and not yet used.
  ADD COLUMN code_key bytea,
  ADD COLUMN offered_key bytea,
  ADD COLUMN offered_at timestamptz,
  -- The half minute of the last code that was taken: none is taken twice, and none from before it.
  ADD COLUMN code_step bigint NOT NULL DEFAULT 0,
  -- Tries since the last good one, and the last of them.
  ADD COLUMN code_tries int NOT NULL DEFAULT 0,
  ADD COLUMN code_tried_at timestamptz NOT NULL DEFAULT '-infinity',
  -- Of the codes on paper that are left.
  ADD COLUMN paper_hashes bytea[] NOT NULL DEFAULT '{}';
-- Where everybody needs one, a session opened without it has no role until its account has.
ALTER TABLE orders.sessions ADD COLUMN needs_factor boolean NOT NULL DEFAULT false;
