// Lints the schema, and a client's operations against it, with graphql-eslint:
//   lint.mjs SCHEMA OPERATIONS
// and prints what it finds as JSON. All of its rules for schemas and for Relay are on, but for those below.
import { cpSync } from 'node:fs';
import { ESLint } from 'eslint';
import * as graphql from '@graphql-eslint/eslint-plugin';

const [schema, operations] = process.argv.slice(2);
const { configs } = graphql;

const schemaRules = {
  ...configs['flat/schema-all'].rules,
  ...configs['flat/schema-relay'].rules,
  // Stricter than the preset: everything is described, to the last argument.
  '@graphql-eslint/require-description': ['error', { types: true, rootField: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true, DirectiveDefinition: true }],
  // The order is that in which a reader needs things, and that of the API reference.
  '@graphql-eslint/alphabetize': 'off',
  // Acts are mutations; the preset only shows how a root type is forbidden.
  '@graphql-eslint/no-root-type': 'off',
  // The viewer is always there, and a payload too: an act that fails says so in the payload's errors.
  '@graphql-eslint/require-nullable-result-in-root': 'off',
  // A read is an act of its own, with a purpose and a leaf in the record of acts: none hangs on another act's answer.
  '@graphql-eslint/require-field-of-type-query-in-mutation-result': 'off',
  // Only what can be found by an id has one, the implementations of Node. A marking or a page has no identity.
  '@graphql-eslint/strict-id-in-types': 'off',
  // The directive that this rule wants an argument of is not the specification's. The date stands in the reason (TestDeprecations).
  '@graphql-eslint/require-deprecation-date': 'off',
  // Pages go forward: a list that changes at its head has no stable page before one. The specification asks for one of both.
  '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
  // What is short and whole, as a state's agencies or a marking's words, is a plain list; what grows is a connection (TestConventions).
  '@graphql-eslint/relay-edge-types': ['error', { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
};
// Single findings that are not faults. One that is found no more has to go from here.
const accepted = [
  // "grantee" is another word than "grant".
  ...['granteeState', 'granteeAgency', 'granteeOfficer'].map((f) => `no-typename-prefix: Field "${f}" starts with the name of the parent type "Grant"`),
  // The word of the domain: a Reason holds the article and, in words, the reason.
  'no-typename-prefix: Field "reason" starts with the name of the parent type "Reason"',
];
cpSync(schema, 'schema.graphql');
cpSync(operations, 'operations', { recursive: true });
const parserOptions = { graphQLConfig: { schema: './schema.graphql', documents: './operations/**/*.graphql' } };
const eslint = new ESLint({
  cwd: process.cwd(),
  overrideConfigFile: true,
  overrideConfig: [
    { files: ['**/*.graphql'], languageOptions: { parser: graphql.parser, parserOptions }, plugins: { '@graphql-eslint': graphql }, linterOptions: { reportUnusedDisableDirectives: 'error' } },
    { files: ['schema.graphql'], rules: schemaRules },
    { files: ['operations/**/*.graphql'], rules: configs['flat/operations-recommended'].rules },
  ],
});
const found = [];
const unused = new Set(accepted);
for (const file of await eslint.lintFiles(['schema.graphql', 'operations/**/*.graphql'])) {
  for (const m of file.messages) {
    const said = `${(m.ruleId ?? 'syntax').replace('@graphql-eslint/', '')}: ${m.message}`;
    if (accepted.includes(said)) unused.delete(said);
    else found.push(`${file.filePath.slice(process.cwd().length + 1)}:${m.line} ${said}`);
  }
}
process.stdout.write(JSON.stringify([...found, ...[...unused].map((said) => `lint.mjs accepts what is found no more: ${said}`)]));
