// Generates what codegen.json says, as graphql-codegen's command line does, compiles it strictly together with
// typescript/main.ts, and runs that against a server:
//   codegen.mjs SCHEMA OPERATIONS URL
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import * as documents from '@graphql-codegen/typed-document-node';
import { parse } from 'graphql';

const [schema, folder, url] = process.argv.slice(2);
const pluginMap = { typescript, 'typescript-operations': operations, 'typed-document-node': documents };
const { generates } = JSON.parse(readFileSync('codegen.json', 'utf8'));
const files = readdirSync(folder, { recursive: true }).filter((f) => f.endsWith('.graphql')).sort();
for (const [filename, { plugins, config }] of Object.entries(generates)) {
  const text = await codegen({
    filename,
    config,
    schema: parse(readFileSync(schema, 'utf8')),
    documents: files.map((f) => ({ location: f, document: parse(readFileSync(`${folder}/${f}`, 'utf8')) })),
    plugins: plugins.map((p) => ({ [p]: {} })),
    pluginMap: Object.fromEntries(plugins.map((p) => [p, pluginMap[p]])),
  });
  writeFileSync(`typescript/${filename}`, text);
}
const run = (...args) => {
  const done = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: 'typescript' });
  if (done.status !== 0) {
    process.stderr.write(done.stdout + done.stderr);
    process.exit(1);
  }
  return done.stdout;
};
run(createRequire(import.meta.url).resolve('typescript/bin/tsc'));
process.stdout.write(run('main.js', url));
