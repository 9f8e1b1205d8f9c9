PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE keys (
    id text primary key, name text not null unique, hash text not null unique, created_at real not null, expires_at real
);
INSERT INTO keys VALUES('3168f5fb','shop','6dbea4196b1baaaaffa3df184ebcb42c62117e346d69e4793bb1558e0d7991b7',1795810155.1289386749,NULL);
CREATE TABLE logins (hash text primary key, key_id text not null, expires_at real not null);
COMMIT;
