package service

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/comity-platform/comity"
)

// maxConfigFile is the longest that a configuration file may be.
const maxConfigFile = 1 << 20

// Complete fills in, from the configuration file, what neither flags nor the
// environment set, and remembers where each setting stands and every fault of
// the file, for [Check].
func (c *Config) Complete(parsed *kong.Context) {
	c.sources = map[string]string{}
	fields := settings(reflect.TypeFor[Config]())
	for _, p := range parsed.Path {
		if p.Flag != nil {
			if name := fields.byFlag(p.Flag.Name); name != "" {
				c.sources[name] = "--" + p.Flag.Name
			}
		}
	}
	for name, f := range fields {
		if variable := f.Tag.Get("env"); c.sources[name] == "" && variable != "" {
			if _, ok := os.LookupEnv(variable); ok {
				c.sources[name] = variable
			}
		}
	}
	if c.File != "" {
		c.readFile(fields)
	}
}

func (c *Config) readFile(fields fieldsByName) {
	raw, err := readLimited(c.File, maxConfigFile)
	if err != nil {
		c.faults, c.unread = []Fault{{Where: c.File, Message: err.Error()}}, true
		return
	}
	r := fileReader{file: c.File}
	object, ok := r.object(raw, "")
	if !ok {
		c.faults, c.unread = r.faults, true
		return
	}
	v := reflect.ValueOf(c).Elem()
	for _, name := range sortedKeys(object) {
		f, known := fields[name]
		switch {
		case !known:
			r.unknown("/"+name, fields.names())
		case c.sources[name] == "": // neither a flag nor the environment
			r.decode(object[name], v.FieldByIndex(f.Index), "/"+name)
			c.sources[name] = c.File + ":/" + name
		default: // outranked, but a fault all the same
			r.decode(object[name], reflect.New(f.Type).Elem(), "/"+name)
		}
	}
	c.faults = r.faults
}

// fieldsByName are a struct's fields by their JSON names.
type fieldsByName map[string]reflect.StructField

func settings(t reflect.Type) fieldsByName {
	all := fieldsByName{}
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "-" {
			all[name] = f
		}
	}
	return all
}

func (f fieldsByName) byFlag(flag string) string {
	for name, field := range f {
		if flagName(field) == flag {
			return name
		}
	}
	return ""
}

// flagName is the name that kong gives a field's flag.
func flagName(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	var b strings.Builder
	for i, r := range f.Name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (f fieldsByName) names() []string { return sortedKeys(f) }

// fileReader decodes a file and gathers its faults, where encoding/json would
// stop at the first.
type fileReader struct {
	file   string
	faults []Fault
}

func (r *fileReader) fault(pointer, format string, args ...any) {
	r.faults = append(r.faults, Fault{Where: r.file + ":" + pointer, Message: fmt.Sprintf(format, args...)})
}

func (r *fileReader) unknown(pointer string, known []string) {
	r.fault(pointer, "there is no such setting; there are %s", strings.Join(known, ", "))
}

// object reads one JSON object and refuses names that stand twice, of which
// one would win in silence.
func (r *fileReader) object(raw []byte, pointer string) (map[string]json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		r.fault(pointer, "this is not a JSON object")
		return nil, false
	}
	object := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			r.fault(pointer, "this is not JSON: %v", err)
			return nil, false
		}
		name, _ := t.(string) // names are strings, or Token fails
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			r.fault(pointer+"/"+name, "this is not JSON: %v", err)
			return nil, false
		}
		if _, twice := object[name]; twice {
			r.fault(pointer+"/"+name, "the setting stands twice")
		}
		object[name] = value
	}
	if _, err := d.Token(); err != nil {
		r.fault(pointer, "this is not JSON: %v", err)
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		r.fault(pointer, "something follows the JSON object")
		return nil, false
	}
	return object, true
}

func (r *fileReader) decode(raw json.RawMessage, v reflect.Value, pointer string) {
	_, text := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.decode(raw, v.Elem(), pointer)
	case v.Kind() == reflect.Struct:
		r.decodeStruct(raw, v, pointer)
	case v.Kind() == reflect.Map:
		r.decodeStates(raw, v, pointer)
	default:
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			if text && raw[0] == '"' { // the type's own words
				r.fault(pointer, "%v", err)
				return
			}
			kind := map[reflect.Kind]string{reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Slice: "a list of strings"}[v.Kind()]
			if kind == "" || text {
				kind = "a string"
			}
			r.fault(pointer, "wanted %s", kind)
		}
	}
}

func (r *fileReader) decodeStruct(raw json.RawMessage, v reflect.Value, pointer string) {
	object, ok := r.object(raw, pointer)
	if !ok {
		return
	}
	fields := settings(v.Type())
	for _, name := range sortedKeys(object) {
		if f, known := fields[name]; known {
			r.decode(object[name], v.FieldByIndex(f.Index), pointer+"/"+name)
		} else {
			r.unknown(pointer+"/"+name, fields.names())
		}
	}
}

func (r *fileReader) decodeStates(raw json.RawMessage, v reflect.Value, pointer string) {
	object, ok := r.object(raw, pointer)
	if !ok {
		return
	}
	states := States{}
	for _, name := range sortedKeys(object) {
		var s StateConfig
		r.decode(object[name], reflect.ValueOf(&s).Elem(), pointer+"/"+name)
		states[comity.State(name)] = s
	}
	v.Set(reflect.ValueOf(states))
}

// UnmarshalJSON reads the states from a flag or the environment, as strictly
// as from a file.
func (s *States) UnmarshalJSON(raw []byte) error {
	r := fileReader{}
	r.decodeStates(raw, reflect.ValueOf(s).Elem(), "")
	var faults []error
	for _, f := range r.faults {
		faults = append(faults, errors.New(strings.TrimPrefix(f.Where, ":")+": "+f.Message))
	}
	return errors.Join(faults...)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// readLimited reads a file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return raw, err
}
