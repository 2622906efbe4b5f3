-- Whoever keeps answers about books is told of every write to them in the transaction that writes, also of one made by
-- hand: the books by their ISBNs, or null for any book when one statement wrote more than a hundred.
-- works with programs from 007
CREATE FUNCTION catalog.announce_books() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  told_max CONSTANT int := 100;
  told text[];
BEGIN
  -- Only a statement that writes rows has a table of them.
  IF tg_op <> 'TRUNCATE' THEN
    told := ARRAY(SELECT isbn FROM changed LIMIT told_max + 1);
    IF cardinality(told) = 0 THEN
      RETURN NULL;
    END IF;
  END IF;
  INSERT INTO catalog.outbox (topic, payload) VALUES ('catalogue.changed', json_build_object(
    'isbns', CASE WHEN cardinality(told) <= told_max THEN to_json(told) END));
  RETURN NULL;
END $$;

CREATE TRIGGER books_announced_inserted AFTER INSERT ON catalog.books
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_books();
CREATE TRIGGER books_announced_updated AFTER UPDATE ON catalog.books
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_books();
CREATE TRIGGER books_announced_deleted AFTER DELETE ON catalog.books
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_books();
CREATE TRIGGER books_announced_emptied AFTER TRUNCATE ON catalog.books
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.announce_books();

-- An edit by hand is a new version, whether it says so or not: who holds the last one would be told that it is still right.
CREATE FUNCTION catalog.count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER books_edited_by_hand
  BEFORE UPDATE OF title, subtitle, contributors, publisher, published_on, language, format, description, subjects,
    price_amount, price_currency, prices, price_changes_at, cover, limited, per_customer, sales_open_at, details
  ON catalog.books FOR EACH ROW WHEN (
    NEW.version = OLD.version
    AND (NEW.title, NEW.subtitle, NEW.contributors, NEW.publisher, NEW.published_on, NEW.language, NEW.format,
         NEW.description, NEW.subjects, NEW.price_amount, NEW.price_currency, NEW.prices, NEW.price_changes_at,
         NEW.cover, NEW.limited, NEW.per_customer, NEW.sales_open_at, NEW.details)
        IS DISTINCT FROM
        (OLD.title, OLD.subtitle, OLD.contributors, OLD.publisher, OLD.published_on, OLD.language, OLD.format,
         OLD.description, OLD.subjects, OLD.price_amount, OLD.price_currency, OLD.prices, OLD.price_changes_at,
         OLD.cover, OLD.limited, OLD.per_customer, OLD.sales_open_at, OLD.details)
  ) EXECUTE FUNCTION catalog.count_version();
