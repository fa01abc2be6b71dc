// Compares schemas with released ones, and prints what changed as JSON, a list for each three arguments:
//   changes.mjs RELEASED CURRENT YYYY-MM-DD ...
// or prints a schema as it is released: without descriptions, which promise nothing to programs:
//   changes.mjs CURRENT
//
// What breaks clients is breaking. The one exception: what was released as deprecated with a date
// ("Use title. Until 2027-06-30.") may go once the date has passed, with the types that only it led to.
import { readFileSync } from 'node:fs';
import { ChangeType, CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema, getNamedType, isAbstractType, isEnumType, isInputObjectType, isObjectType, isInterfaceType, parse, print, visit } from 'graphql';

const args = process.argv.slice(2);
const read = (path) => readFileSync(path, 'utf8');

if (args.length === 1) {
  const bare = visit(parse(read(args[0])), { enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined) });
  process.stdout.write(print(bare) + '\n');
} else {
  const all = [];
  for (let i = 0; i < args.length; i += 3) all.push(await compare(buildSchema(read(args[i])), buildSchema(read(args[i + 1])), args[i + 2]));
  process.stdout.write(JSON.stringify(all));
}

async function compare(before, after, today) {
  const over = (member) => {
    const until = /\bUntil (\d{4}-\d{2}-\d{2})\b/.exec(member?.deprecationReason ?? '');
    return until !== null && until[1] < today;
  };

  // Types that the released schema leads to by anything whose time is not over.
  const alive = new Set();
  const reach = (type) => {
    if (!type || alive.has(type.name)) return;
    alive.add(type.name);
    if (isAbstractType(type)) before.getPossibleTypes(type).forEach(reach);
    if (isObjectType(type) || isInterfaceType(type)) type.getInterfaces().forEach(reach);
    if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
      for (const f of Object.values(type.getFields())) {
        if (over(f)) continue;
        reach(getNamedType(f.type));
        for (const a of f.args ?? []) if (!over(a)) reach(getNamedType(a.type));
      }
    }
  };
  [before.getQueryType(), before.getMutationType(), before.getSubscriptionType()].forEach(reach);

  const member = (path) => {
    const [typeName, name, argument] = path.split('.');
    const type = before.getType(typeName);
    if (isEnumType(type)) return type.getValue(name);
    const f = type?.getFields?.()[name];
    return argument === undefined ? f : f?.args.find((a) => a.name === argument);
  };
  const removals = [ChangeType.FieldRemoved, ChangeType.EnumValueRemoved, ChangeType.InputFieldRemoved, ChangeType.FieldArgumentRemoved];
  const due = ({ changes }) =>
    changes.map((c) => {
      const gone = removals.includes(c.type) ? over(member(c.path)) : c.type === ChangeType.TypeRemoved && !alive.has(c.path);
      return gone ? { ...c, criticality: { level: CriticalityLevel.Dangerous, reason: 'its announced time is over' } } : c;
    });

  const changes = await diff(before, after, [due]);
  const words = (c) => `${c.path}: ${c.message}`;
  const of = (level) => changes.filter((c) => c.criticality.level === level && !c.type.includes('DESCRIPTION')).map(words);
  return { breaking: of(CriticalityLevel.Breaking), dangerous: of(CriticalityLevel.Dangerous), additive: of(CriticalityLevel.NonBreaking) };
}
