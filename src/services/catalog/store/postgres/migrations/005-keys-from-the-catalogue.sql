-- What books are found and sorted by is computed by the catalogue and only kept here; books whose keys are older than
-- the catalogue's get new ones while it runs. The functions that computed it stay for programs of the version before,
-- and what those write is taken to have old keys.
-- works with programs from 004
ALTER TABLE catalog.books
  ALTER COLUMN published_sort DROP EXPRESSION,
  ALTER COLUMN language_primary DROP EXPRESSION,
  ALTER COLUMN title_folded DROP EXPRESSION,
  ALTER COLUMN search DROP EXPRESSION,
  ALTER COLUMN published_sort SET DEFAULT -2147483648,
  ALTER COLUMN title_folded SET DEFAULT '',
  ALTER COLUMN search SET DEFAULT '',
  ADD COLUMN keys_version int NOT NULL DEFAULT 0;
CREATE INDEX books_with_old_keys ON catalog.books (isbn) WHERE keys_version < 1;

CREATE FUNCTION catalog.keys_are_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.keys_version := 0;
  RETURN NEW;
END $$;
CREATE TRIGGER books_edited_without_keys
  BEFORE UPDATE OF title, subtitle, contributors, subjects, published_on, language ON catalog.books
  FOR EACH ROW WHEN (
    (NEW.title_folded, NEW.search, NEW.published_sort) = (OLD.title_folded, OLD.search, OLD.published_sort)
    AND (NEW.title, NEW.subtitle, NEW.contributors, NEW.subjects, NEW.published_on, NEW.language)
        IS DISTINCT FROM (OLD.title, OLD.subtitle, OLD.contributors, OLD.subjects, OLD.published_on, OLD.language)
  ) EXECUTE FUNCTION catalog.keys_are_old();
