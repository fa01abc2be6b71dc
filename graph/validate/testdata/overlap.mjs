// Says of each query of a JSON array on the standard input whether its fields
// are in conflict, as the reference implementation has it.
import { readFileSync } from "node:fs";
import { buildSchema, parse, validate, OverlappingFieldsCanBeMergedRule } from "graphql";

const schema = buildSchema(readFileSync(new URL("schema.graphql", import.meta.url), "utf8"));
const queries = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(queries.map((q) => validate(schema, parse(q), [OverlappingFieldsCanBeMergedRule]).length > 0)));
