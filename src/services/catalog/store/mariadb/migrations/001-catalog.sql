-- BookDb: what the shop sells and how many copies of it there are. There is no DDL in transactions here: every statement
-- can be run again. Texts compare by code point.

CREATE TABLE IF NOT EXISTS books (
  isbn char(13) NOT NULL,
  title text NOT NULL,
  subtitle text,
  -- JSON, kept as the text it came as, so that equal ones are equal texts.
  contributors longtext NOT NULL,
  publisher text,
  published_on varchar(20),
  published_sort int NOT NULL,
  -- BCP 47, in small letters, and its first part, by which readers choose.
  language varchar(255),
  language_folded varchar(255),
  language_primary varchar(20),
  format varchar(255) NOT NULL,
  description mediumtext,
  subjects longtext NOT NULL,
  price_amount bigint,
  price_currency char(3),
  -- Prices with their periods, the one to take first where several are in force; and when that may change next. JSON.
  prices longtext NOT NULL,
  price_changes_at datetime(3),
  -- What a catalogue tells beyond what selling needs. JSON.
  details longtext NOT NULL,
  -- What has no known price comes last in either direction.
  price_up bigint NOT NULL,
  price_down bigint NOT NULL,
  -- NULL where the shop draws the cover itself.
  cover text,
  limited tinyint NOT NULL,
  per_customer int,
  sales_open_at datetime(3),
  version bigint NOT NULL DEFAULT 1,
  -- Whose insert this book is of: tells it from another one made under the same ISBN later.
  made char(36) NOT NULL,
  created_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  updated_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  title_folded varchar(200) NOT NULL,
  -- A digest of the words and subjects in the tables below.
  words_digest char(32) NOT NULL,
  keys_version int NOT NULL,
  PRIMARY KEY (isbn),
  CONSTRAINT isbn_form CHECK (isbn REGEXP '^97[89][0-9]{10}$'),
  CONSTRAINT price_not_negative CHECK (price_amount >= 0),
  CONSTRAINT price_whole CHECK ((price_amount IS NULL) = (price_currency IS NULL)),
  CONSTRAINT per_customer_positive CHECK (per_customer > 0),
  KEY books_title (title_folded, isbn),
  KEY books_price_up (price_up, isbn),
  KEY books_price_down (price_down, isbn),
  KEY books_published (published_sort, isbn),
  KEY books_language (language_folded, isbn),
  KEY books_format (format, isbn),
  KEY books_limited (limited, isbn),
  KEY books_sales_open (sales_open_at, isbn),
  KEY books_price_changes (price_changes_at, isbn),
  KEY books_keys (keys_version, isbn)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS book_subjects (
  subject varchar(255) NOT NULL,
  isbn char(13) NOT NULL,
  PRIMARY KEY (subject, isbn),
  KEY subjects_of_book (isbn, subject),
  CONSTRAINT subject_of_book FOREIGN KEY (isbn) REFERENCES books (isbn) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What each book is found by, folded, and what that says of the book: a millionth of a point is the unit.
CREATE TABLE IF NOT EXISTS book_words (
  word varchar(64) NOT NULL,
  isbn char(13) NOT NULL,
  points int NOT NULL,
  PRIMARY KEY (word, isbn),
  KEY words_of_book (isbn, word, points),
  CONSTRAINT word_of_book FOREIGN KEY (isbn) REFERENCES books (isbn) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every word that some book is found by, so that a word nobody wrote can be read as the nearest one. Words stay when
-- their last book goes; they then lead to nothing.
CREATE TABLE IF NOT EXISTS words (
  word varchar(64) NOT NULL,
  -- How many of the rows below it has.
  trigrams int NOT NULL,
  PRIMARY KEY (word)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS word_trigrams (
  trigram char(3) NOT NULL,
  word varchar(64) NOT NULL,
  PRIMARY KEY (trigram, word)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Available = copies - held - sold.
CREATE TABLE IF NOT EXISTS stock (
  isbn char(13) NOT NULL,
  copies int NOT NULL DEFAULT 0,
  held int NOT NULL DEFAULT 0,
  sold int NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 1,
  updated_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (isbn),
  CONSTRAINT stock_of_book FOREIGN KEY (isbn) REFERENCES books (isbn) ON DELETE CASCADE,
  CONSTRAINT stock_never_oversold CHECK (copies >= 0 AND held >= 0 AND sold >= 0 AND held + sold <= copies),
  KEY stock_bestselling (sold DESC, isbn)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every movement of stock, for ever: per title the deltas add up to the stock row.
CREATE TABLE IF NOT EXISTS ledger (
  id bigint NOT NULL AUTO_INCREMENT,
  -- The distributed transaction that moved it; NULL for movements of this database alone.
  transaction_id char(36),
  isbn char(13) NOT NULL,
  movement varchar(40) NOT NULL,
  copies_delta int NOT NULL DEFAULT 0,
  held_delta int NOT NULL DEFAULT 0,
  sold_delta int NOT NULL DEFAULT 0,
  reason text,
  at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

DROP TRIGGER IF EXISTS ledger_not_updated;
CREATE TRIGGER ledger_not_updated BEFORE UPDATE ON ledger
  FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger only grows';
DROP TRIGGER IF EXISTS ledger_not_deleted;
CREATE TRIGGER ledger_not_deleted BEFORE DELETE ON ledger
  FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger only grows';

-- Distributed transactions that moved stock: each is prepared once, however often the request for it arrives.
CREATE TABLE IF NOT EXISTS transactions (
  id char(36) NOT NULL,
  prepared_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  KEY transactions_prepared (prepared_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS outbox (
  id bigint NOT NULL AUTO_INCREMENT,
  topic varchar(255) NOT NULL,
  payload json NOT NULL,
  created_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS imports (
  id char(36) NOT NULL,
  status varchar(10) NOT NULL DEFAULT 'running',
  `read` int NOT NULL DEFAULT 0,
  created int NOT NULL DEFAULT 0,
  updated int NOT NULL DEFAULT 0,
  unchanged int NOT NULL DEFAULT 0,
  rejected int NOT NULL DEFAULT 0,
  errors longtext NOT NULL,
  file text,
  dry_run tinyint NOT NULL DEFAULT 0,
  report longtext,
  started_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  -- Moves while the importing process lives; one that stopped moving has died.
  alive_at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  finished_at datetime(6),
  PRIMARY KEY (id),
  KEY imports_started (started_at),
  CONSTRAINT import_status CHECK (status IN ('running', 'done', 'failed'))
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is done once in the life of the database, such as loading the sample catalogue.
CREATE TABLE IF NOT EXISTS marks (
  name varchar(255) NOT NULL,
  at datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
