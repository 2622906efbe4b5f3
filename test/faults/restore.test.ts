import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { broughtElsewhere } from '../support/book-db.ts'
import { until } from '../support/until.ts'
import { octavo, startStore } from '../support/whole-store.ts'

/** A free, limited edition of the sample catalogue: one for each customer, no payment. */
const isbn = '9786490000034'
const buyers = 6
/** PDFs are not in the archive, and are drawn again a few at a time. */
const redrawnWithinMs = 120_000

test('a store goes back to a moment in the middle of a drop: its audit is clean, and every order acknowledged before is there', {
  skip: broughtElsewhere,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-restore-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const archive = join(folder, 'archive')
  const store = await startStore(t, 'on', { OCTAVO_ARCHIVE: archive })
  await until(() => /a base is in the archive/.test(store.said()), 'the archive has a base')

  const placed: { id: string; token: string }[] = []
  let isOver = false
  const buy = async (buyer: number) => {
    for (let n = 0; !isOver; n++) {
      const answer = await order(store.url, `${buyer}-${n}`)
      if (answer.status === 201) placed.push((await answer.json()) as { id: string; token: string })
    }
  }
  const buying = Promise.all(Array.from({ length: buyers }, (_, buyer) => buy(buyer)))
  await until(() => placed.length >= 20, 'orders are placed')
  const before = [...placed]
  // Orders of the millisecond that is named may lie on either side of it.
  await new Promise((resolve) => setTimeout(resolve, 2))
  const at = new Date().toISOString()
  await until(() => placed.length >= before.length + 20, 'the drop goes on')
  isOver = true
  await buying

  const data = join(folder, 'data')
  let said = ''
  await until(
    async () => {
      const args = ['restore', archive, '--at', at, '--to', data]
      const restored = await octavo(store, [...args, '--key', join(store.data, 'secrets', 'backup-key')])
      said = restored.said
      return restored.code === 0
    },
    () => `the archive reaches to ${at}: ${said}`,
  )
  const again = await startStore(t, 'on', { OCTAVO_DATA: data })
  for (const { id, token } of before) {
    const answer = await fetch(`${again.url}/api/orders/${id}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    assert.equal(answer.status, 200, `order ${id} was acknowledged before ${at}`)
  }
  const found = await Promise.all(
    placed
      .slice(-5)
      .map(({ id, token }) =>
        fetch(`${again.url}/api/orders/${id}`, { headers: { authorization: `Bearer ${token}` } }),
      ),
  )
  assert.ok(
    found.every(({ status }) => status === 404),
    'what came long after is not there',
  )
  await until(
    async () => {
      const audit = await octavo(again, ['audit'])
      said = audit.said
      return audit.code === 0
    },
    () => `the audit is clean: ${said}`,
    redrawnWithinMs,
  )
})

function order(url: string, key: string): Promise<Response> {
  return fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `restore-${key}` },
    body: JSON.stringify({
      customer: { name: 'Ada Byron', email: `ada-${key}@example.org` },
      lines: [{ isbn, quantity: 1 }],
    }),
  })
}
