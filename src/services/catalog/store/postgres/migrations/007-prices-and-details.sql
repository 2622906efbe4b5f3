-- A book whose price is not known is listed and not sold.
ALTER TABLE catalog.books
  ALTER COLUMN price_amount DROP NOT NULL,
  ALTER COLUMN price_currency DROP NOT NULL,
  ADD CONSTRAINT books_price_whole CHECK ((price_amount IS NULL) = (price_currency IS NULL)),
  -- Prices with their periods, the one to take first where several are in force; and when that may change next.
  ADD COLUMN prices jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN price_changes_at timestamptz,
  -- What a catalogue tells beyond what selling needs.
  ADD COLUMN details jsonb NOT NULL DEFAULT '{}';

-- Lists by price end in what has no known one, in either direction.
DROP INDEX catalog.books_price;
CREATE INDEX books_price_up ON catalog.books (coalesce(price_amount, 9007199254740991), isbn);
CREATE INDEX books_price_down ON catalog.books (coalesce(price_amount, -1), isbn);

CREATE INDEX books_price_changes ON catalog.books (price_changes_at, isbn) WHERE price_changes_at IS NOT NULL;

ALTER TABLE catalog.imports
  ADD COLUMN file text,
  ADD COLUMN dry_run boolean NOT NULL DEFAULT false,
  ADD COLUMN report jsonb;

CREATE INDEX imports_started ON catalog.imports (started_at DESC);
