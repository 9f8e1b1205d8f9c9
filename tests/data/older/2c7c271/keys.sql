PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE keys (
    id text primary key, name text not null unique, hash text not null unique, created_at real not null, expires_at real
);
INSERT INTO keys VALUES('55a97bd5','shop','6a84f9d7d2e016b1c9e08ff0c040371f0956db8a37a5249a3257ae581797681c',1795810019.1652567386,NULL);
CREATE TABLE logins (hash text primary key, key_id text not null, expires_at real not null);
COMMIT;
