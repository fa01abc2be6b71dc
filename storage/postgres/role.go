package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrRole is wrapped by the error of a role that must not serve.
var ErrRole = errors.New("the exchange serves as a role that owns nothing and passes by no policy, as comity_app of deploy/postgres/roles.sql")

// CheckRole connects as a server would and refuses, with an error that wraps
// [ErrRole], a role for which the schema's protections do not hold: a
// superuser, one with BYPASSRLS, or one that owns the schema or a table in it,
// be it through another role.
func CheckRole(ctx context.Context, dsn string) error {
	pool, err := connect(dsn, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	return away(leastRights(ctx, pool))
}

func leastRights(ctx context.Context, pool *sql.DB) error {
	var role string
	var super, bypass, owns bool
	err := pool.QueryRowContext(ctx, `SELECT r.rolname, r.rolsuper, r.rolbypassrls,
		EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = current_schema() AND pg_has_role(r.oid, n.nspowner, 'MEMBER'))
		OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
		FROM pg_roles r WHERE r.rolname = session_user`).Scan(&role, &super, &bypass, &owns)
	switch {
	case err != nil:
		return err
	case super:
		return fmt.Errorf("the role %q is a superuser: %w", role, ErrRole)
	case bypass:
		return fmt.Errorf("the role %q has BYPASSRLS: %w", role, ErrRole)
	case owns:
		return fmt.Errorf("the role %q owns the schema, or is a member of a role that does: %w", role, ErrRole)
	}
	return nil
}
