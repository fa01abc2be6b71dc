package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// listenEvents waits on a connection of its own for events that have places. That it
// breaks, or a pooler before the database passes nothing on, loses nothing: who waits
// asks the database beside it.
func listenEvents(ctx context.Context, dsn string, woken func()) error {
	c, err := configure(dsn)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
	if err != nil {
		return away(err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, `LISTEN comity_events`); err != nil {
		return away(err)
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return away(err)
		}
		woken()
	}
}
