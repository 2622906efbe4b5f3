-- The store tells of what it writes, in the transaction that writes it. What anybody else writes is read from the log of
-- the database: whatever comes in a transaction that left no message in the outbox.
-- works with programs from 008
DROP TRIGGER books_announced_inserted ON catalog.books;
DROP TRIGGER books_announced_updated ON catalog.books;
DROP TRIGGER books_announced_deleted ON catalog.books;
DROP TRIGGER books_announced_emptied ON catalog.books;
DROP FUNCTION catalog.announce_books();

CREATE PUBLICATION catalog_written FOR TABLE catalog.books (isbn), catalog.stock (isbn);
CREATE PUBLICATION catalog_told FOR TABLE catalog.outbox (id) WITH (publish = 'insert');
