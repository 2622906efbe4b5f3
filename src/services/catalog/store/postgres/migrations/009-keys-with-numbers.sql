-- Books whose keys are older than the second version, which knows numbers in words, are found by an index as before.
-- works with programs from 007
DROP INDEX catalog.books_with_old_keys;
CREATE INDEX books_with_old_keys ON catalog.books (isbn) WHERE keys_version < 2;
