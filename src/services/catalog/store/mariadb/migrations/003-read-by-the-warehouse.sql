-- Books that have changed since a moment. Written so that it can be run again on MySQL as well, which has no
-- CREATE INDEX IF NOT EXISTS.
-- works with programs from 001
SET @create_index = IF(
  (SELECT count(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'books' AND index_name = 'books_updated') = 0,
  'CREATE INDEX books_updated ON books (updated_at, isbn)', 'DO 0');
PREPARE create_index FROM @create_index;
EXECUTE create_index;
DEALLOCATE PREPARE create_index;
