PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE users (key integer primary key autoincrement, name text not null unique);
INSERT INTO users VALUES(1,'9c4a53f798950ce173ad302fb2990b97');
INSERT INTO users VALUES(2,'b5b859ff7644fd0abafe0a119c67cbe7');
CREATE TABLE items (key integer primary key autoincrement, name text not null unique);
INSERT INTO items VALUES(1,'cafe-chair');
INSERT INTO items VALUES(2,'oak-chair');
CREATE TABLE events (
    user integer not null, at real not null, item integer not null, kind integer not null, value real,
    primary key (user, at, item, kind)
) without rowid;
INSERT INTO events VALUES(2,1793613600.0,1,6,NULL);
INSERT INTO events VALUES(1,1793527200.0,2,1,NULL);
CREATE TABLE item_versions (item integer primary key, version integer not null);
INSERT INTO item_versions VALUES(1,1);
INSERT INTO item_versions VALUES(2,1);
CREATE TABLE preferences (
    user integer not null, attribute text not null, value text not null, weight real not null,
    primary key (user, attribute, value)
) without rowid;
CREATE TABLE meta (name text primary key, value integer not null) without rowid;
INSERT INTO meta VALUES('forgotten',0);
INSERT INTO meta VALUES('version',1);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('users',2);
INSERT INTO sqlite_sequence VALUES('items',2);
CREATE INDEX events_of_item on events (item, user, at, kind, value);
COMMIT;
