// The reference's side: answers the cases that come in on a line each batch, over
// the same data as data.go works out.
import {createInterface} from 'node:readline'
import {buildSchema, execute, isEnumType, isAbstractType, isListType, isNonNullType, isLeafType, parse, specifiedRules, subscribe, validate, validateSchema, GraphQLError, Kind,
  valueFromASTUntyped} from 'graphql'

const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]()
const schemas = {}
const defined = JSON.parse((await lines.next()).value)
for (const name in defined) schemas[name] = build(defined[name])

for (let line = await lines.next(); !line.done; line = await lines.next()) {
  const {schema, cases} = JSON.parse(line.value)
  process.stdout.write(JSON.stringify(await Promise.all(cases.map(c => answer(schemas[schema], c)))) + '\n')
}

function build({sdl, scalars}) {
  const schema = buildSchema(sdl)
  const faults = validateSchema(schema)
  if (faults.length) throw new Error(faults.join('\n'))
  const plain = new Map()
  for (const name in scalars) {
    const known = new Map(Object.entries(scalars[name].values).map(([given, read]) => [JSON.stringify(JSON.parse(given)), JSON.parse(read)]))
    const type = schema.getType(name)
    plain.set(name, Object.keys(scalars[name].values).sort().map(given => JSON.parse(scalars[name].values[given])))
    type.serialize = v => v
    type.parseValue = v => {
      const at = JSON.stringify(v)
      if (!known.has(at)) throw new Error('no value of ' + name)
      return known.get(at)
    }
    type.parseLiteral = node => {
      if (![Kind.STRING, Kind.INT, Kind.FLOAT].includes(node.kind)) throw new Error('no value of ' + name)
      return type.parseValue(valueFromASTUntyped(node))
    }
  }
  return {schema, plain}
}

// unconditional is what the edition of September 2025 adds to the single root field
// (section 5.2.4.1), and this version of the reference has not: whether there is a
// stream does not hang on @skip or @include.
function unconditional(context) {
  const visit = (set, seen) => {
    for (const s of set.selections) {
      for (const d of s.directives) {
        if (['skip', 'include'].includes(d.name.value)) context.reportError(new GraphQLError('a condition at the root of a subscription', {nodes: d}))
      }
      if (s.kind === Kind.INLINE_FRAGMENT) visit(s.selectionSet, seen)
      if (s.kind === Kind.FRAGMENT_SPREAD && !seen.has(s.name.value)) {
        seen.add(s.name.value)
        const f = context.getFragment(s.name.value)
        if (f) visit(f.selectionSet, seen)
      }
    }
  }
  return {OperationDefinition(node) { if (node.operation === 'subscription') visit(node.selectionSet, new Set()) }}
}

// faultsOf are those of a document. The reference throws where a condition at the
// root of a subscription hangs on a variable.
function faultsOf(schema, query) {
  try {
    const document = parse(query)
    return {document, faults: validate(schema, document, [...specifiedRules, unconditional]).map(e => e.message)}
  } catch (e) {
    if (!(e instanceof GraphQLError)) throw e
    return {faults: [e.message]}
  }
}

async function answer({schema, plain}, {query, variables, operationName}) {
  const {document, faults} = faultsOf(schema, query)
  if (faults.length) return {refused: 'document', errors: [], says: faults}
  const kind = document.definitions.find(d => d.kind === Kind.OPERATION_DEFINITION && (!operationName || d.name?.value === operationName))?.operation
  const asked = {schema, document, operationName, variableValues: variables, rootValue: {id: kind === 'mutation' ? 'M' : 'Q'},
    contextValue: {next: 0}, fieldResolver: resolver(plain, schema), typeResolver: v => v.object}
  const result = kind === 'subscription' ? await told(asked) : execute(asked)
  const errors = result.errors ?? []
  const paths = errors.map(e => e.path ?? null)
  const says = errors.map(e => e.message)
  if ('data' in result) return {refused: '', data: result.data, errors: paths, says}
  return paths.length && paths[0] ? {refused: 'source', errors: paths, says} : {refused: 'variables', errors: [], says}
}

// told is what a subscription answers to its source's one event, or why there is no
// source.
async function told(asked) {
  const stream = await subscribe({...asked, subscribeFieldResolver: async function* () { yield {id: 'S'} }})
  if (!(Symbol.asyncIterator in stream)) return stream
  const {value} = await stream.next()
  if (!(await stream.next()).done) throw new Error('there is a second answer to one event')
  return value
}

function hash(s) {
  let h = 0x811c9dc5
  for (const b of Buffer.from(s, 'utf8')) h = Math.imul(h ^ b, 0x01000193)
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ h >>> 16) >>> 0
}

function pick(s, n) { return hash(s) % n }

function hex(n) { return n.toString(16).padStart(8, '0') }

function resolver(plain, schema) {
  return (source, args, context, {fieldName, parentType, returnType}) => {
    const written = canonical(args)
    let key = source.id + '.' + fieldName + written
    if (fieldName.startsWith('echo')) return written
    const counts = parentType.name === 'Mutation' && fieldName.startsWith('next')
    if (counts) {
      const n = ++context.next
      if (fieldName === 'next') return n
      key += n
    }
    const getter = parentType.getFields()[fieldName].args.length === 0 && !counts && pick(parentType.name + '.' + fieldName, 2) === 0
    return complete(plain, schema, returnType, key, getter && !isNonNullType(returnType))
  }
}

function complete(plain, schema, of, key, filled) {
  const nonNull = isNonNullType(of)
  if (nonNull) of = of.ofType
  const list = isListType(of)
  const r = pick(key + '?', 200)
  if (nonNull ? r < 1 : r < 6) return new Error('the data have an error here')
  if (nonNull ? !list && r < 2 : r < 24) return null
  if (r === 199 && !filled && !list) {
    if (of.name === 'Int') return 2147483648
    if (isEnumType(of)) return 'NOWHERE'
    if (isAbstractType(of)) return {object: 'Nowhere', id: ''}
  }
  if (list) return Array.from({length: pick(key + '#', 4)}, (_, i) => complete(plain, schema, of.ofType, key + '/' + i, false))
  if (isEnumType(of)) return of.getValues()[pick(key, of.getValues().length)].name
  if (isLeafType(of)) return scalar(plain, of.name, key, filled)
  const possible = isAbstractType(of) ? schema.getPossibleTypes(of).map(t => t.name).sort() : [of.name]
  return {object: possible[pick(key + '@', possible.length)], id: hex(hash(key)) + hex(hash(key + '~'))}
}

function scalar(plain, name, key, filled) {
  const i = pick(key, filled ? 5 : 6)
  switch (name) {
    case 'Int': return [1, -1, 2147483647, -2147483648, 7, 0][i]
    case 'Float': return [0.5, -1.25, 3, 1e21, 1e-7, 0][i]
    case 'String': return ['plain', 'a "quoted" \\ one', 'été 🂡', 'line\nafter\tline\u2028\u0000', '<&>', ''][i]
    case 'Boolean': return i % 2 === 0
    case 'ID': return hex(hash(key))
  }
  const values = plain.get(name).filter(v => !filled || v !== 0 && v !== '')
  return values[pick(key, values.length)]
}

function canonical(v) {
  if (Array.isArray(v)) return '[' + v.map(canonical).join(',') + ']'
  if (v !== null && typeof v === 'object') return '{' + Object.keys(v).sort().map(k => JSON.stringify(k) + ':' + canonical(v[k])).join(',') + '}'
  return JSON.stringify(v)
}
