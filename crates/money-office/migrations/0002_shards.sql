-- Which part of which store this database is; empty if it is all of one.
CREATE TABLE office_shard (
    store  text NOT NULL,
    number int  NOT NULL,
    shards int  NOT NULL
);

-- In the first shard only: prepared transactions of other shards that are to be committed.
CREATE TABLE office_decision (
    name  text NOT NULL,
    shard int  NOT NULL,
    PRIMARY KEY (name, shard)
);
