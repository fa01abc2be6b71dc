// A client in TypeScript: it files a case, reads it back, and is refused something, all typed.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { CaseDocument, CaseFileDocument, CaseUpdateDocument, CasesDocument, type CaseFileInput } from './comity.js';

declare const process: { argv: string[] };
const url = process.argv[2]!;

async function ask<Result, Variables>(document: TypedDocumentNode<Result, Variables>, variables: Variables): Promise<Result> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const answer = (await response.json()) as { data?: Result; errors?: { message: string }[] };
  if (!answer.data || answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

const input: CaseFileInput = {
  idempotencyKey: crypto.randomUUID(),
  category: 'RANSOMWARE',
  title: 'Filed from TypeScript',
  nexus: [{ basis: 'TERRITORY', state: 'KZ' }, { basis: 'EFFECTS', state: 'AM' }],
};
const { caseFile } = await ask(CaseFileDocument, { input });
const id = caseFile.case?.id;
if (!id) throw new Error(JSON.stringify(caseFile.errors));

const { viewer } = await ask(CasesDocument, { filter: { status: 'OPEN' }, first: 10 });
const titles = viewer.cases.nodes.map((c) => c.title);

const { node } = await ask(CaseDocument, { id });
const level = node && 'access' in node ? node.access.level : undefined;

const late = await ask(CaseUpdateDocument, { input: { idempotencyKey: crypto.randomUUID(), id, expectedVersion: 7, title: 'Late' } });
const codes = late.caseUpdate.errors.map((e) => e.code);

// What the schema does not have does not compile.
// @ts-expect-error: a title is text
const wrongTitle: CaseFileInput = { ...input, title: 1 };
// @ts-expect-error: there is no such status
const wrongStatus = { filter: { status: 'LOST' }, first: 10 } satisfies typeof CasesDocument extends TypedDocumentNode<unknown, infer V> ? V : never;
// @ts-expect-error: first is needed
const noLength = { filter: {} } satisfies typeof CasesDocument extends TypedDocumentNode<unknown, infer V> ? V : never;

console.log(JSON.stringify({ id, titles, total: viewer.cases.totalCount, level, codes, unused: [wrongTitle, wrongStatus, noLength].length }));
