-- Books are found by their Thema codes from the fourth version of their keys on; those with older ones by an index.
-- works with programs from 015
DROP INDEX catalog.books_with_old_keys;
CREATE INDEX books_with_old_keys ON catalog.books (isbn) WHERE keys_version < 4;
