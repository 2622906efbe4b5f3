-- Whether the last copy is taken, so that lists of what can and of what cannot be bought are found by index, whichever is
-- rare. It seldom changes, and an update that leaves it as it is goes on in place.
-- works with programs from 008
ALTER TABLE catalog.stock ADD COLUMN gone boolean NOT NULL GENERATED ALWAYS AS (held + sold >= copies) STORED;
CREATE INDEX stock_gone ON catalog.stock (gone, (-sold), isbn);
