-- The store tells of what it writes, in the transaction that writes it. Its sessions have a name; what any other session
-- writes to a book or its stock is counted here, and whoever keeps answers forgets them all when the count has moved.
-- works with programs from 001
CREATE TABLE IF NOT EXISTS others_wrote (
  id tinyint NOT NULL,
  times bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO others_wrote (id) VALUES (1) ON DUPLICATE KEY UPDATE id = id;

DROP TRIGGER IF EXISTS books_added_by_others;
CREATE TRIGGER books_added_by_others AFTER INSERT ON books FOR EACH ROW
  UPDATE others_wrote SET times = times + 1 WHERE id = 1 AND @application_name IS NULL;
DROP TRIGGER IF EXISTS books_edited_by_others;
CREATE TRIGGER books_edited_by_others AFTER UPDATE ON books FOR EACH ROW
  UPDATE others_wrote SET times = times + 1 WHERE id = 1 AND @application_name IS NULL;
DROP TRIGGER IF EXISTS books_removed_by_others;
CREATE TRIGGER books_removed_by_others AFTER DELETE ON books FOR EACH ROW
  UPDATE others_wrote SET times = times + 1 WHERE id = 1 AND @application_name IS NULL;
DROP TRIGGER IF EXISTS stock_edited_by_others;
CREATE TRIGGER stock_edited_by_others AFTER UPDATE ON stock FOR EACH ROW
  UPDATE others_wrote SET times = times + 1 WHERE id = 1 AND @application_name IS NULL;
