package introspect

// Field gives a field of introspection of one parent: of the root, where it is
// __schema or __type and the parent is not looked at, or of what one of these
// fields gave. Nil lists and nil types stand for null.
type Field func(parent any, args map[string]any) any

// Field finds how a field of an object type is answered, nil when it is none of
// introspection.
func (s *Schema) Field(object, name string) Field {
	switch name {
	case "__schema":
		return func(any, map[string]any) any { return s }
	case "__type":
		return func(_ any, args map[string]any) any {
			name, _ := args["name"].(string)
			return s.byName[name]
		}
	}
	return answers[object+"."+name]
}

// of is an answer that a parent of the type P gives without arguments.
func of[P any](read func(P) any) Field {
	return func(parent any, _ map[string]any) any { return read(parent.(P)) }
}

// listed is a list of which the deprecated members are given only when asked for.
func listed[P any, T interface{ isDeprecated() bool }](read func(P) []T) Field {
	return func(parent any, args map[string]any) any {
		all := read(parent.(P))
		if args["includeDeprecated"] == true || all == nil {
			return all
		}
		current := make([]T, 0, len(all))
		for _, t := range all {
			if !t.isDeprecated() {
				current = append(current, t)
			}
		}
		return current
	}
}

// text is null when it is empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (d deprecation) isDeprecated() bool { return d.deprecated }

var answers = map[string]Field{
	"__Schema.description":      of(func(*Schema) any { return nil }), // the files have no place for it
	"__Schema.types":            of(func(s *Schema) any { return s.types }),
	"__Schema.queryType":        of(func(s *Schema) any { return s.byName["Query"] }),
	"__Schema.mutationType":     of(func(s *Schema) any { return s.byName["Mutation"] }),
	"__Schema.subscriptionType": of(func(s *Schema) any { return s.byName["Subscription"] }),
	"__Schema.directives":       of(func(s *Schema) any { return s.directives }),

	"__Type.kind":           of(func(t *typ) any { return t.kind }),
	"__Type.name":           of(func(t *typ) any { return text(t.name) }),
	"__Type.description":    of(func(t *typ) any { return text(t.description) }),
	"__Type.specifiedByURL": of(func(t *typ) any { return text(t.specifiedBy) }),
	"__Type.fields":         listed(func(t *typ) []*field { return t.fields }),
	"__Type.interfaces":     of(func(t *typ) any { return t.interfaces }),
	"__Type.possibleTypes":  of(func(t *typ) any { return t.possible }),
	"__Type.enumValues":     listed(func(t *typ) []*value { return t.values }),
	"__Type.inputFields":    listed(func(t *typ) []*input { return t.inputs }),
	"__Type.ofType":         of(func(t *typ) any { return t.of }),
	"__Type.isOneOf": of(func(t *typ) any {
		if t.kind != "INPUT_OBJECT" {
			return nil
		}
		return false // the server has no such input objects
	}),

	"__Field.name":              of(func(f *field) any { return f.name }),
	"__Field.description":       of(func(f *field) any { return text(f.description) }),
	"__Field.args":              listed(func(f *field) []*input { return f.args }),
	"__Field.type":              of(func(f *field) any { return f.of }),
	"__Field.isDeprecated":      of(func(f *field) any { return f.deprecated }),
	"__Field.deprecationReason": of(func(f *field) any { return text(f.reason) }),

	"__InputValue.name":              of(func(i *input) any { return i.name }),
	"__InputValue.description":       of(func(i *input) any { return text(i.description) }),
	"__InputValue.type":              of(func(i *input) any { return i.of }),
	"__InputValue.defaultValue":      of(func(i *input) any { return text(i.value) }),
	"__InputValue.isDeprecated":      of(func(i *input) any { return i.deprecated }),
	"__InputValue.deprecationReason": of(func(i *input) any { return text(i.reason) }),

	"__EnumValue.name":              of(func(v *value) any { return v.name }),
	"__EnumValue.description":       of(func(v *value) any { return text(v.description) }),
	"__EnumValue.isDeprecated":      of(func(v *value) any { return v.deprecated }),
	"__EnumValue.deprecationReason": of(func(v *value) any { return text(v.reason) }),

	"__Directive.name":              of(func(d *directive) any { return d.name }),
	"__Directive.description":       of(func(d *directive) any { return text(d.description) }),
	"__Directive.isRepeatable":      of(func(*directive) any { return false }), // none is, nor deprecated: the parser knows neither
	"__Directive.isDeprecated":      of(func(*directive) any { return false }),
	"__Directive.deprecationReason": of(func(*directive) any { return nil }),
	"__Directive.locations":         of(func(d *directive) any { return d.locations }),
	"__Directive.args":              listed(func(d *directive) []*input { return d.args }),
}
