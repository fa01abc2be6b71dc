package postgres

import (
	"database/sql/driver"
	"reflect"
)

// plainArgs gives arguments as what they are written as: pgx looks for a way to write
// each that is of a type of its own, anew for every statement. It is left what is none
// of text, numbers and truth values.
func plainArgs(args []any) ([]any, error) {
	plain := make([]any, len(args))
	for i, arg := range args {
		if v, ok := arg.(driver.Valuer); ok {
			var err error
			if plain[i], err = v.Value(); err != nil {
				return nil, err
			}
			continue
		}
		plain[i] = arg
		v := reflect.ValueOf(arg)
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.String:
			plain[i] = v.String()
		case reflect.Bool:
			plain[i] = v.Bool()
		case reflect.Int, reflect.Int64:
			plain[i] = v.Int()
		}
	}
	return plain, nil
}
