package introspect

import (
	"strings"

	"github.com/graphql-go/graphql"
)

// graphql-go looks the types of introspection up in variables, both when it
// makes a schema and when it validates a document. They are set before any
// schema can be made, and never again.
func init() {
	m, err := New("type Query { schema: __Schema }")
	if err != nil {
		panic(err) // meta.graphql is part of the program
	}
	objects := m.library()
	graphql.SchemaType, graphql.TypeType, graphql.FieldType = objects["__Schema"], objects["__Type"], objects["__Field"]
	graphql.InputValueType, graphql.EnumValueType, graphql.DirectiveType = objects["__InputValue"], objects["__EnumValue"], objects["__Directive"]
	graphql.SchemaMetaFieldDef = &graphql.FieldDefinition{Name: "__schema", Type: graphql.NewNonNull(graphql.SchemaType),
		Description: "What the server can be asked."}
	graphql.TypeMetaFieldDef = &graphql.FieldDefinition{Name: "__type", Type: graphql.TypeType, Description: "A type by its name.",
		Args: []*graphql.Argument{{PrivateName: "name", Type: graphql.NewNonNull(graphql.String)}}}
}

// library makes graphql-go's types of those of introspection.
func (s *Schema) library() map[string]*graphql.Object {
	named := map[string]graphql.Type{"String": graphql.String, "Boolean": graphql.Boolean}
	var typed func(t *typ) graphql.Type
	typed = func(t *typ) graphql.Type {
		switch t.kind {
		case "NON_NULL":
			return graphql.NewNonNull(typed(t.of))
		case "LIST":
			return graphql.NewList(typed(t.of))
		}
		return named[t.name]
	}
	objects := map[string]*graphql.Object{}
	for _, t := range s.types {
		switch {
		case !strings.HasPrefix(t.name, "__"):
		case t.kind == "ENUM":
			values := graphql.EnumValueConfigMap{}
			for _, v := range t.values {
				values[v.name] = &graphql.EnumValueConfig{Value: v.name, Description: v.description}
			}
			e := graphql.NewEnum(graphql.EnumConfig{Name: t.name, Description: t.description, Values: values})
			// Tables of enums and fields are made on first use, without a lock: use them now.
			e.Serialize("")
			e.ParseValue("")
			named[t.name] = e
		default:
			objects[t.name] = graphql.NewObject(graphql.ObjectConfig{Name: t.name, Description: t.description, Fields: graphql.FieldsThunk(func() graphql.Fields {
				fields := graphql.Fields{}
				for _, f := range t.fields {
					args := graphql.FieldConfigArgument{}
					for _, a := range f.args { // includeDeprecated, each of them
						given := a.of
						if given.kind == "NON_NULL" { // which the library takes for required, in spite of the default
							given = given.of
						}
						args[a.name] = &graphql.ArgumentConfig{Type: typed(given), Description: a.description, DefaultValue: false}
					}
					fields[f.name] = &graphql.Field{Type: typed(f.of), Description: f.description, Args: args}
				}
				return fields
			})})
			named[t.name] = objects[t.name]
		}
	}
	for _, o := range objects {
		o.Fields()
	}
	return objects
}
