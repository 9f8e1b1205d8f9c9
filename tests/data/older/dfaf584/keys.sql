PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE keys (
    id text primary key, name text not null unique, hash text not null unique, created_at real not null, expires_at real
);
INSERT INTO keys VALUES('28a8fa2f','shop','61cf088c9201e15da8fa089ffb9ecebe8817cf12f7669a484f75759a4dc92182',1795810076.8289761543,NULL);
CREATE TABLE logins (hash text primary key, key_id text not null, expires_at real not null);
COMMIT;
