import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { main as octavo } from '../../src/main.ts'
import { prepareS3 } from '../../test/support/versitygw/prepare.ts'
import { startRealParts } from './parts.ts'

const packages: Readonly<Record<string, string>> = {
  '/usr/lib/rabbitmq/bin/rabbitmq-server': 'rabbitmq-server',
  '/usr/bin/redis-server': 'redis-server',
  '/usr/sbin/mariadbd': 'mariadb-server',
}

/**
 * `npm run real [-- --demo on|off]`: starts RabbitMQ, an S3 server, Redis, MariaDB and the store on them as processes on
 * this machine, and stops all of it on Ctrl-C. What they have is kept in `real/` of the data folder.
 * @returns the exit code
 */
export async function main(args: string[]): Promise<number> {
  // The servers have to be there until the store has stopped.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  if (!install()) return 1
  await prepareS3(say)
  const ends: (() => unknown)[] = []
  try {
    say('Starting RabbitMQ, an S3 server and Redis …')
    const { dataPath } = readConfig(process.env)
    const parts = await startRealParts({ after: (end) => void ends.push(end) }, join(dataPath, 'real'))
    Object.assign(process.env, { ...parts.env, ...process.env })
    say(
      `RabbitMQ  amqp://127.0.0.1:${parts.rabbit.port}, management ${new URL('/', parts.rabbit.api)} (guest, guest)`,
    )
    say(`S3        http://127.0.0.1:${parts.s3.port}, bucket vouchers`)
    say(`Redis     redis://127.0.0.1:${parts.redis.port}`)
    say(`BookDb    ${parts.env.OCTAVO_BOOK_DB === undefined ? "PostgreSQL, the store's own" : 'MariaDB'}`)
    return await octavo(['start', ...args])
  } finally {
    for (const end of ends.toReversed()) await end()
    say('RabbitMQ, the S3 server and the others have stopped.')
  }
}

/** @returns whether all that comes from Debian is there */
function install(): boolean {
  const missing = Object.entries(packages).flatMap(([path, name]) => (existsSync(path) ? [] : [name]))
  if (missing.length === 0) return true
  const isDebian = existsSync('/usr/bin/apt-get')
  if (!isDebian || process.getuid?.() !== 0) {
    console.error(
      `octavo: this needs ${missing.join(', ')}. As root on Debian: apt-get install ${missing.join(' ')}`,
    )
    return false
  }
  say(`Installing ${missing.join(', ')} …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' })
  const quiet = ['install', '-y', '-qq', '--no-install-recommends']
  execFileSync('apt-get', [...quiet, ...missing], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  return true
}

const say = (text: string) => console.log(text)
