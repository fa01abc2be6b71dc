package postgres

import (
	"database/sql"
	"encoding/binary"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// plainRows reads the columns that the tables consist of itself, without a plan and
// copies for each; everything else, and what does not fit, is left to pgx.
type plainRows struct{ pgx.Rows }

// Scan reads a row.
func (r plainRows) Scan(into ...any) error {
	if scanPlain(r.FieldDescriptions(), r.RawValues(), into) {
		return nil
	}
	return r.Rows.Scan(into...)
}

// scanPlain reports whether it read all columns of a row.
func scanPlain(columns []pgconn.FieldDescription, row [][]byte, into []any) bool {
	if len(columns) != len(into) || len(row) != len(into) {
		return false
	}
	for i, to := range into {
		if !scanColumn(&columns[i], row[i], to) {
			return false
		}
	}
	return true
}

// scanColumn reads one column. A string that is what the one before
// it was, as most of a list are, stays the same string.
func scanColumn(column *pgconn.FieldDescription, raw []byte, into any) bool {
	field, own := into.(sql.Scanner)
	if raw == nil {
		return own && field.Scan(nil) == nil
	}
	to := reflect.ValueOf(into)
	if !own && to.Kind() != reflect.Pointer {
		return false
	}
	binaryForm := column.Format == pgx.BinaryFormatCode
	switch column.DataTypeOID {
	case pgtype.TextOID:
		if own {
			return field.Scan(raw) == nil
		}
		if to = to.Elem(); to.Kind() != reflect.String {
			return false
		}
		if to.String() != string(raw) {
			to.SetString(string(raw))
		}
		return true
	case pgtype.ByteaOID:
		return own && binaryForm && field.Scan(raw) == nil
	case pgtype.Int8OID:
		if !binaryForm || len(raw) != 8 {
			return false
		}
		n := int64(binary.BigEndian.Uint64(raw))
		if own {
			return field.Scan(n) == nil
		}
		if to = to.Elem(); !to.CanInt() || to.OverflowInt(n) {
			return false
		}
		to.SetInt(n)
		return true
	case pgtype.BoolOID:
		if own || !binaryForm || len(raw) != 1 {
			return false
		}
		if to = to.Elem(); to.Kind() != reflect.Bool {
			return false
		}
		to.SetBool(raw[0] != 0)
		return true
	}
	return false
}
