import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freeInnerPort } from '../../src/local/free-port.ts'
import { childrenOf } from '../../src/local/process-identity.ts'
import type { TestScope } from '../support/database.ts'

/** A real stack of plain processes: PostgreSQL under Patroni, etcd, and HAProxy in front, all on this machine. */
export type PatroniCluster = {
  /** Names every server. */
  url: string
  /** Of the proxy, behind which the primary is. */
  proxyUrl: string
  leader(): Promise<string | undefined>
  /** How many replicas run beside the leader. */
  following(): Promise<number>
  /** How many of them Patroni has written down as synchronous: nobody else may take the lead. */
  synchronous(): Promise<number>
  /** What the cluster says of each member, for whoever wonders. */
  described(): Promise<string>
  switchover(from: string): Promise<void>
  /** SIGKILL to the server and its sessions; Patroni lives. */
  kill(member: string): void
  /** SIGKILL to the server and to its Patroni: nothing is left to give the lead up. */
  lose(member: string): void
  freeze(member: string): void
  thaw(member: string): void
}

const programs = ['/usr/bin/patroni', '/usr/bin/etcd', '/usr/sbin/haproxy']
const password = 'secret'
const startLimitMs = 120_000

/** @returns what is missing to run one here, as Debian calls it */
export function patroniMissing(): string | false {
  const isThere = programs.every((program) => existsSync(program)) && postgresFolder() !== undefined
  return isThere ? false : 'there is no Patroni here: apt-get install patroni etcd-server haproxy postgresql'
}

function postgresFolder(): string | undefined {
  return [18, 17, 16, 15]
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((path) => existsSync(path))
}

type Member = { name: string; port: number; rest: number; data: string; patroni: ChildProcess | undefined }

/** Starts them; everything ends with the test. */
export async function startPatroni(t: TestScope, count: number): Promise<PatroniCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-patroni-'))
  const user = owner()
  own(folder, user)
  const children: ChildProcess[] = []
  const members: Member[] = []
  t.after(async () => {
    for (const member of members) killAll(member)
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  })
  const run = (program: string, args: string[]) => {
    const options = { stdio: 'ignore', cwd: folder, detached: true, ...user } as const
    const child = spawn(program, args, {
      ...options,
      env: { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C.UTF-8' },
    })
    children.push(child)
    return child
  }
  const [client, peer, proxy] = [await freeInnerPort(), await freeInnerPort(), await freeInnerPort()]
  const etcd = `http://127.0.0.1:${client}`
  run(programs[1] ?? '', [
    ...['--data-dir', join(folder, 'etcd'), '--listen-client-urls', etcd, '--advertise-client-urls', etcd],
    ...['--listen-peer-urls', `http://127.0.0.1:${peer}`, '--log-level', 'error', '--unsafe-no-fsync'],
  ])
  for (let number = 1; number <= count; number++) {
    const [port, rest] = [await freeInnerPort(), await freeInnerPort()]
    const member: Member = {
      name: `pg${number}`,
      port,
      rest,
      data: join(folder, `pg${number}`),
      patroni: undefined,
    }
    const file = join(folder, `${member.name}.json`)
    writeFileSync(file, JSON.stringify(patroniConfig(member, client, folder)), { mode: 0o600 })
    own(file, user)
    member.patroni = run(programs[0] ?? '', [file])
    members.push(member)
    // The first becomes the leader, so that the others have somebody to copy.
    if (number === 1) await untilTrue(async () => (await leaderOf(members)) !== undefined)
  }
  const haproxy = join(folder, 'haproxy.cfg')
  writeFileSync(haproxy, haproxyConfig(members, proxy), { mode: 0o644 })
  run(programs[2] ?? '', ['-f', haproxy, '-db'])
  const find = (name: string) => members.find((member) => member.name === name) as Member
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const at = (place: string) => `postgres://postgres:${password}@${place}/postgres`
  const cluster: PatroniCluster = {
    url: at(hosts),
    proxyUrl: at(`127.0.0.1:${proxy}`),
    leader: () => leaderOf(members),
    following: async () =>
      (await stateOf(members)).filter(
        ({ state, role }) => ['running', 'streaming'].includes(state) && role !== 'leader',
      ).length,
    synchronous: async () => (await stateOf(members)).filter(({ role }) => role === 'sync_standby').length,
    described: async () =>
      (await stateOf(members)).map(({ name, role, state }) => `${name} ${role} ${state}`).join(', '),
    async switchover(from) {
      const body = JSON.stringify({ leader: from })
      const ask = () => fetch(`http://127.0.0.1:${find(from).rest}/switchover`, { method: 'POST', body })
      const deadline = performance.now() + 30_000
      // Replicas follow before the leader has written down which of them are synchronous.
      for (let answer = await ask(); !answer.ok; answer = await ask()) {
        const said = await answer.text()
        if (performance.now() > deadline) throw new Error(`no switchover: ${said}`)
        await sleep(500)
      }
    },
    kill: (name) => signal(serversOf(find(name)), 'SIGKILL'),
    lose: (name) => killAll(find(name)),
    freeze: (name) => signal(processesOf(find(name)), 'SIGSTOP'),
    thaw: (name) => signal(processesOf(find(name)), 'SIGCONT'),
  }
  await untilTrue(async () => (await cluster.following()) === count - 1)
  return cluster
}

