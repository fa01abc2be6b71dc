// Prints the query with which graphql-js asks a server for its schema, or
// builds a client's schema from the answer on standard input and compares it
// with the file that the server was made from.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { buildClientSchema, buildSchema, getIntrospectionQuery, introspectionFromSchema, lexicographicSortSchema, printSchema, validateSchema } from 'graphql';

const all = { descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, experimentalDirectiveDeprecation: true, oneOf: true };

if (process.argv[2] === 'query') {
  process.stdout.write(getIntrospectionQuery(all));
} else {
  const complaints = [];
  const ours = JSON.parse(readFileSync(0, 'utf8'));
  const file = buildSchema(readFileSync(process.argv[3], 'utf8'));
  const client = buildClientSchema(ours);
  for (const e of validateSchema(client)) complaints.push(e.message);
  if (printSchema(lexicographicSortSchema(client)) !== printSchema(lexicographicSortSchema(file))) complaints.push('the schema differs from the file');
  if (printSchema(client) !== printSchema(file)) complaints.push('the order of the schema differs from that of the file');

  // What graphql-js itself answers about the file, but for the words in which it describes its own types.
  const theirs = JSON.parse(JSON.stringify(introspectionFromSchema(file, all)));
  const short = (v) => (JSON.stringify(v) ?? 'none').slice(0, 1000);
  const own = (t) => t.name.startsWith('__') || ['String', 'Int', 'Boolean', 'ID', 'Float'].includes(t.name);
  const plain = (v) => (Array.isArray(v) ? v.map(plain) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).filter(([k]) => k !== 'description').map(([k, x]) => [k, plain(x)])) : v);
  const byName = (list) => Object.fromEntries(list.map((t) => [t.name, t]));
  const compare = (what, a, b) => {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const reserved = name.startsWith('__') || what === 'directive' || (a[name] && own(a[name]));
      const [x, y] = reserved ? [plain(a[name]), plain(b[name])] : [a[name], b[name]];
      if (!isDeepStrictEqual(x, y)) complaints.push(`the ${what} ${name}: ${short(x)} is not ${short(y)}`);
    }
  };
  compare('type', byName(ours.__schema.types), byName(theirs.__schema.types));
  // The server has no input objects of which exactly one field is given, and does not say that it knew the directive.
  compare('directive', byName(ours.__schema.directives), byName(theirs.__schema.directives.filter((d) => d.name !== 'oneOf')));
  const { types, directives, ...roots } = ours.__schema;
  const { types: _t, directives: _d, ...theirRoots } = theirs.__schema;
  if (!isDeepStrictEqual(roots, theirRoots)) complaints.push(`the roots are ${JSON.stringify(roots)}`);
  process.stdout.write(JSON.stringify({ types: types.length, complaints }));
}
