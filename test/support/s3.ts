import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeInnerPort } from '../../src/local/free-port.ts'
import type { TestScope } from './database.ts'
import { until } from './until.ts'
import { s3ServerPath } from './versitygw/prepare.ts'

/** A real S3 server of a test's own, as a plain process over a folder. */
export type S3Server = {
  port: number
  folder: string
  /** The URL of a bucket, which is made. */
  bucket(name: string, parameters?: string): string
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Starts it again, with what it had. */
  start(): Promise<void>
}

const [accessKey, secretKey] = ['octavo', 'secret-of+the/tests']

/** @returns why a test cannot run here; on a machine that must have everything this is a failure */
export function s3Missing(): string | false {
  if (existsSync(s3ServerPath())) return false
  const text = 'there is no S3 server here: node bin/bootstrap.mjs prepare-s3 builds one with Go'
  assert.notEqual(process.env.CI, 'true', text)
  return text
}

/** @param options of the server, such as where it sends the bucket's notifications */
export async function startS3(t: TestScope, ...options: string[]): Promise<S3Server> {
  return await startS3In(t, undefined, options)
}

/** @param kept a folder that is kept, with its buckets; otherwise one is made and goes with the test */
export async function startS3In(
  t: TestScope,
  kept: string | undefined,
  options: readonly string[],
): Promise<S3Server> {
  const port = await freeInnerPort()
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'octavo-s3-'))
  let child: ChildProcess | undefined
  const start = async () => {
    const address = ['--port', `127.0.0.1:${port}`, '--access', accessKey, '--secret', secretKey]
    const own = ['--quiet', '--health', '/health', ...options]
    child = spawn(s3ServerPath(), [...address, ...own, 'posix', folder], { stdio: 'ignore' })
    const health = () => fetch(`http://127.0.0.1:${port}/health`)
    const isUp = async () => (await health().catch(() => undefined))?.ok === true
    await until(isUp, 'an S3 server answers')
  }
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  t.after(async () => {
    await kill()
    if (kept === undefined) rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    ...{ port, folder, kill, start },
    bucket(name, parameters = '') {
      // To this server a bucket is a folder.
      mkdirSync(join(folder, name), { recursive: true })
      const credentials = `${accessKey}:${encodeURIComponent(secretKey)}`
      return `s3://${credentials}@127.0.0.1:${port}/${name}?tls=off${parameters}`
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

let shared: Promise<S3Server> | undefined
const ends: (() => unknown)[] = []

/** A bucket of a test's own on a server that the tests of a file share; the file calls `stopSharedS3` in the end. */
export async function testBucket(
  _: TestScope,
  parameters = '',
): Promise<{ url: string; server: S3Server; name: string }> {
  shared ??= startS3({ after: (end) => void ends.push(end) })
  const server = await shared
  const name = `t${randomBytes(5).toString('hex')}`
  return { server, name, url: server.bucket(name, parameters) }
}

/** For the `after` hook of a file. */
export async function stopSharedS3(): Promise<void> {
  for (const end of ends.splice(0)) await end()
}
