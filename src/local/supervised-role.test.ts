import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../test/support/until.ts'
import { superviseRole } from './supervised-role.ts'

test('a role that freezes while it starts is replaced', async (t) => {
  const lines: string[] = []
  const role = superviseRole({
    name: 'sleeper',
    command: ['-e', `setInterval(() => process.send({ kind: 'starts' }), 100)`],
    env: process.env,
    log: { say: () => {}, line: (_name, line) => void lines.push(line) },
    onChange: () => {},
    liveness: { probeEveryMs: 100, probeTimeoutMs: 200, idleMs: 1_000, busyMs: 10_000 },
  })
  t.after(() => role.stop(0))
  const first = role.process?.pid ?? 0
  process.kill(first, 'SIGSTOP')
  await until(() => role.process !== undefined && role.process.pid !== first)
  assert.match(lines[0] ?? '', /does nothing; it is ended and started again/)
})
