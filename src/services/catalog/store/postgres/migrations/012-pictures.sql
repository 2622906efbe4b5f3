-- Pictures of covers that were fetched from publishers, kept small and served by the shop itself.
-- works with programs from 008
CREATE TABLE catalog.pictures (
  isbn text PRIMARY KEY REFERENCES catalog.books ON DELETE CASCADE,
  type text NOT NULL,
  bytes bytea NOT NULL,
  -- The address it was fetched from.
  source text NOT NULL,
  fetched_at timestamptz NOT NULL DEFAULT now()
);
