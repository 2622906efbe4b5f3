-- Whether the last copy is taken is a column of the stock that changes only then; and what facets count of a format or a
-- language stands in the index that finds it. Written so that it can be run again on MySQL as well.
-- works with programs from 001
SET @add_gone = IF(
  (SELECT count(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'stock' AND column_name = 'gone') = 0,
  'ALTER TABLE stock ADD COLUMN gone tinyint GENERATED ALWAYS AS (copies - held - sold <= 0) STORED,
     ADD KEY stock_gone (gone, isbn)', 'DO 0');
PREPARE add_gone FROM @add_gone;
EXECUTE add_gone;
DEALLOCATE PREPARE add_gone;
SET @add_choices = IF(
  (SELECT count(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'books' AND index_name = 'books_format_language') = 0,
  'ALTER TABLE books ADD KEY books_format_language (format, language_folded, language_primary, isbn),
     ADD KEY books_language_format (language_folded, language_primary, format, isbn)', 'DO 0');
PREPARE add_choices FROM @add_choices;
EXECUTE add_choices;
DEALLOCATE PREPARE add_choices;
SET @drop_narrow = IF(
  (SELECT count(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'books' AND index_name IN ('books_format', 'books_language')) > 0,
  'ALTER TABLE books DROP KEY books_format, DROP KEY books_language', 'DO 0');
PREPARE drop_narrow FROM @drop_narrow;
EXECUTE drop_narrow;
DEALLOCATE PREPARE drop_narrow;
