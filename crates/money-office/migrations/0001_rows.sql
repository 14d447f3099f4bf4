-- The rows of the office: sorted tables of bytes, told apart by `kind` (Table::number).
CREATE TABLE office_row (
    kind  smallint NOT NULL,
    key   bytea    NOT NULL,
    value bytea    NOT NULL,
    PRIMARY KEY (kind, key)
);
-- Signatures and hashes do not get smaller by compression.
ALTER TABLE office_row ALTER COLUMN value SET STORAGE EXTERNAL;
-- Counters and balances are written in place.
ALTER TABLE office_row SET (fillfactor = 80);

-- Holds nothing: who writes locks it before the first row is read.
CREATE TABLE office_writer ();
