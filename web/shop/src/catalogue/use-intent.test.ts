import assert from 'node:assert/strict'
import { test } from 'node:test'
import { useIntent } from './use-intent.ts'

test('who rests on a book, focuses or touches it means to open it, and who passes by does not', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let acted = 0
  const intent = useIntent(() => {
    acted++
  })
  intent.pointerenter({ pointerType: 'mouse' })
  t.mock.timers.tick(40)
  intent.pointerleave()
  t.mock.timers.tick(1_000)
  assert.equal(acted, 0)
  intent.pointerenter({ pointerType: 'mouse' })
  t.mock.timers.tick(80)
  assert.equal(acted, 1)
  intent.focus()
  intent.pointerenter({ pointerType: 'touch' })
  assert.equal(acted, 3)
})