/** JSON is YAML. */
function patroniConfig({ name, port, rest, data }: Member, etcd: number, folder: string) {
  const at = (to: number) => `127.0.0.1:${to}`
  return {
    ...{ scope: 'octavo', name, etcd3: { hosts: at(etcd) } },
    restapi: { listen: at(rest), connect_address: at(rest) },
    bootstrap: {
      dcs: {
        ...{ ttl: 20, loop_wait: 1, retry_timeout: 4, master_start_timeout: 0 },
        ...{ maximum_lag_on_failover: 1_048_576, synchronous_mode: true, synchronous_node_count: 2 },
        postgresql: {
          use_slots: true,
          parameters: {
            ...{ max_connections: 60, max_prepared_transactions: 20, shared_buffers: '16MB' },
            ...{ wal_keep_size: '64MB', wal_retrieve_retry_interval: '500ms', max_wal_senders: 10 },
          },
        },
      },
      initdb: [{ encoding: 'UTF8' }, 'no-sync'],
      pg_hba: [
        'host all all 127.0.0.1/32 md5',
        'host replication all 127.0.0.1/32 md5',
        'local all all trust',
      ],
    },
    postgresql: {
      ...{ listen: at(port), connect_address: at(port), data_dir: data, bin_dir: postgresFolder() },
      ...{ pgpass: join(folder, `${name}.pgpass`), parameters: { unix_socket_directories: folder } },
      authentication: {
        superuser: { username: 'postgres', password },
        replication: { username: 'replicator', password },
      },
    },
  }
}

function haproxyConfig(members: readonly Member[], port: number): string {
  const servers = members.map(
    ({ name, port: to, rest }) => `  server ${name} 127.0.0.1:${to} check port ${rest}`,
  )
  return `defaults
  mode tcp
  timeout connect 2s
  timeout client 1m
  timeout server 1m
  timeout check 2s
listen primary
  bind 127.0.0.1:${port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`
}

type MemberState = { name: string; role: string; state: string }

/** As the first Patroni that answers sees it. */
async function stateOf(members: readonly Member[]): Promise<MemberState[]> {
  for (const { rest } of members)
    try {
      const answer = await fetch(`http://127.0.0.1:${rest}/cluster`, { signal: AbortSignal.timeout(2_000) })
      return ((await answer.json()) as { members: MemberState[] }).members
    } catch {
      // Another one may know.
    }
  return []
}

/** Who says of itself that it is the primary, lock and all. */
async function leaderOf(members: readonly Member[]): Promise<string | undefined> {
  const asked = members.map(async ({ name, rest }) => {
    const options = { signal: AbortSignal.timeout(1_000) }
    const answer = await fetch(`http://127.0.0.1:${rest}/primary`, options).catch(() => undefined)
    return answer?.status === 200 ? name : undefined
  })
  return (await Promise.all(asked)).find((name) => name !== undefined)
}

/** The server and its sessions. */
function serversOf({ data }: Member): number[] {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return []
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  return pid > 0 ? [pid, ...childrenOf(pid)] : []
}

const processesOf = (member: Member) =>
  [member.patroni?.pid ?? 0, ...serversOf(member)].filter((pid) => pid > 0)

function signal(pids: readonly number[], what: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, what)
    } catch {
      // It has ended by itself.
    }
}

function killAll(member: Member): void {
  signal(processesOf(member), 'SIGKILL')
}

/** PostgreSQL does not run as root. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'])))
  return { uid: uid ?? 0, gid: gid ?? 0 }
}

function own(path: string, { uid, gid }: { uid?: number; gid?: number }): void {
  mkdirSync(join(path, '..'), { recursive: true })
  if (uid === undefined || gid === undefined) return
  chmodSync(path, path.endsWith('.json') ? 0o600 : 0o700)
  chownSync(path, uid, gid)
}

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + startLimitMs
  while (!(await condition())) {
    if (performance.now() > giveUpMs) throw new Error(`Patroni was not ready within ${startLimitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function ended(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', resolve))
}
