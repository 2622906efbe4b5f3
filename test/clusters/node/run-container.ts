import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { endWithProcess } from '../end-with-process.ts'

/** What stands for an image: a folder of this machine that is the container's `/opt/octavo`, and what is run there. */
export type Image = {
  folder: string
  /** Put over parts of it. */
  mounts?: readonly Mount[]
  entrypoint: readonly string[]
  env?: Readonly<Record<string, string>>
}

export type Mount = { from: string; to: string; readOnly: boolean }

export type ContainerRun = {
  image: Image
  command: readonly string[]
  env: Readonly<Record<string, string>>
  /** What it takes its machine to be called. */
  hostname: string
  user: number
  group: number
  supplementalGroup: number | undefined
  readOnlyRoot: boolean
  mounts: readonly Mount[]
  /** Of this container alone, for its root and its log. */
  folder: string
}

export type RunningContainer = {
  readonly pid: number
  readonly startedAt: string
  readonly logPath: string
  readonly ended: Promise<{ exitCode: number; signal: NodeJS.Signals | undefined }>
  signal(name: NodeJS.Signals): void
}

const imageFolder = '/opt/octavo'

/**
 * The root of a container: this machine's programs, the image, its mounts, and nothing else of this machine. Its process
 * is of the user that it should be, has no capabilities and gets none, as a container runtime would have it.
 */
const script = `
set -eu
root=$1 image=$2 user=$3 group=$4 groups=$5 rootMode=$6; shift 6
echo "$1" > /proc/sys/kernel/hostname; shift
mount -t tmpfs -o mode=755 tmpfs "$root"
for name in bin sbin lib lib64; do [ -L "/$name" ] && ln -s "usr/$name" "$root/$name"; done
read_only() { [ -e "$root$2" ] || mkdir -p "$root$2"; mount --bind "$1" "$root$2"; mount -o remount,bind,ro "$root$2"; }
read_only /usr /usr
read_only /etc /etc
read_only "$image" ${imageFolder}
for name in proc dev; do mkdir "$root/$name"; mount --rbind "/$name" "$root/$name"; done
mkdir -m 1777 "$root/tmp"
while [ "$1" != -- ]; do
  if [ "$3" = ro ]; then read_only "$1" "$2"; else mkdir -p "$root$2"; mount --bind "$1" "$root$2"; fi
  shift 3
done
shift
mount -o "remount,$rootMode" "$root"
cd "$root"
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --reuid "$user" --regid "$group" $groups --no-new-privs --inh-caps=-all \\
  --bounding-set=-all -- /usr/bin/env -C ${imageFolder} -- "$@"
`

/** Starts a container's process. It is ended with this one. */
export function runContainer(run: ContainerRun): RunningContainer {
  const root = join(run.folder, 'root')
  const logPath = join(run.folder, 'log')
  mkdirSync(root, { recursive: true })
  const groups = run.supplementalGroup === undefined ? '--clear-groups' : `--groups=${run.supplementalGroup}`
  const mounts = [...(run.image.mounts ?? []), ...run.mounts].flatMap(({ from, to, readOnly }) => [
    from,
    to,
    readOnly ? 'ro' : 'rw',
  ])
  const log = openSync(logPath, 'a')
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--uts', '--propagation', 'private', '--', 'sh', '-c', script, 'container', root],
      ...[run.image.folder, `${run.user}`, `${run.group}`, groups, run.readOnlyRoot ? 'ro' : 'rw'],
      run.hostname,
      ...[...mounts, '--', ...run.command],
    ],
    {
      stdio: ['ignore', log, log],
      detached: true,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', ...run.image.env, ...run.env },
    },
  )
  closeSync(log)
  const ended = endOf(child)
  void ended.then(endWithProcess(() => void kill(child, 'SIGKILL')))
  return {
    pid: child.pid ?? 0,
    startedAt: new Date().toISOString(),
    logPath,
    ended,
    signal: (name) => void kill(child, name),
  }
}

/** Shell and `unshare` replace themselves by what they start, so the child is the container's first process. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(signal === 'SIGTERM' ? child.pid : -child.pid, signal)
  } catch {
    // It has ended just now.
  }
}

function endOf(child: ChildProcess): RunningContainer['ended'] {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ exitCode: 128, signal: undefined }))
    child.once('exit', (code, signal) =>
      resolve({ exitCode: code ?? 137, signal: (signal as NodeJS.Signals | null) ?? undefined }),
    )
  })
}
