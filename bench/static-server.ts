import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../test/support/redis.ts'

const binary = '/usr/sbin/nginx'

/** Bytes under the name of a file. */
export type Served = { name: string; type: string; bytes: Buffer }

/**
 * nginx with one worker that serves these bytes from files, as fast as it can.
 * @throws Error when there is no nginx
 */
export async function startStatic(
  folder: string,
  files: readonly Served[],
): Promise<AsyncDisposable & { url: string; pid: number }> {
  if (!existsSync(binary)) throw new Error('there is no nginx here: apt-get install nginx-light')
  const port = await freePort()
  mkdirSync(join(folder, 'files'), { recursive: true, mode: 0o755 })
  for (const { name, bytes } of files) writeFileSync(join(folder, 'files', name), bytes)
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, settings(folder, port, files))
  const child = spawn(binary, ['-p', folder, '-c', config, '-e', join(folder, 'errors')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  const deadline = performance.now() + 10_000
  while (!(await fetch(`${url}/${files[0]?.name}`).catch(() => undefined))?.ok)
    if (performance.now() > deadline) throw new Error('nginx did not start')
  return {
    ...{ url, pid: child.pid ?? 0 },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}

const settings = (folder: string, port: number, files: readonly Served[]) => `
user root;
worker_processes 1;
daemon off;
pid ${join(folder, 'pid')};
events { worker_connections 2048; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=100 inactive=600s;
  open_file_cache_valid 600s;
  server {
    listen 127.0.0.1:${port};
    root ${join(folder, 'files')};
${files.map(({ name, type }) => `    location = /${name} { types {} default_type "${type}"; }`).join('\n')}
  }
}
`
