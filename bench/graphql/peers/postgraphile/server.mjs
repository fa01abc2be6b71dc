// PostGraphile over the views of the schema "api", in a plain HTTP server.
// argv: address, DSN, connections.
import { createServer } from 'node:http'
import pg from 'pg'
import { postgraphile } from 'postgraphile'

const [address, dsn, connections] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: dsn, max: Number(connections), idleTimeoutMillis: 0 })
const handler = postgraphile(pool, 'api', {
  disableQueryLog: true,
  legacyRelations: 'omit',
  ignoreRBAC: true,
  dynamicJson: true,
  // The views say by these settings whom they are for.
  pgSettings: async request => {
    const [state, ...viewers] = request.headers['x-viewer'].split(',')
    return { 'bench.state': state, 'bench.viewers': '{' + viewers.map(v => JSON.stringify(v)).join(',') + '}' }
  }
})
const [host, port] = address.split(':')
createServer(handler).listen(Number(port), host, () => console.log('listening'))
// Whoever started this holds its standard input, and ends it by letting go.
process.stdin.resume().on('end', () => process.exit())
