-- Sessions that people can tell apart and end one by one, and that end by themselves when nobody uses them.
ALTER TABLE orders.sessions
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  ADD COLUMN used_at timestamptz NOT NULL DEFAULT now(),
  -- The program that logged in, as it calls itself.
  ADD COLUMN program text NOT NULL DEFAULT '';
CREATE INDEX sessions_by_email ON orders.sessions (email);

-- Where a failed log-in came from: a place that has guessed much is slowed down whatever account it tries.
ALTER TABLE orders.login_failures ADD COLUMN place text NOT NULL DEFAULT '';
CREATE INDEX login_failures_by_place ON orders.login_failures (place, at);

-- Places from where an account's right password has come before: whoever guesses elsewhere cannot lock them out.
CREATE TABLE orders.login_places (
  email text NOT NULL REFERENCES orders.staff ON DELETE CASCADE,
  place text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (email, place)
);
