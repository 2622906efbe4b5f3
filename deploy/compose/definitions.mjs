import { createHash, randomBytes } from 'node:crypto'

/**
 * What an operator imports into RabbitMQ: one user for each role, who may do what that role does and no more. In the order
 * of RabbitMQ's access control: declare, write to, read from; patterns of names.
 */
const own = {
  catalog: { configure: 'unrouted', write: '|unrouted', read: '' },
  orders: {
    configure: '|dead|unrouted|orders-.*|retry\\..*',
    write: '|dead|unrouted|orders-.*|retry\\..*',
    read: '|dead|orders-.*|retry\\..*',
  },
  vouchers: {
    configure: '|dead|unrouted|vouchers-.*|retry\\..*',
    write: '|dead|unrouted|vouchers-.*|retry\\..*',
    read: '|dead|vouchers-.*|retry\\..*',
  },
  gateway: { configure: '|unrouted|listen\\..*', write: '|unrouted|listen\\..*', read: '|listen\\..*' },
  // The S3 server, which only tells of new objects: to an exchange from which nothing else goes on to the others'.
  bucket: { configure: '', write: '^octavo\\.bucket$', read: '' },
}

/**
 * @param {Record<string, string>} passwords by user; every user of `rabbitUsers` needs one
 * @returns the definitions, as the management API and `load_definitions` take them
 */
export function rabbitDefinitions(passwords) {
  const users = Object.keys(own)
  return {
    vhosts: [{ name: '/' }],
    users: users.map((name) => ({
      name,
      password_hash: hashOf(passwords[name]),
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: [],
    })),
    permissions: users.map((user) => ({
      user,
      vhost: '/',
      ...Object.fromEntries(
        Object.entries(own[user]).map(([right, names]) => [right, patternOf(names, right)]),
      ),
    })),
    // All else is declared by whoever needs it first.
    exchanges: ['octavo', 'octavo.bucket'].map((name) => ({
      ...{ name, vhost: '/', type: 'direct', durable: true },
      ...{ auto_delete: false, internal: false, arguments: {} },
    })),
    bindings: [
      {
        ...{ source: 'octavo.bucket', vhost: '/', destination: 'octavo', destination_type: 'exchange' },
        ...{ routing_key: 'bucket.notified', arguments: {} },
      },
    ],
  }
}

export const rabbitUsers = Object.keys(own)

/**
 * The exchange itself, and names after `octavo.`; the default exchange, which moves messages to queues, for writers. What
 * is a pattern already stays as it is.
 */
function patternOf(names, right) {
  if (names.startsWith('^')) return names
  const [, ...after] = names.startsWith('|') ? names.split('|') : ['', ...names.split('|')]
  const parts = after.filter(Boolean).map((name) => `octavo\\.${name}`)
  if (names.startsWith('|') || right !== 'configure') parts.unshift('octavo')
  if (right === 'write' && after.some(Boolean)) parts.unshift('amq\\.default')
  return names === '' ? '^$' : `^(${parts.join('|')})$`
}

/** Source: RabbitMQ, "Passwords", computing the hash of a password. */
function hashOf(password) {
  const salt = randomBytes(4)
  const digest = createHash('sha256').update(salt).update(password, 'utf8').digest()
  return Buffer.concat([salt, digest]).toString('base64')
}
