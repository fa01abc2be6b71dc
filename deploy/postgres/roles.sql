-- The database of the exchange and its two roles, for a cluster of your own.
-- Run once, as a superuser, with psql:
--
--   psql --dbname=postgres --set=ON_ERROR_STOP=1 --file=roles.sql
--
-- then give both roles a password (\password comity_owner) or a certificate,
-- and let the exchange migrate as the owner and serve as comity_app.
--
-- comity_owner owns the schema and migrates it. It is used for nothing else,
-- and its password is not on the machine that serves.
-- comity_app serves. It owns nothing, may pass by no policy, and gets from each
-- migration the rights of storage/postgres/rights.sql and no others.

CREATE ROLE comity_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE ROLE comity_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;

CREATE DATABASE comity OWNER comity_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE comity FROM PUBLIC;
GRANT CONNECT ON DATABASE comity TO comity_app;

-- Passwords are kept as SCRAM only, and statements, which could hold some, are
-- not logged with their errors.
ALTER ROLE comity_owner SET password_encryption = 'scram-sha-256';
ALTER DATABASE comity SET log_min_error_statement = 'panic';

\connect comity
ALTER SCHEMA public OWNER TO comity_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO comity_app;
