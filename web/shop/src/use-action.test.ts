import assert from 'node:assert/strict'
import { test } from 'node:test'
import { useAction } from './use-action.ts'

test('an action runs one at a time, and why it failed stays until the next begins', async () => {
  const { busy, failure, run } = useAction()
  const first = Promise.withResolvers<void>()
  const running = run(() => first.promise)
  assert.equal(busy.value, true)
  let isBegun = false
  const second = run(async () => {
    isBegun = true
  })
  assert.deepEqual([await second, isBegun], [false, false])
  first.reject(new Error('refused'))
  assert.equal(await running, false)
  assert.deepEqual([busy.value, String(failure.value)], [false, 'Error: refused'])
  const seen: unknown[] = []
  assert.equal(await run(async () => void seen.push(failure.value)), true)
  assert.deepEqual(seen, [undefined])
})
