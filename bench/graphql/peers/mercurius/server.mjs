// Mercurius as its documentation tells to run it fast: jit, loaders, a pool of
// pg with named statements. argv: address, DSN, connections, folder of schema
// and statements.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import mercurius from 'mercurius'
import pg from 'pg'

const [address, dsn, connections, shared] = process.argv.slice(2)
const schema = readFileSync(join(shared, 'schema.graphql'), 'utf8')
const statements = JSON.parse(readFileSync(join(shared, 'statements.json'), 'utf8'))
const pool = new pg.Pool({ connectionString: dsn, max: Number(connections), idleTimeoutMillis: 0 })

async function rows (name, ...values) {
  const found = await pool.query({ name, text: statements[name], values })
  return found.rows
}

// children answers a connection per case; queries of one level have the same `first`.
async function children (name, queries, node) {
  const found = await rows(name, queries.map(q => q.obj.id), queries[0].params.first)
  const of = new Map()
  for (const r of found) {
    const list = of.get(r.case_id)
    if (list) list.push(node(r))
    else of.set(r.case_id, [node(r)])
  }
  return queries.map(q => ({ nodes: of.get(q.obj.id) ?? [] }))
}

const app = Fastify()
await app.register(mercurius, {
  schema,
  jit: 1,
  context: request => {
    const [state, ...viewers] = request.headers['x-viewer'].split(',')
    return { state, viewers }
  },
  resolvers: {
    Query: {
      viewer: () => ({}),
      node: async (_, { id }, { state, viewers }) => (await rows('case', state, viewers, id))[0] ?? null
    },
    Node: { resolveType: () => 'Case' },
    Viewer: {
      cases: async (_, { first }, { state, viewers }) => ({ nodes: await rows('cases', state, viewers, first) })
    },
    Mutation: {
      entryAdd: async (_, { input }, { state, viewers }) => {
        const entries = []
        for (const item of input.items) entries.push(...await rows('add', 'entry_' + randomUUID(), item.text, input.idempotencyKey, state, viewers, input.case))
        return { entries }
      }
    }
  },
  loaders: {
    Case: {
      evidence: { opts: { cache: false }, loader: queries => children('evidence', queries, r => ({ id: r.id, name: r.name, mediaType: r.media_type, size: r.size, status: r.status })) },
      entries: { opts: { cache: false }, loader: queries => children('entries', queries, r => r) }
    },
    Evidence: {
      custody: {
        opts: { cache: false },
        loader: async queries => {
          const of = new Map(queries.map(q => [q.obj.id, []]))
          for (const r of await rows('custody', [...of.keys()])) of.get(r.evidence_id).push(r)
          return queries.map(q => of.get(q.obj.id))
        }
      }
    }
  }
})
const [host, port] = address.split(':')
await app.listen({ host, port: Number(port) })
console.log('listening')
// Whoever started this holds its standard input, and ends it by letting go.
process.stdin.resume().on('end', () => process.exit())
