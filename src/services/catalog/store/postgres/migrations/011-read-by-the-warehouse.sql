-- Books that have changed since a moment. Stock has no such index on purpose: its rows are updated in place, and the
-- ledger says which have moved.
-- works with programs from 008
CREATE INDEX books_updated ON catalog.books (updated_at, isbn);
